"""Between real numbers and the integers of a quantized tensor."""

from __future__ import annotations

import numpy as np

from edgecv_runtime.schema import QuantParams


def quantize(values: np.ndarray, params: QuantParams, dtype: str) -> np.ndarray:
    """Q = clamp(round_half_to_even(y / s) + z), the division in float32."""
    limits = np.iinfo(dtype)
    steps = np.rint(np.asarray(values, np.float32) / np.float32(params.scale)).astype(np.float64) + params.zero_point
    return np.asarray(np.clip(steps, limits.min, limits.max), dtype)


def dequantize(values: np.ndarray, params: QuantParams) -> np.ndarray:
    """Y = s (q - z), in float32."""
    steps = values.astype(np.int32) - np.int32(params.zero_point)
    return (steps.astype(np.float32) * np.float32(params.scale)).astype(np.float32, copy=False)
