"""Activations. Formulas are the published ones, computed in float32."""

from __future__ import annotations

from typing import Literal

import numpy as np

from edgecv_converters.mil.dtypes import Array
from edgecv_converters.mil.ops.error_function import erf
from edgecv_converters.mil.registry import arithmetic


def relu(x: Array) -> Array:
    """MIL ops, iOS15, relu: max(x, 0)."""
    return np.maximum(x, np.float32(0))


def relu6(x: Array) -> Array:
    """MIL ops, iOS15, relu6: min(max(x, 0), 6)."""
    return np.minimum(np.maximum(x, np.float32(0)), np.float32(6))


def clamped_relu(x: Array, alpha: float, beta: float) -> Array:
    """MIL ops, iOS15, clamped_relu: min(beta, x) for x >= 0, else min(beta, alpha * x)."""
    return np.minimum(np.where(x >= 0, x, x * np.float32(alpha)), np.float32(beta))


def elu(x: Array, alpha: float) -> Array:
    """MIL ops, iOS15, elu: x for x > 0, else alpha * (e^x - 1)."""
    return np.where(x > 0, x, np.float32(alpha) * np.expm1(np.minimum(x, 0)))


def gelu(x: Array, mode: Literal["EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION"] = "EXACT") -> Array:
    """MIL ops, iOS15, gelu, by the formula of its mode."""
    if mode == "SIGMOID_APPROXIMATION":
        return x * sigmoid(np.float32(1.702) * x)
    if mode == "EXACT":
        odd = erf(x * np.float32(1 / np.sqrt(2)))
    else:
        odd = np.tanh(np.float32(np.sqrt(2 / np.pi)) * (x + np.float32(0.044715) * x * x * x))
    result: Array = x * np.float32(0.5) * (1 + odd)
    return result


def leaky_relu(x: Array, alpha: float) -> Array:
    """MIL ops, iOS15, leaky_relu: x for x >= 0, else alpha * x."""
    return np.where(x >= 0, x, x * np.float32(alpha))


def linear_activation(x: Array, alpha: float, beta: float) -> Array:
    """MIL ops, iOS15, linear_activation: x * alpha + beta."""
    return x * np.float32(alpha) + np.float32(beta)


def prelu(x: Array, alpha: Array) -> Array:
    """MIL ops, iOS15, prelu: x for x > 0, else alpha * x, alpha by channel (axis 1)."""
    return np.where(x > 0, x, x * _by_channel(alpha, x))


def scaled_tanh(x: Array, alpha: float, beta: float) -> Array:
    """MIL ops, iOS15, scaled_tanh: alpha * tanh(beta * x)."""
    return np.float32(alpha) * np.tanh(np.float32(beta) * x)


def sigmoid(x: Array) -> Array:
    """MIL ops, iOS15, sigmoid: 1 / (1 + e^-x)."""
    return np.float32(1) / (np.float32(1) + np.exp(-x))


def sigmoid_hard(x: Array, alpha: float, beta: float) -> Array:
    """MIL ops, iOS15, sigmoid_hard: min(max(alpha * x + beta, 0), 1)."""
    result: Array = np.minimum(np.maximum(np.float32(alpha) * x + np.float32(beta), 0), 1)
    return result


def silu(x: Array) -> Array:
    """MIL ops, iOS15, silu: x * sigmoid(x)."""
    return x * sigmoid(x)


def softplus(x: Array) -> Array:
    """MIL ops, iOS15, softplus: log(1 + e^x)."""
    return np.logaddexp(x, np.float32(0))


def softplus_parametric(x: Array, alpha: Array, beta: Array) -> Array:
    """MIL ops, iOS15, softplus_parametric: alpha * log(1 + e^(beta * x)), both by channel (axis 1)."""
    return _by_channel(alpha, x) * softplus(_by_channel(beta, x) * x)


def softsign(x: Array) -> Array:
    """MIL ops, iOS15, softsign: x / (1 + |x|)."""
    result: Array = x / (1 + np.abs(x))
    return result


def thresholded_relu(x: Array, alpha: float) -> Array:
    """MIL ops, iOS15, thresholded_relu: x for x >= alpha, else 0."""
    return np.where(x >= np.float32(alpha), x, 0)


def softmax(x: Array, axis: int = -1) -> Array:
    """MIL ops, iOS15, softmax: e^x over the sum of e^x, with the largest x taken away first."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    result: Array = powers / powers.sum(axis=axis, keepdims=True)
    return result


def _by_channel(values: Array, x: Array) -> Array:
    return values.reshape(-1, *(1,) * (x.ndim - 2))


KERNELS = {
    function.__name__: arithmetic(function)
    for function in (
        *(relu, relu6, clamped_relu, elu, gelu, leaky_relu, linear_activation, prelu, scaled_tanh, sigmoid),
        *(sigmoid_hard, silu, softplus, softplus_parametric, softsign, thresholded_relu, softmax),
    )
}
