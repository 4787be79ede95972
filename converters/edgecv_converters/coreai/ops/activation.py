"""Activations, by the formulas of the reference evaluator (`mil.ops.activation`)."""

from __future__ import annotations

from typing import Final

from edgecv_converters.coreai.builder import Operand, ProgramBuilder, Value

GELU: Final = {"EXACT": "none", "TANH_APPROXIMATION": "tanh", "SIGMOID_APPROXIMATION": "sigmoid"}


def relu(net: ProgramBuilder, x: Operand) -> Value:
    """Give what is above 0."""
    return net.ai.relu(net.raw(x))


def relu6(net: ProgramBuilder, x: Operand) -> Value:
    """Give what is above 0, and no more than 6."""
    return net.ai.broadcasting_minimum(net.ai.relu(net.raw(x)), net.number(6, x.dtype))


def leaky_relu(net: ProgramBuilder, x: Operand, alpha: float) -> Value:
    """Multiply what is below 0 by alpha."""
    return _bent(net, x, net.ai.broadcasting_mul(net.raw(x), net.number(alpha, x.dtype)))


def clamped_relu(net: ProgramBuilder, x: Operand, alpha: float, beta: float) -> Value:
    """Multiply what is below 0 by alpha, and give no more than beta."""
    return net.ai.broadcasting_minimum(leaky_relu(net, x, alpha), net.number(beta, x.dtype))


def prelu(net: ProgramBuilder, x: Operand, alpha: Operand) -> Value:
    """Multiply what is below 0 by the channel's alpha."""
    return _bent(net, x, net.ai.broadcasting_mul(net.raw(x), by_channel(net, alpha, x.rank)))


def elu(net: ProgramBuilder, x: Operand, alpha: float) -> Value:
    """Give alpha * (e^x - 1) below 0."""
    low = net.ai.broadcasting_minimum(net.raw(x), net.number(0, x.dtype))
    less_one = net.ai.broadcasting_sub(net.ai.exp(low), net.number(1, x.dtype))
    return _bent(net, x, net.ai.broadcasting_mul(less_one, net.number(alpha, x.dtype)))


def thresholded_relu(net: ProgramBuilder, x: Operand, alpha: float) -> Value:
    """Give what is at least alpha, else 0."""
    value, zero = net.raw(x), net.number(0, x.dtype)
    below = net.ai.broadcasting_greater(net.number(alpha, x.dtype), value)
    return net.ai.broadcasting_where(below, zero, value)


def gelu(net: ProgramBuilder, x: Operand, mode: str = "EXACT") -> Value:
    """Apply Core AI's own operation, in float32."""
    return net.narrow(net.ai.gelu(net.wide(x), approximate=GELU[mode]))


def sigmoid(net: ProgramBuilder, x: Operand) -> Value:
    """Apply Core AI's own operation."""
    return net.ai.sigmoid(net.raw(x))


def silu(net: ProgramBuilder, x: Operand) -> Value:
    """Apply Core AI's own operation."""
    return net.ai.silu(net.raw(x))


def linear_activation(net: ProgramBuilder, x: Operand, alpha: float, beta: float) -> Value:
    """Give alpha * x + beta."""
    scaled = net.ai.broadcasting_mul(net.raw(x), net.number(alpha, x.dtype))
    return net.ai.broadcasting_add(scaled, net.number(beta, x.dtype))


def sigmoid_hard(net: ProgramBuilder, x: Operand, alpha: float, beta: float) -> Value:
    """Give alpha * x + beta, brought into 0..1."""
    above = net.ai.broadcasting_maximum(linear_activation(net, x, alpha, beta), net.number(0, x.dtype))
    return net.ai.broadcasting_minimum(above, net.number(1, x.dtype))


def scaled_tanh(net: ProgramBuilder, x: Operand, alpha: float, beta: float) -> Value:
    """Give alpha * tanh(beta * x)."""
    inner = net.ai.tanh(net.ai.broadcasting_mul(net.raw(x), net.number(beta, x.dtype)))
    return net.ai.broadcasting_mul(inner, net.number(alpha, x.dtype))


def softplus(net: ProgramBuilder, x: Operand) -> Value:
    """Give log(1 + e^x) so that no power overflows, in float32."""
    return net.narrow(_softplus(net, net.wide(x)))


def softplus_parametric(net: ProgramBuilder, x: Operand, alpha: Operand, beta: Operand) -> Value:
    """Give alpha * log(1 + e^(beta * x)), both by channel."""
    outer, inner = (_wide_by_channel(net, one, x.rank) for one in (alpha, beta))
    return net.narrow(net.ai.broadcasting_mul(outer, _softplus(net, net.ai.broadcasting_mul(inner, net.wide(x)))))


def _softplus(net: ProgramBuilder, value: Value) -> Value:
    power = net.ai.exp(net.ai.broadcasting_mul(net.ai.abs_(value), net.number(-1, "float32")))
    rest = net.ai.log(net.ai.broadcasting_add(power, net.number(1, "float32")))
    return net.ai.broadcasting_add(net.ai.broadcasting_maximum(value, net.number(0, "float32")), rest)


def softsign(net: ProgramBuilder, x: Operand) -> Value:
    """Give x / (1 + |x|)."""
    below = net.ai.broadcasting_add(net.ai.abs_(net.raw(x)), net.number(1, x.dtype))
    return net.ai.broadcasting_divide(net.raw(x), below)


def softmax(net: ProgramBuilder, x: Operand, axis: int = -1) -> Value:
    """Apply Core AI's own operation, in float32."""
    return net.narrow(net.ai.softmax(net.wide(x), net.axes(axis)))


def by_channel(net: ProgramBuilder, values: Operand, rank: int) -> Value:
    """One value for each channel (axis 1), in a shape that is broadcast over a tensor of that rank."""
    shape = (-1, *(1,) * (rank - 2))
    if values.array is not None:
        return net.constant(values.array.reshape(shape))
    return net.reshape(values.value, (values.shape[0], *shape[1:]))


def _wide_by_channel(net: ProgramBuilder, values: Operand, rank: int) -> Value:
    value = by_channel(net, values, rank)
    return net.cast(value, "float32") if values.dtype == "float16" else value


def _bent(net: ProgramBuilder, x: Operand, below: Value) -> Value:
    """Take the operand above 0, and `below` elsewhere."""
    return net.ai.broadcasting_where(net.ai.broadcasting_greater(net.raw(x), net.number(0, x.dtype)), net.raw(x), below)


HANDLERS: Final = {
    function.__name__: function
    for function in (
        *(relu, relu6, leaky_relu, clamped_relu, prelu, elu, thresholded_relu, gelu, sigmoid, silu),
        *(linear_activation, sigmoid_hard, scaled_tanh, softplus, softplus_parametric, softsign, softmax),
    )
}
