"""Operations that take elements from places."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from edgecv_converters.coreai.builder import Operand, ProgramBuilder, Value
from edgecv_converters.mil.dtypes import KINDS

PADS: Final = {"constant": "constant", "reflect": "reflect", "replicate": "replicate"}


def slice_by_index(
    net: ProgramBuilder,
    x: Operand,
    begin: tuple[int, ...],
    end: tuple[int, ...],
    stride: tuple[int, ...] | None = None,
    begin_mask: tuple[bool, ...] | None = None,
    end_mask: tuple[bool, ...] | None = None,
    squeeze_mask: tuple[bool, ...] | None = None,
) -> Value:
    """Take x[begin:end:stride]; a mask opens an end, or takes one index away."""
    none, parts = (False,) * x.rank, []
    for axis, size in enumerate(x.shape):
        if (squeeze_mask or none)[axis]:
            place = begin[axis] % size
            parts.append((place, place + 1, 1))
            continue
        first = None if (begin_mask or none)[axis] else begin[axis]
        last = None if (end_mask or none)[axis] else end[axis]
        parts.append(slice(first, last, stride[axis] if stride else 1).indices(size))
    made = net.slice(net.raw(x), parts)
    return net.reshape(made, net.shape) if squeeze_mask and any(squeeze_mask) else made


def slice_by_size(net: ProgramBuilder, x: Operand, begin: tuple[int, ...], size: tuple[int, ...]) -> Value:
    """Take the elements from `begin` on, as many as the program declares."""
    del size
    first = [place % whole if place < 0 else place for place, whole in zip(begin, x.shape, strict=True)]
    return net.slice(net.raw(x), [(place, place + count, 1) for place, count in zip(first, net.shape, strict=True)])


def crop(net: ProgramBuilder, x: Operand, crop_height: tuple[int, ...], crop_width: tuple[int, ...]) -> Value:
    """Leave rows and columns out."""
    first = (*(0,) * (x.rank - 2), crop_height[0], crop_width[0])
    return slice_by_size(net, x, first, ())


def pad(
    net: ProgramBuilder, x: Operand, pad: tuple[int, ...], mode: str = "constant", constant_val: float = 0.0
) -> Value:
    """Put elements before and after the last axes."""
    widths = (*(0,) * (2 * x.rank - len(pad)), *pad)
    value = net.number(constant_val, x.dtype)
    return net.ai.pad(net.raw(x), net.counts(list(widths)), value, padding_mode=PADS[mode])


def gather(
    net: ProgramBuilder,
    x: Operand,
    indices: Operand,
    axis: int = 0,
    batch_dims: int = 0,
    validate_indices: bool = False,
) -> Value:
    """Take slices along an axis, for each of the first `batch_dims`."""
    del validate_indices
    axis %= x.rank
    front = (*range(batch_dims), axis, *(one for one in range(batch_dims, x.rank) if one != axis))
    moved = net.transpose(net.raw(x), front)
    made = net.ai.gather_nd(moved, _places(net, indices, batch_dims, expand=True))
    if not indices.rank:
        made = net.reshape(made, [x.shape[one] for one in front[1:]])
    whole, before = indices.rank - batch_dims, axis - batch_dims
    axes = [*range(batch_dims), *range(batch_dims + whole, batch_dims + whole + before)]
    axes += [*range(batch_dims, batch_dims + whole), *range(batch_dims + whole + before, len(net.shape))]
    return net.transpose(made, axes)


def gather_nd(
    net: ProgramBuilder, x: Operand, indices: Operand, batch_dims: int = 0, validate_indices: bool = False
) -> Value:
    """Take what lies at places; the last axis of `indices` is a place."""
    del validate_indices
    return net.ai.gather_nd(net.raw(x), _places(net, indices, batch_dims, expand=False))


def _places(net: ProgramBuilder, indices: Operand, batch_dims: int, *, expand: bool) -> Value:
    """The places with the numbers of the batches before them, in int32."""
    value = net.raw(indices) if indices.dtype == "int32" else net.cast(net.raw(indices), "int32")
    shape = (*(indices.shape or (1,)), 1) if expand else indices.shape
    if expand:
        value = net.reshape(value, shape)
    if not batch_dims:
        return value
    batch, inner = shape[:batch_dims], (1,) * (len(shape) - batch_dims - 1)
    grids = np.indices(batch, np.int32).reshape(batch_dims, *batch, *inner)
    wide = np.broadcast_to(np.moveaxis(grids, 0, -1), (*shape[:-1], batch_dims))
    return net.ai.concat(net.axes(len(shape) - 1), [net.constant(np.ascontiguousarray(wide)), value])


def gather_along_axis(
    net: ProgramBuilder, x: Operand, indices: Operand, axis: int = 0, validate_indices: bool = False
) -> Value:
    """Take along an axis the element at each index."""
    del validate_indices
    return net.ai.gather_along_axis(net.raw(x), net.cast(net.raw(indices), "int32"), net.axes(axis % x.rank))


def one_hot(
    net: ProgramBuilder,
    indices: Operand,
    one_hot_vector_size: int,
    axis: int = -1,
    on_value: Operand | None = None,
    off_value: Operand | None = None,
) -> Value:
    """Mark the index along a new axis."""
    place = axis % (indices.rank + 1)
    numbers = np.arange(one_hot_vector_size).astype(KINDS[indices.dtype].numpy)
    counted = numbers.reshape(*(1,) * place, -1, *(1,) * (indices.rank - place))
    wide = net.reshape(net.raw(indices), (*indices.shape[:place], 1, *indices.shape[place:]))
    on = net.number(1 if on_value is None else on_value.constant.item(), net.dtype)
    off = net.number(0 if off_value is None else off_value.constant.item(), net.dtype)
    return net.ai.broadcasting_where(net.ai.broadcasting_equal(wide, net.constant(counted)), on, off)


def fill_like(net: ProgramBuilder, value: Operand | None = None, **_settings: Any) -> Value:
    """Give one value everywhere, in the shape that the program declares."""
    number = np.zeros((), KINDS[net.dtype].numpy) if value is None else value.constant.reshape(())
    return net.constant(np.full(net.shape, number, KINDS[net.dtype].numpy))


def cumsum(net: ProgramBuilder, x: Operand, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Value:
    """Add up along an axis; exclusive, each sum without its own element."""
    total = net.ai.scan(net.wide(x), net.counts(axis % x.rank), net.setting(reverse))
    if exclusive:
        total = net.ai.broadcasting_sub(total, net.wide(x))
    return net.narrow(total)


def band_part(net: ProgramBuilder, x: Operand, lower: int = -1, upper: int = -1) -> Value:
    """Give 0 outside of these many diagonals of the last two axes."""
    below = np.arange(x.shape[-2])[:, None] - np.arange(x.shape[-1])
    inside = ((lower < 0) | (below <= lower)) & ((upper < 0) | (-below <= upper))
    return net.ai.broadcasting_where(net.constant(inside), net.raw(x), net.number(0, x.dtype))


def argsort(net: ProgramBuilder, x: Operand, axis: int = -1, ascending: bool = False) -> Value:
    """Give the places in the order of their elements; of equals the first comes first."""
    order = net.ai.argsort(net.raw(x), net.axes(axis % x.rank), net.setting(not ascending), net.setting(values=True))
    return net.cast(order, "int32")


def topk(
    net: ProgramBuilder,
    x: Operand,
    k: int = 1,
    axis: int = -1,
    ascending: bool = False,
    return_indices: bool = True,
    **_settings: Any,
) -> Value:
    """Give the k largest elements (ascending: the smallest), and their places."""
    axis %= x.rank
    ends = [(0, size, 1) for size in x.shape]
    ends[axis] = (0, x.shape[axis] if k == -1 else k, 1)
    chosen = net.slice(argsort(net, x, axis, ascending), ends)
    values = net.ai.gather_along_axis(net.raw(x), chosen, net.axes(axis))
    return (values, net.cast(chosen, net.made[1].dtype)) if return_indices else values


HANDLERS: Final[dict[str, Any]] = {
    **{
        function.__name__: function
        for function in (
            *(slice_by_index, slice_by_size, crop, pad, gather, gather_nd, gather_along_axis, one_hot),
            *(cumsum, band_part, argsort, topk),
        )
    },
    "fill": fill_like,
    "fill_like": fill_like,
}
