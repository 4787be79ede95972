"""Operations that change the shape or the order of axes, and leave each element as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from edgecv_converters.coreai.builder import Operand, ProgramBuilder, Value


def reshaped(net: ProgramBuilder, x: Operand, **_settings: Any) -> Value:
    """Give the elements in the shape that the program declares."""
    return net.reshape(net.raw(x), net.shape)


def transpose(net: ProgramBuilder, x: Operand, perm: tuple[int, ...]) -> Value:
    """Put the axes into another order."""
    return net.transpose(net.raw(x), [axis % x.rank for axis in perm])


def reverse(net: ProgramBuilder, x: Operand, axes: tuple[int, ...] | None = None) -> Value:
    """Turn axes around."""
    chosen = range(x.rank) if axes is None else [axis % x.rank for axis in axes]
    return net.ai.reverse(net.raw(x), net.axes(list(chosen)))


def concat(net: ProgramBuilder, values: Sequence[Operand], axis: int, interleave: bool = False) -> Value:
    """Join tensors; interleaved, an element of each in turn."""
    rank = values[0].rank
    if not interleave:
        return net.ai.concat(net.axes(axis % rank), [net.raw(value) for value in values])
    return net.reshape(_stacked(net, values, axis % rank + 1), net.shape)


def stack(net: ProgramBuilder, values: Sequence[Operand], axis: int) -> Value:
    """Join tensors along a new axis."""
    return _stacked(net, values, axis % (values[0].rank + 1))


def _stacked(net: ProgramBuilder, values: Sequence[Operand], axis: int) -> Value:
    shape = values[0].shape
    parts = [net.reshape(net.raw(value), (*shape[:axis], 1, *shape[axis:])) for value in values]
    return net.ai.concat(net.axes(axis), parts)


def split(net: ProgramBuilder, x: Operand, axis: int, **_settings: Any) -> tuple[Value, ...]:
    """Cut into the parts that the program declares."""
    axis, first, parts = axis % x.rank, 0, []
    for made in net.made:
        size = made.shape[axis] or 0
        ends = [(0, length, 1) for length in x.shape]
        ends[axis] = (first, first + size, 1)
        parts.append(net.slice(net.raw(x), ends))
        first += size
    return tuple(parts)


def tile(net: ProgramBuilder, x: Operand, reps: tuple[int, ...]) -> Value:
    """Repeat along axes."""
    return net.ai.tile(net.raw(x), net.counts(list(reps)))


def _moved(net: ProgramBuilder, value: Value, parts: Sequence[int], order: Sequence[int]) -> Value:
    return net.reshape(net.transpose(net.reshape(value, parts), order), net.shape)


def depth_to_space(net: ProgramBuilder, x: Operand, block_size: int) -> Value:
    """Spread channels over blocks; the place in the block is the channel's outer part."""
    number, channels, height, width = x.shape
    parts = (number, block_size, block_size, channels // block_size**2, height, width)
    return _moved(net, net.raw(x), parts, (0, 3, 4, 1, 5, 2))


def space_to_depth(net: ProgramBuilder, x: Operand, block_size: int) -> Value:
    """Collect blocks into channels: the inverse of depth_to_space."""
    number, channels, height, width = x.shape
    parts = (number, channels, height // block_size, block_size, width // block_size, block_size)
    return _moved(net, net.raw(x), parts, (0, 3, 5, 1, 2, 4))


def pixel_shuffle(net: ProgramBuilder, x: Operand, upscale_factor: int) -> Value:
    """Spread channels over blocks; the place in the block is the channel's inner part."""
    number, channels, height, width = x.shape
    parts = (number, channels // upscale_factor**2, upscale_factor, upscale_factor, height, width)
    return _moved(net, net.raw(x), parts, (0, 1, 4, 2, 5, 3))


def pixel_unshuffle(net: ProgramBuilder, x: Operand, downscale_factor: int) -> Value:
    """Collect blocks into channels: the inverse of pixel_shuffle."""
    number, channels, height, width = x.shape
    factor = downscale_factor
    parts = (number, channels, height // factor, factor, width // factor, factor)
    return _moved(net, net.raw(x), parts, (0, 1, 3, 5, 2, 4))


def space_to_batch(net: ProgramBuilder, x: Operand, block_shape: tuple[int, ...], paddings: Operand) -> Value:
    """Make samples of the places in blocks, the outer part of the batch."""
    (top, bottom), (left, right) = paddings.constant.tolist()
    whole = net.pad(net.raw(x), (0, 0, 0, 0, top, bottom, left, right), net.number(0, x.dtype))
    number, channels, height, width = x.shape
    height, width = height + top + bottom, width + left + right
    down, across = block_shape
    parts = (number, channels, height // down, down, width // across, across)
    return _moved(net, whole, parts, (3, 5, 0, 1, 2, 4))


def batch_to_space(net: ProgramBuilder, x: Operand, block_shape: tuple[int, ...], crops: Operand) -> Value:
    """Put samples back into their places: the inverse of space_to_batch."""
    number, channels, height, width = x.shape
    down, across = block_shape
    parts = (down, across, number // (down * across), channels, height, width)
    moved = net.transpose(net.reshape(net.raw(x), parts), (2, 3, 4, 0, 5, 1))
    whole = net.reshape(moved, (parts[2], channels, height * down, width * across))
    (top, bottom), (left, right) = crops.constant.tolist()
    rows, columns = (top, height * down - bottom, 1), (left, width * across - right, 1)
    return net.slice(whole, [(0, parts[2], 1), (0, channels, 1), rows, columns])


def shape(net: ProgramBuilder, x: Operand) -> Value:
    """Give the sizes, which are known."""
    return net.constant(np.array(x.shape, np.int32))


HANDLERS: Final[dict[str, Any]] = {
    **dict.fromkeys(("reshape", "reshape_like", "expand_dims", "squeeze", "flatten2d"), reshaped),
    **{
        function.__name__: function
        for function in (
            *(transpose, reverse, concat, stack, split, tile, depth_to_space, space_to_depth, pixel_shuffle),
            *(pixel_unshuffle, space_to_batch, batch_to_space, shape),
        )
    },
}
