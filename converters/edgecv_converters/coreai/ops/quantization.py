"""Activations between float and integers, and weights that stay compressed."""

from __future__ import annotations

from typing import Final

import numpy as np

from edgecv_converters.coreai.builder import Operand, ProgramBuilder, Value
from edgecv_converters.mil.dtypes import KINDS, Array


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


HANDLERS: Final = {function.__name__: function for function in (quantize, dequantize, constexpr_affine_dequantize)}
