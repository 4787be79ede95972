"""Weights that are kept compressed: constants computed once, when the program is loaded."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from edgecv_converters.mil.dtypes import Array, decode
from edgecv_converters.mil.ops.quantization import along
from edgecv_converters.mil.registry import arithmetic, movement


def constexpr_affine_dequantize(quantized_data: Array, zero_point: Array, scale: Array, axis: int) -> Array:
    """MIL ops, iOS16, constexpr_affine_dequantize: scale * (quantized_data - zero_point), in float32."""
    shifted = quantized_data.astype(np.float32) - along(zero_point, quantized_data, axis).astype(np.float32)
    return along(scale, quantized_data, axis) * shifted


def constexpr_blockwise_shift_scale(data: Array, scale: Array, offset: Array | None = None) -> Array:
    """MIL ops, iOS18, constexpr_blockwise_shift_scale: scale * (data - offset), a scale for each block.

    The block's size on each axis is data.shape / scale.shape. In float32.
    """
    shifted = data.astype(np.float32)
    if offset is not None:
        shifted -= _spread(offset.astype(np.float32), data.shape)
    return _spread(scale, data.shape) * shifted


def _spread(blocks: Array, shape: tuple[int, ...]) -> Array:
    """Each block's value for each of its elements."""
    for axis, (count, size) in enumerate(zip(blocks.shape, shape, strict=True)):
        if size % count:
            raise ValueError(f"{count} blocks on an axis of {size}")
        if count not in {1, size}:
            blocks = np.repeat(blocks, size // count, axis=axis)
    return np.broadcast_to(blocks, shape)


def constexpr_lut_to_dense(
    indices: Array, lut: Array, shape: tuple[int, ...] | None = None, vector_axis: int | None = None
) -> Array:
    """MIL ops, constexpr_lut_to_dense: entries of a table.

    iOS16: `indices` are packed bits, `lut` one table (NUM_PALETTES), `shape` the result's.
    iOS18: `indices` (*D); `lut` (*groups, NUM_PALETTES, VECTOR_SIZE), a group for each block of D; vectors fill
    `vector_axis`.
    """
    if shape is not None:
        bits = (lut.size - 1).bit_length()
        return lut.reshape(-1)[_unpacked(indices, bits, math.prod(shape))].reshape(shape)
    vectors = _looked_up(indices, lut, _positions(lut, indices.shape))
    return _filled(vectors, vector_axis)


def _positions(lut: Array, shape: tuple[int, ...]) -> Array:
    """For each element of a tensor the number of its table."""
    groups = lut.shape[:-2]
    numbers = np.arange(math.prod(groups), dtype=np.int64).reshape(groups)
    return _spread(numbers, shape)


def _looked_up(indices: Array, lut: Array, tables: Array) -> Array:
    palettes, width = lut.shape[-2:]
    result: Array = lut.reshape(-1, width)[tables * palettes + indices.astype(np.int64)]
    return result


def _filled(vectors: Array, axis: int | None) -> Array:
    """Vectors, on the last axis, laid along `axis`."""
    *shape, width = vectors.shape
    if width == 1:
        return vectors[..., 0]
    if axis is None:
        raise ValueError("a table of vectors without a vector_axis")
    axis %= len(shape)
    shape[axis] *= width
    return np.moveaxis(vectors, -1, axis + 1).reshape(shape)


def _unpacked(packed: Array, bits: int, count: int) -> Array:
    if packed.size != -(-count * bits // 8):
        raise ValueError(f"{packed.size} bytes for {count} elements of {bits} bits")
    return decode(packed.reshape(-1), f"uint{bits}", count)


def constexpr_sparse_to_dense(nonzero_data: Array, mask: Array, shape: tuple[int, ...] | None = None) -> Array:
    """MIL ops, constexpr_sparse_to_dense: the values where the mask has 1, else 0.

    iOS16: `mask` is packed bits and `shape` the result's; iOS18: `mask` has the result's shape.
    """
    where = mask if shape is None else _unpacked(mask, 1, math.prod(shape)).reshape(shape)
    return _dense(nonzero_data, where)


def _dense(values: Array, mask: Array) -> Array:
    chosen = mask.astype(bool)
    if int(chosen.sum()) != values.size:
        raise ValueError(f"{values.size} values for {int(chosen.sum())} places")
    dense = np.zeros(mask.shape, values.dtype)
    dense[chosen] = values.reshape(-1)
    return dense


def constexpr_lut_to_sparse(
    indices_mask: Array, indices_nonzero_data: Array, lut: Array, vector_axis: int | None = None
) -> tuple[Array, Array]:
    """MIL ops, iOS18, constexpr_lut_to_sparse: the mask and the entries of the table for its ones."""
    width = lut.shape[-1]
    dense = constexpr_lut_to_dense(_dense(indices_nonzero_data, indices_mask), lut, vector_axis=vector_axis)
    mask = indices_mask if width == 1 else np.repeat(indices_mask, width, axis=vector_axis)
    return mask, dense[mask.astype(bool)]


def constexpr_sparse_blockwise_shift_scale(
    data_mask: Array, nonzero_data: Array, scale: Array, offset: Array | None = None
) -> tuple[Array, Array]:
    """MIL ops, iOS18, constexpr_sparse_blockwise_shift_scale: the mask and scale * (value - offset) for its ones."""
    dense = constexpr_blockwise_shift_scale(_dense(nonzero_data, data_mask), scale, offset)
    return data_mask, dense[data_mask.astype(bool)]


def constexpr_cast(source_val: Array, output_dtype: Literal["fp32"]) -> Array:
    """MIL ops, iOS16, constexpr_cast: float16 as float32."""
    del output_dtype
    return source_val


KERNELS = {
    **{
        function.__name__: arithmetic(function)
        for function in (
            constexpr_affine_dequantize,
            constexpr_blockwise_shift_scale,
            constexpr_sparse_blockwise_shift_scale,
            constexpr_cast,
        )
    },
    **{
        function.__name__: movement(function)
        for function in (constexpr_lut_to_dense, constexpr_sparse_to_dense, constexpr_lut_to_sparse)
    },
}
