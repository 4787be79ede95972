"""Normalizations. Means and variances are in float32."""

from __future__ import annotations

import numpy as np

from edgecv_converters.mil.dtypes import Array
from edgecv_converters.mil.registry import arithmetic


def batch_norm(
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    epsilon: float = 1e-5,
) -> Array:
    """MIL ops, iOS15 and iOS17, batch_norm: gamma * (x - mean) / sqrt(variance + epsilon) + beta, by axis 1."""
    scale = np.float32(1) / np.sqrt(variance + np.float32(epsilon))
    result = x - _by_channel(mean, x)
    result *= _by_channel(scale if gamma is None else scale * gamma, x)
    if beta is not None:
        result += _by_channel(beta, x)
    return result


def instance_norm(x: Array, gamma: Array | None = None, beta: Array | None = None, epsilon: float = 1e-5) -> Array:
    """MIL ops, iOS15 and iOS17, instance_norm: each sample's channel by its own mean and variance."""
    result = _standardized(x, tuple(range(2, x.ndim)), epsilon)
    result = result if gamma is None else result * _by_channel(gamma, x)
    return result if beta is None else result + _by_channel(beta, x)


def layer_norm(
    x: Array,
    axes: tuple[int, ...] | None = None,
    gamma: Array | None = None,
    beta: Array | None = None,
    epsilon: float = 1e-5,
) -> Array:
    """MIL ops, iOS15 and iOS17, layer_norm: over `axes` (all); gamma and beta have the shape x.shape[axes]."""
    chosen = tuple(sorted(axis % x.ndim for axis in (range(x.ndim) if axes is None else axes)))
    shape = [size if axis in chosen else 1 for axis, size in enumerate(x.shape)]
    result = _standardized(x, chosen, epsilon)
    result = result if gamma is None else result * gamma.reshape(shape)
    return result if beta is None else result + beta.reshape(shape)


def l2_norm(x: Array, epsilon: float = 1e-6) -> Array:
    """MIL ops, iOS15 and iOS17, l2_norm: x / sqrt(sum(x^2) + epsilon), the sum over the last three axes."""
    total = np.square(x).sum(axis=(-3, -2, -1), keepdims=True)
    result: Array = x / np.sqrt(total + np.float32(epsilon))
    return result


def local_response_norm(x: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Array:
    """MIL ops, iOS15, local_response_norm: x / (k + alpha / size * sum of x^2 over `size` channels around)^beta."""
    squares = np.zeros((x.shape[0], x.shape[1] + size - 1, *x.shape[2:]), x.dtype)
    before = (size - 1) // 2
    squares[:, before : before + x.shape[1]] = np.square(x)
    total = sum(squares[:, shift : shift + x.shape[1]] for shift in range(size))
    return x / np.power(np.float32(k) + np.float32(alpha / size) * total, np.float32(beta))


def _standardized(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    centred = x - x.mean(axis=axes, keepdims=True, dtype=np.float32)
    variance = np.square(centred).mean(axis=axes, keepdims=True, dtype=np.float32)
    result: Array = centred / np.sqrt(variance + np.float32(epsilon))
    return result


def _by_channel(values: Array, x: Array) -> Array:
    return values.reshape(-1, *(1,) * (x.ndim - 2))


KERNELS = {
    function.__name__: arithmetic(function)
    for function in (batch_norm, instance_norm, layer_norm, l2_norm, local_response_norm)
}
