"""Activations between float and integers, and weights that stay compressed."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from edgecv_converters.coreai.builder import Operand, ProgramBuilder, Value
from edgecv_converters.mil.dtypes import KINDS, Array, decode


def quantize(
    net: ProgramBuilder,
    input: Operand,  # noqa: A002 - the operation's own name for it
    scale: Operand,
    output_dtype: str,
    zero_point: Operand | None = None,
    axis: int | None = None,
) -> Value:
    """Divide by the scale, round, and add the zero point; in float32, where no scale is too small."""
    del output_dtype  # the program declares it
    scales, zeros, along = _grid(net, input, scale, zero_point, axis, net.dtype)
    return net.ai.quantize(net.wide(input), scales, zeros, _none(net, scale), along)


def dequantize(
    net: ProgramBuilder,
    input: Operand,  # noqa: A002 - the operation's own name for it
    scale: Operand,
    zero_point: Operand | None = None,
    axis: int | None = None,
) -> Value:
    """Take the zero point away, and multiply by the scale; in float32."""
    scales, zeros, along = _grid(net, input, scale, zero_point, axis, input.dtype)
    return net.narrow(net.ai.dequantize(net.raw(input), scales, zeros, _none(net, scale), along))


def constexpr_affine_dequantize(
    net: ProgramBuilder, quantized_data: Operand, zero_point: Operand, scale: Operand, axis: int
) -> Value:
    """Keep integers as they are: the runtime multiplies them by the scale."""
    return dequantize(net, quantized_data, scale, zero_point, axis)


def constexpr_blockwise_shift_scale(
    net: ProgramBuilder, data: Operand, scale: Operand, offset: Operand | None = None
) -> Value:
    """Keep integers as they are, with a scale for each block."""
    zeros = np.zeros(scale.shape, data.constant.dtype) if offset is None else offset.constant
    none = net.constant(np.zeros(scale.shape, KINDS[net.dtype].numpy))
    shift = net.constant(zeros, data.dtype)
    return net.ai.blockwise_shift_scale(net.raw(data), net.raw(scale), shift, none)


def constexpr_lut_to_dense(
    net: ProgramBuilder,
    indices: Operand,
    lut: Operand,
    shape: tuple[int, ...] | None = None,
    vector_axis: int | None = None,
) -> Value:
    """Keep the places in a table of values, in the smallest type of Core AI's that they fit."""
    table, places = lut.constant, indices.constant
    if shape is not None:  # the older form: one table, and the places as packed bits
        places = decode(places.reshape(-1), f"uint{(table.size - 1).bit_length()}", math.prod(shape)).reshape(shape)
        table = table.reshape(*(1,) * len(shape), -1, 1)
    if vector_axis is not None and table.shape[-1] != 1:
        raise ValueError("a table of vectors has no form")
    bits = next(bits for bits in (2, 4, 8) if table.shape[-2] <= 1 << bits)
    missing = (1 << bits) - table.shape[-2]
    whole = np.pad(table, [(0, 0)] * (table.ndim - 2) + [(0, missing), (0, 0)])
    kept = net.constant(places.astype(np.uint8), f"uint{bits}")
    return net.ai.lut_to_dense(kept, net.constant(np.ascontiguousarray(whole)), net.setting(0, "int16"))


def _grid(
    net: ProgramBuilder, data: Operand, scale: Operand, zero_point: Operand | None, axis: int | None, dtype: str
) -> tuple[Value, Value, Value]:
    """Scales, zero points and the axes that they lie along, all of one shape."""
    scales = scale.constant.astype(np.float32)
    zeros: Array = np.zeros((), np.int8) if zero_point is None else zero_point.constant
    if scales.size == 1 and zeros.size == 1:
        along = net.axes(list(range(data.rank)))
        return net.number(scales.item(), "float32"), net.number(zeros.item(), dtype), along
    if axis is None:
        raise ValueError(f"{scales.size} scales without an axis")
    count = max(scales.size, zeros.size)
    wide = (np.broadcast_to(values.reshape(-1), (count,)) for values in (scales, zeros.astype(KINDS[dtype].numpy)))
    first, second = (net.constant(np.ascontiguousarray(values)) for values in wide)
    return first, second, net.axes(axis % data.rank)


def _none(net: ProgramBuilder, scale: Operand) -> Value:
    """The offset that is added to real numbers: none."""
    size = scale.constant.size
    return net.number(0, "float32") if size == 1 else net.constant(np.zeros(size, np.float32))


HANDLERS: Final = {
    function.__name__: function
    for function in (
        *(quantize, dequantize, constexpr_affine_dequantize, constexpr_blockwise_shift_scale, constexpr_lut_to_dense),
    )
}
