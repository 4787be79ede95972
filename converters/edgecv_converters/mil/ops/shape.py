"""Operations that change the shape or the order of axes, and leave each element as it is."""

from __future__ import annotations

import math

import numpy as np

from edgecv_converters.mil.dtypes import Array
from edgecv_converters.mil.registry import movement


def reshape(x: Array, shape: tuple[int, ...]) -> Array:
    """MIL ops, iOS15 and iOS17, reshape: -1 is what is left; 0 is x's size there, counted from the right, or 1."""
    kept = [1] * max(0, len(shape) - x.ndim) + list(x.shape[max(0, x.ndim - len(shape)) :])
    return x.reshape([old if new == 0 else new for new, old in zip(shape, kept, strict=True)])


def reshape_like(
    x: Array,
    ref_tensors: tuple[Array, ...],
    begins: tuple[Array, ...],
    ends: tuple[Array, ...],
    end_masks: tuple[Array, ...],
) -> Array:
    """MIL ops, iOS16, reshape_like: to parts of other tensors' shapes, one after the other."""
    shape: list[int] = []
    for reference, begin, end, mask in zip(ref_tensors, begins, ends, end_masks, strict=True):
        shape += reference.shape[int(begin) : None if bool(mask) else int(end)]
    return x.reshape(shape)


def expand_dims(x: Array, axes: tuple[int, ...]) -> Array:
    """MIL ops, iOS15, expand_dims: axes of size 1 at these places of the result."""
    return np.expand_dims(x, axes)


def squeeze(x: Array, axes: tuple[int, ...] | None = None) -> Array:
    """MIL ops, iOS15, squeeze: without axes of size 1 (those in `axes`); others stay."""
    chosen = range(x.ndim) if axes is None else {axis % x.ndim for axis in axes}
    return x.reshape([size for axis, size in enumerate(x.shape) if size != 1 or axis not in chosen])


def flatten2d(x: Array, axis: int = 1) -> Array:
    """MIL ops, iOS15, flatten2d: axes before `axis` and from it on, each as one."""
    split = axis + x.ndim if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:split]), -1)


def transpose(x: Array, perm: tuple[int, ...]) -> Array:
    """MIL ops, iOS15, transpose: axis i of the result is axis perm[i] of x."""
    return x.transpose(perm)


def reverse(x: Array, axes: tuple[int, ...] | None = None) -> Array:
    """MIL ops, iOS15, reverse: backwards along `axes`, or all."""
    return np.flip(x, axes)


def concat(values: tuple[Array, ...], axis: int, interleave: bool = False) -> Array:
    """MIL ops, iOS15, concat; interleaved, an element of each in turn."""
    if not interleave:
        return np.concatenate(values, axis)
    axis %= values[0].ndim
    together = np.stack(values, axis + 1)
    shape = list(values[0].shape)
    shape[axis] *= len(values)
    return together.reshape(shape)


def stack(values: tuple[Array, ...], axis: int) -> Array:
    """MIL ops, iOS15, stack: along a new axis."""
    return np.stack(values, axis)


def split(
    x: Array, axis: int, num_splits: int | None = None, split_sizes: tuple[int, ...] | None = None
) -> tuple[Array, ...]:
    """MIL ops, iOS15, split: into `num_splits` equal parts, or parts of these sizes."""
    if split_sizes is None:
        return tuple(np.split(x, num_splits or 1, axis))
    if sum(split_sizes) != x.shape[axis]:
        raise ValueError(f"parts of {split_sizes} of an axis of {x.shape[axis]}")
    return tuple(np.split(x, np.cumsum(split_sizes)[:-1].tolist(), axis))


def tile(x: Array, reps: tuple[int, ...]) -> Array:
    """MIL ops, iOS15, tile: reps[i] times along axis i."""
    return np.tile(x, reps)


def depth_to_space(x: Array, block_size: int) -> Array:
    """MIL ops, iOS15, depth_to_space: to (n, C / b^2, H b, W b); the place in the block is the channel's outer part."""
    number, channels, height, width = x.shape
    parts = x.reshape(number, block_size, block_size, channels // block_size**2, height, width)
    moved = parts.transpose(0, 3, 4, 1, 5, 2)
    return moved.reshape(number, -1, height * block_size, width * block_size)


def space_to_depth(x: Array, block_size: int) -> Array:
    """MIL ops, iOS15, space_to_depth: the inverse of depth_to_space."""
    number, channels, height, width = x.shape
    parts = x.reshape(number, channels, height // block_size, block_size, width // block_size, block_size)
    return parts.transpose(0, 3, 5, 1, 2, 4).reshape(number, -1, height // block_size, width // block_size)


def pixel_shuffle(x: Array, upscale_factor: int) -> Array:
    """MIL ops, iOS15, pixel_shuffle: as depth_to_space, but the place in the block is the channel's inner part."""
    number, channels, height, width = x.shape
    parts = x.reshape(number, channels // upscale_factor**2, upscale_factor, upscale_factor, height, width)
    moved = parts.transpose(0, 1, 4, 2, 5, 3)
    return moved.reshape(number, -1, height * upscale_factor, width * upscale_factor)


def pixel_unshuffle(x: Array, downscale_factor: int) -> Array:
    """MIL ops, iOS16, pixel_unshuffle: the inverse of pixel_shuffle."""
    factor = downscale_factor
    number, channels, height, width = x.shape
    parts = x.reshape(number, channels, height // factor, factor, width // factor, factor)
    return parts.transpose(0, 1, 3, 5, 2, 4).reshape(number, -1, height // factor, width // factor)


def space_to_batch(x: Array, block_shape: tuple[int, ...], paddings: Array) -> Array:
    """MIL ops, iOS15, space_to_batch: places in blocks become samples, the outer part of the batch."""
    whole = np.pad(x, ((0, 0), (0, 0), *paddings.tolist()))
    number, channels, height, width = whole.shape
    down, across = block_shape
    parts = whole.reshape(number, channels, height // down, down, width // across, across)
    return parts.transpose(3, 5, 0, 1, 2, 4).reshape(-1, channels, height // down, width // across)


def batch_to_space(x: Array, block_shape: tuple[int, ...], crops: Array) -> Array:
    """MIL ops, iOS15, batch_to_space: the inverse of space_to_batch."""
    number, channels, height, width = x.shape
    down, across = block_shape
    parts = x.reshape(down, across, number // (down * across), channels, height, width)
    whole = parts.transpose(2, 3, 4, 0, 5, 1).reshape(-1, channels, height * down, width * across)
    (top, bottom), (left, right) = crops.tolist()
    return whole[:, :, top : whole.shape[2] - bottom, left : whole.shape[3] - right]


def shape(x: Array) -> Array:
    """MIL ops, iOS15, shape, as int32."""
    return np.array(x.shape, np.int32)


KERNELS = {
    function.__name__: movement(function)
    for function in (
        *(reshape, reshape_like, expand_dims, squeeze, flatten2d, transpose, reverse, concat, stack, split, tile),
        *(depth_to_space, space_to_depth, pixel_shuffle, pixel_unshuffle, space_to_batch, batch_to_space, shape),
    )
}
