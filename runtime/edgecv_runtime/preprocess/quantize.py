"""Between real numbers and the integers of a quantized tensor."""

from __future__ import annotations

import numpy as np

from edgecv_runtime.schema import QuantParams


def quantize(
    values: np.ndarray,
    params: QuantParams,
    dtype: str,
    *,
    steps: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Q = clamp(round_half_to_even(y / s) + z), in float32 (its integers are exact far beyond any clamp).

    Args:
        values: Real numbers of any shape.
        params: The scale and zero point.
        dtype: The integers' NumPy name.
        steps: float32 to work in; may be `values` itself, which is then used up.
        out: What to fill; by default a new array.
    """
    limits = np.iinfo(dtype)
    with np.errstate(over="ignore"):
        steps = np.divide(values, np.float32(params.scale), out=steps, dtype=np.float32)
    np.rint(steps, out=steps)
    steps += np.float32(params.zero_point)
    np.clip(steps, limits.min, limits.max, out=steps)
    if out is None:
        return steps.astype(dtype)
    np.copyto(out, steps, casting="unsafe")
    return out


def dequantize(values: np.ndarray, params: QuantParams) -> np.ndarray:
    """Y = s (q - z), in float32."""
    steps = values.astype(np.int32) - np.int32(params.zero_point)
    return (steps.astype(np.float32) * np.float32(params.scale)).astype(np.float32, copy=False)
