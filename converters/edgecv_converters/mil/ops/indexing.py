"""Operations that take elements from places, or put them there."""

from __future__ import annotations

from typing import Literal

import numpy as np

from edgecv_converters.mil.dtypes import KINDS, Array
from edgecv_converters.mil.registry import arithmetic, movement


def slice_by_index(
    x: Array,
    begin: tuple[int, ...],
    end: tuple[int, ...],
    stride: tuple[int, ...] | None = None,
    begin_mask: tuple[bool, ...] | None = None,
    end_mask: tuple[bool, ...] | None = None,
    squeeze_mask: tuple[bool, ...] | None = None,
) -> Array:
    """MIL ops, iOS15, slice_by_index: x[begin:end:stride]; a mask opens an end, or takes one index away."""
    chosen: list[slice | int] = []
    none = (False,) * x.ndim
    for axis in range(x.ndim):
        if (squeeze_mask or none)[axis]:
            chosen.append(begin[axis])
            continue
        first = None if (begin_mask or none)[axis] else begin[axis]
        last = None if (end_mask or none)[axis] else end[axis]
        chosen.append(slice(first, last, stride[axis] if stride else 1))
    return x[tuple(chosen)]


def slice_by_size(x: Array, begin: tuple[int, ...], size: tuple[int, ...]) -> Array:
    """MIL ops, iOS15, slice_by_size: `size` elements from `begin` on; -1 is all that are left."""
    parts = zip(begin, size, x.shape, strict=True)
    ends = [(first + whole if first < 0 else first, count, whole) for first, count, whole in parts]
    return x[tuple(slice(first, whole if count == -1 else first + count) for first, count, whole in ends)]


def crop(x: Array, crop_height: tuple[int, ...], crop_width: tuple[int, ...]) -> Array:
    """MIL ops, iOS15, crop: without these many rows and columns before and after."""
    (top, bottom), (left, right) = crop_height, crop_width
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


def pad(
    x: Array,
    pad: tuple[int, ...],
    mode: Literal["constant", "reflect", "replicate"] = "constant",
    constant_val: float = 0.0,
) -> Array:
    """MIL ops, iOS15, pad: before and after each of the last axes; "reflect" leaves the edge out."""
    pairs = list(zip(pad[::2], pad[1::2], strict=True))
    widths = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    if mode == "constant":
        return np.pad(x, widths, constant_values=x.dtype.type(constant_val))
    return np.pad(x, widths, mode="reflect" if mode == "reflect" else "edge")


def gather(x: Array, indices: Array, axis: int = 0, batch_dims: int = 0, validate_indices: bool = False) -> Array:
    """MIL ops, iOS15 to iOS17, gather: x's slices at `indices` along `axis`, for each of the first `batch_dims`."""
    del validate_indices  # what is out of range is an error here in any case
    if batch_dims == 0:
        return np.take(x, indices, axis=axis)
    axis %= x.ndim
    batch = x.shape[:batch_dims]
    parts = [np.take(x[place], indices[place], axis=axis - batch_dims) for place in np.ndindex(batch)]
    return np.stack(parts).reshape(*batch, *parts[0].shape)


def gather_along_axis(x: Array, indices: Array, axis: int = 0, validate_indices: bool = False) -> Array:
    """MIL ops, iOS15, gather_along_axis."""
    del validate_indices  # what is out of range is an error here in any case
    return np.take_along_axis(x, indices.astype(np.int64), axis)


def gather_nd(x: Array, indices: Array, batch_dims: int = 0, validate_indices: bool = False) -> Array:
    """MIL ops, iOS15 to iOS17, gather_nd: the last axis of `indices` is a place in x."""
    del validate_indices  # what is out of range is an error here in any case
    if batch_dims == 0:
        result: Array = x[tuple(np.moveaxis(indices.astype(np.int64), -1, 0))]
        return result
    batch = x.shape[:batch_dims]
    parts = [x[place][tuple(np.moveaxis(indices[place].astype(np.int64), -1, 0))] for place in np.ndindex(batch)]
    return np.stack(parts).reshape(*batch, *parts[0].shape)


def one_hot(
    indices: Array,
    one_hot_vector_size: int,
    axis: int = -1,
    on_value: Array | None = None,
    off_value: Array | None = None,
) -> Array:
    """MIL ops, iOS15, one_hot: `on_value` (1) at the index along a new axis, else `off_value` (0)."""
    on = np.asarray(1, np.int32) if on_value is None else on_value
    off = np.asarray(0, on.dtype) if off_value is None else off_value
    hot = np.expand_dims(indices, axis) == _counted(one_hot_vector_size, indices.ndim + 1, axis)
    return np.where(hot, on.reshape(()), off.reshape(()))


def _counted(size: int, rank: int, axis: int) -> Array:
    shape = [1] * rank
    shape[axis] = size
    return np.arange(size).reshape(shape)


def fill(shape: tuple[int, ...], value: Array | None = None) -> Array:
    """MIL ops, iOS15, fill: one value everywhere."""
    return np.full(shape, np.float32(0) if value is None else value.reshape(()))


def fill_like(ref_tensor: Array, value: Array | None = None) -> Array:
    """MIL ops, iOS16, fill_like: one value everywhere, in another tensor's shape."""
    return fill(ref_tensor.shape, value)


def range_1d(start: Array, end: Array, step: Array) -> Array:
    """MIL ops, iOS15, range_1d: from start, by step, to before end."""
    return np.arange(start.item(), end.item(), step.item()).astype(start.dtype)


def cumsum(x: Array, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Array:
    """MIL ops, iOS15, cumsum; exclusive, each sum without its own element."""
    data = np.flip(x, axis) if reverse else x
    total = np.cumsum(data, axis, dtype=x.dtype)
    total = total - data if exclusive else total
    return np.flip(total, axis) if reverse else total


def band_part(x: Array, lower: int = -1, upper: int = -1) -> Array:
    """MIL ops, iOS15, band_part: 0 outside of these many diagonals (negative: all) of the last two axes."""
    below = np.arange(x.shape[-2])[:, None] - np.arange(x.shape[-1])
    inside = ((lower < 0) | (below <= lower)) & ((upper < 0) | (-below <= upper))
    return np.where(inside, x, x.dtype.type(0))


def argsort(x: Array, axis: int = -1, ascending: bool = False) -> Array:
    """MIL ops, iOS15, argsort; of equals the first comes first."""
    keys = x if ascending else -x.astype(np.float64)
    return np.argsort(keys, axis=axis, kind="stable").astype(np.int32)


def topk(
    x: Array,
    k: int = 1,
    axis: int = -1,
    ascending: bool = False,
    sort: bool = True,
    return_indices: bool = True,
    output_indices_dtype: Literal["int32", "uint16"] = "int32",
) -> Array | tuple[Array, Array]:
    """MIL ops, iOS15 to iOS17, topk: the k largest (ascending: smallest) and their places; -1 is all."""
    del sort  # no order is promised without it; sorted is one
    order = argsort(x, axis, ascending)
    chosen = np.take(order, np.arange(order.shape[axis] if k == -1 else k), axis=axis)
    values = np.take_along_axis(x, chosen.astype(np.int64), axis)
    return (values, chosen.astype(KINDS[output_indices_dtype].numpy)) if return_indices else values


KERNELS = {
    **{
        function.__name__: movement(function)
        for function in (
            *(slice_by_index, slice_by_size, crop, pad, gather, gather_along_axis, gather_nd, one_hot, fill),
            *(fill_like, range_1d, band_part, argsort, topk),
        )
    },
    "cumsum": arithmetic(cumsum),
}
