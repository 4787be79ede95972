"""Activations between float and integers."""

from __future__ import annotations

from typing import Literal

import numpy as np

from edgecv_converters.mil.dtypes import Array
from edgecv_converters.mil.registry import arithmetic


def quantize(
    input: Array,  # noqa: A002 - the operation's own name for it
    scale: Array,
    output_dtype: Literal["int8", "uint8"],
    zero_point: Array | None = None,
    axis: int | None = None,
) -> Array:
    """MIL ops, iOS17, quantize: clip(round(input / scale) + zero_point).

    The division is in float32 (a float16 `scale` is exact in it); halves round to even, as IEEE 754's default and
    TensorFlow Lite's and ONNX's quantize do; the definition says "round" alone.
    """
    limits = np.iinfo(output_dtype)
    whole: Array = np.asarray(input / along(scale, input, axis))
    np.rint(whole, out=whole)
    if zero_point is not None:
        whole += along(zero_point, input, axis).astype(np.float32)
    np.fmax(whole, np.float32(limits.min), out=whole)  # what is not a number becomes the smallest
    np.fmin(whole, np.float32(limits.max), out=whole)
    return whole.astype(limits.dtype)


def dequantize(
    input: Array,  # noqa: A002 - the operation's own name for it
    scale: Array,
    zero_point: Array | None = None,
    axis: int | None = None,
) -> Array:
    """MIL ops, iOS17, dequantize: scale * (input - zero_point), in float32."""
    shifted = input.astype(np.float32)
    if zero_point is not None:
        shifted -= along(zero_point, input, axis).astype(np.float32)
    return along(scale, input, axis) * shifted


def along(values: Array, data: Array, axis: int | None) -> Array:
    """A scalar, or a vector of values along one axis of the data."""
    if values.ndim == 0 or values.size == 1:
        return values.reshape(())
    if axis is None or values.ndim != 1:
        raise ValueError(f"{values.size} scales without an axis")
    shape = [1] * data.ndim
    shape[axis] = -1
    return values.reshape(shape)


KERNELS = {"quantize": arithmetic(quantize), "dequantize": arithmetic(dequantize)}
