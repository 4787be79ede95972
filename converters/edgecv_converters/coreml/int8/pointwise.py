"""Operations that compute each value by itself: arithmetic, activations, casts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from edgecv_converters.coreml.int8.emitter import Emitter
from edgecv_converters.coreml.int8.value import IMAGE_RANK, Layout, axis_in
from edgecv_converters.tflite.reader import Op

Handler = Callable[[Emitter, Op], None]
INT8_MOST: Final = 127


def two(kind: str) -> Handler:
    """An operation on two tensors that are broadcast against each other, with a fused activation if it has one."""

    def emit(net: Emitter, op: Op) -> None:
        layout, rank = net.layout_of(op.inputs), len(net.shape(op.outputs[0]))
        x, y = (net.operand(number, layout, rank) for number in op.inputs)
        done = getattr(net.mb, kind)(x=x, y=y, name=net.name(op.outputs[0]))
        net.give(op.outputs[0], done, layout, getattr(op.options, "fusedActivationFunction", 0))

    return emit


def one(kind: str, **constants: Any) -> Handler:
    """An operation on one tensor; `constants` that are floats are given in the program's float type."""

    def emit(net: Emitter, op: Op) -> None:
        layout = net.layout_of(op.inputs)
        given = {key: net.float(value) if isinstance(value, float) else value for key, value in constants.items()}
        done = getattr(net.mb, kind)(x=net.reals(op.inputs[0], layout), name=net.name(op.outputs[0]), **given)
        net.give(op.outputs[0], done, layout)

    return emit


def reciprocal_square_root(net: Emitter, op: Op) -> None:
    """1 / sqrt(x). What is rounded to 0 gives the largest value of the output's grid, as LiteRT's kernel does."""
    layout, name = net.layout_of(op.inputs), net.name(op.outputs[0])
    x, grid = net.reals(op.inputs[0], layout), net.grid(op.outputs[0])
    if grid is not None and grid.zero < INT8_MOST and net.grid(op.inputs[0]) is not None:
        largest = (INT8_MOST - grid.zero) * grid.scale
        least = 0.5 / (largest * largest)  # its root is over the largest value, whichever way it is rounded
        x = net.mb.maximum(x=x, y=net.float(least), name=net.unique(f"{name}_bounded"))
    net.give(op.outputs[0], net.mb.rsqrt(x=x, epsilon=net.float(0), name=name), layout)


def squared_difference(net: Emitter, op: Op) -> None:
    """(x - y)^2."""
    layout, rank = net.layout_of(op.inputs), len(net.shape(op.outputs[0]))
    name = net.name(op.outputs[0])
    x, y = (net.operand(number, layout, rank) for number in op.inputs)
    difference = net.mb.sub(x=x, y=y, name=net.unique(f"{name}_difference"))
    net.give(op.outputs[0], net.mb.square(x=difference, name=name), layout)


def leaky_relu(net: Emitter, op: Op) -> None:
    """The slope below 0 is an option."""
    one("leaky_relu", alpha=float(op.options.alpha))(net, op)


def gelu(net: Emitter, op: Op) -> None:
    """Compute GELU by the error function, or by its approximation with tanh."""
    one("gelu", mode="TANH_APPROXIMATION" if op.options.approximate else "EXACT")(net, op)


def hard_swish(net: Emitter, op: Op) -> None:
    """The product of x and min(max(x / 6 + 1 / 2, 0), 1)."""
    layout, name = net.layout_of(op.inputs), net.name(op.outputs[0])
    x = net.reals(op.inputs[0], layout)
    gate = net.mb.sigmoid_hard(x=x, alpha=net.float(1 / 6), beta=net.float(0.5), name=net.unique(f"{name}_gate"))
    net.give(op.outputs[0], net.mb.mul(x=x, y=gate, name=name), layout)


def prelu(net: Emitter, op: Op) -> None:
    """Operands: data, slopes. One slope for each channel of a picture is Core ML's own operation."""
    data, slopes = op.inputs
    shape, name = net.shape(op.outputs[0]), net.name(op.outputs[0])
    alpha = net.constant(slopes)
    if len(shape) == IMAGE_RANK and alpha.size == shape[-1] == alpha.shape[-1]:
        x = net.reals(data, Layout.CHW)
        net.give(op.outputs[0], net.mb.prelu(x=x, alpha=net.floats(alpha.reshape(-1)), name=name), Layout.CHW)
        return
    layout = net.layout_of([data])
    x = net.reals(data, layout)
    below = net.mb.minimum(x=x, y=net.float(0), name=net.unique(f"{name}_below"))
    scaled = net.mb.mul(x=below, y=net.operand(slopes, layout, len(shape)), name=net.unique(f"{name}_scaled"))
    above = net.mb.relu(x=x, name=net.unique(f"{name}_above"))
    net.give(op.outputs[0], net.mb.add(x=above, y=scaled, name=name), layout)


def negative(net: Emitter, op: Op) -> None:
    """Minus x."""
    layout = net.layout_of(op.inputs)
    done = net.mb.mul(x=net.reals(op.inputs[0], layout), y=net.float(-1), name=net.name(op.outputs[0]))
    net.give(op.outputs[0], done, layout)


def softmax(net: Emitter, op: Op) -> None:
    """Over the last axis, of beta * x."""
    layout, name, rank = net.layout_of(op.inputs), net.name(op.outputs[0]), len(net.shape(op.inputs[0]))
    x = net.reals(op.inputs[0], layout)
    if op.options.beta != 1:
        x = net.mb.mul(x=x, y=net.float(op.options.beta), name=net.unique(f"{name}_scaled"))
    axis = 1 if layout is Layout.CHW else rank - 1
    net.give(op.outputs[0], net.mb.softmax(x=x, axis=np.int32(axis), name=name), layout)


def log_softmax(net: Emitter, op: Op) -> None:
    """Over the last axis: x minus the logarithm of the sum of e^x."""
    layout, name, rank = net.layout_of(op.inputs), net.name(op.outputs[0]), len(net.shape(op.inputs[0]))
    x, axes = net.reals(op.inputs[0], layout), np.array([axis_in(rank - 1, rank, layout)], np.int32)
    total = net.mb.reduce_log_sum_exp(x=x, axes=axes, keep_dims=True, name=net.unique(f"{name}_total"))
    net.give(op.outputs[0], net.mb.sub(x=x, y=total, name=name), layout)


def l2_normalization(net: Emitter, op: Op) -> None:
    """Over the last axis; a vector shorter than 1e-6 is divided by that."""
    layout, name, rank = net.layout_of(op.inputs), net.name(op.outputs[0]), len(net.shape(op.inputs[0]))
    x, axes = net.reals(op.inputs[0], layout), np.array([axis_in(rank - 1, rank, layout)], np.int32)
    length = net.mb.reduce_l2_norm(x=x, axes=axes, keep_dims=True, name=net.unique(f"{name}_length"))
    least = net.mb.maximum(x=length, y=net.float(1e-6), name=net.unique(f"{name}_least"))
    net.give(op.outputs[0], net.mb.real_div(x=x, y=least, name=name), layout)


def quantize(net: Emitter, op: Op) -> None:
    """Between two grids, or from floats to one; between equal grids nothing happens. Constants are folded."""
    source, result = op.inputs[0], op.outputs[0]
    if net.is_constant(source):
        net.fold(result, net.constant(source))
        return
    value = net.value(source)
    if value.grid == net.grid(result):
        net.alias(result, value)
    elif value.grid is None:
        net.give(result, net.raw(value, value.home), value.home)
    else:
        net.give(result, net.reals_of(value, value.home), value.home)


def dequantize(net: Emitter, op: Op) -> None:
    """The real values are what readers of the integers get anyway."""
    source, result = op.inputs[0], op.outputs[0]
    if net.is_constant(source):
        net.fold(result, net.constant(source))
    else:
        net.alias(result, net.value(source))
