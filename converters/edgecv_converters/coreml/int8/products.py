"""Convolutions, dense layers and matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgecv_converters.coreml.int8.emitter import Emitter
from edgecv_converters.coreml.int8.value import Layout
from edgecv_converters.coreml.int8.windows import WindowSizes, padding, window_of
from edgecv_converters.tflite.reader import Array, Op, Shape

TO_NCDHW, TO_NDHWC = (0, 4, 1, 2, 3), (0, 2, 3, 4, 1)


def conv_2d(net: Emitter, op: Op) -> None:
    """Weights are OHWI; fewer input channels in the weight than in the data means groups."""
    filters, height, width, depth = net.shape(op.inputs[1])
    groups = net.shape(op.inputs[0])[-1] // depth
    _convolution(
        net,
        op,
        (height, width),
        groups,
        lambda array: array.transpose(0, 3, 1, 2).reshape(filters, depth, height, width),
    )


def depthwise_conv_2d(net: Emitter, op: Op) -> None:
    """Weights are 1HWC, the multiplier innermost; in Core ML as many groups as input channels."""
    _, height, width, _ = net.shape(op.inputs[1])
    groups = net.shape(op.inputs[0])[-1]
    _convolution(net, op, (height, width), groups, lambda array: array.transpose(3, 0, 1, 2))


def _convolution(net: Emitter, op: Op, kernel: tuple[int, int], groups: int, arrange: Any) -> None:
    result, name = op.outputs[0], net.name(op.outputs[0])
    window = window_of(op.options, kernel)
    x = net.reals(op.inputs[0], Layout.CHW)
    done = net.mb.conv(
        x=x,
        weight=net.weight(op.inputs[1], arrange, 0, f"{name}_weight"),
        strides=np.array(window.strides, np.int32),
        dilations=np.array(window.dilations, np.int32),
        groups=np.int32(groups),
        name=name,
        **padding(window, net.shape(op.inputs[0])[1:3], op.options.padding),
        **_bias(net, op.inputs),
    )
    net.give(result, done, Layout.CHW, op.options.fusedActivationFunction)


def conv_3d(net: Emitter, op: Op) -> None:
    """Data are NDHWC and weights DHWIO; in Core ML the channels come first."""
    result, options, name = op.outputs[0], op.options, net.name(op.outputs[0])
    window = WindowSizes(
        net.shape(op.inputs[1])[:3],
        (options.strideD, options.strideH, options.strideW),
        (options.dilationDFactor, options.dilationHFactor, options.dilationWFactor),
    )
    first = net.mb.transpose(x=net.reals(op.inputs[0], Layout.FILE), perm=TO_NCDHW, name=net.unique(f"{name}_ncdhw"))
    done = net.mb.conv(
        x=first,
        weight=net.weight(op.inputs[1], lambda array: array.transpose(4, 3, 0, 1, 2), 0, f"{name}_weight"),
        strides=np.array(window.strides, np.int32),
        dilations=np.array(window.dilations, np.int32),
        name=net.unique(f"{name}_conv"),
        **padding(window, net.shape(op.inputs[0])[1:4], options.padding),
        **_bias(net, op.inputs),
    )
    last = net.mb.transpose(x=done, perm=TO_NDHWC, name=name)
    net.give(result, last, Layout.FILE, options.fusedActivationFunction)


def _bias(net: Emitter, inputs: Sequence[int]) -> dict[str, Array]:
    """The bias in the program's float type: a float16 one is off by at most 2^-11 of itself."""
    if len(inputs) < 3 or inputs[2] < 0:
        return {}
    return {"bias": net.floats(net.constant(inputs[2]).reshape(-1))}


def fully_connected(net: Emitter, op: Op) -> None:
    """Weights are (out, in); the data's last axis, or all but the first, are the inputs."""
    depth = net.shape(op.inputs[1])[1]
    result, name = op.outputs[0], net.name(op.outputs[0])
    value = net.value(op.inputs[0])
    if len(value.shape) != 2 or value.shape[1] != depth:
        value = net.reshaped(value, (int(np.prod(value.shape)) // depth, depth))
    x = net.reals_of(value, Layout.FILE)
    if net.is_constant(op.inputs[1]):
        weight = net.weight(op.inputs[1], lambda array: array, 0, f"{name}_weight")
        done = net.mb.linear(x=x, weight=weight, name=name, **_bias(net, op.inputs))
    else:
        done = net.mb.matmul(x=x, y=net.reals(op.inputs[1], Layout.FILE), transpose_y=True, name=name)
    shape = net.shape(result)
    if len(shape) != 2:
        done = net.mb.reshape(x=done, shape=np.array(shape, np.int32), name=net.unique(f"{name}_shaped"))
    net.give(result, done, Layout.FILE, op.options.fusedActivationFunction)


def transpose_conv(net: Emitter, op: Op) -> None:
    """Operands: the output's shape, weights OHWI, data, bias. The padding is that of the convolution it reverses."""
    result, name = op.outputs[0], net.name(op.outputs[0])
    _, height, width, _ = net.shape(op.inputs[1])
    window = WindowSizes((height, width), (op.options.strideH, op.options.strideW), (1, 1))
    given, wanted = net.shape(op.inputs[2]), net.shape(result)
    crops, missing = _crops(window, given, wanted, op.options.padding)
    done = net.mb.conv_transpose(
        x=net.reals(op.inputs[2], Layout.CHW),
        weight=net.weight(op.inputs[1], lambda array: array.transpose(3, 0, 1, 2), 1, f"{name}_weight"),
        strides=np.array(window.strides, np.int32),
        pad_type="custom",
        pad=np.array(crops, np.int32),
        name=name,
    )
    if any(missing):
        pads = np.array([0, 0, 0, 0, 0, missing[0], 0, missing[1]], np.int32)
        done = net.mb.pad(x=done, pad=pads, name=net.unique(f"{name}_padded"))
    for bias in _bias(net, op.inputs[1:]).values():
        done = net.mb.add(x=done, y=bias.reshape(1, -1, 1, 1), name=net.unique(f"{name}_biased"))
    net.give(result, done, Layout.CHW, getattr(op.options, "fusedActivationFunction", 0))


def _crops(window: WindowSizes, given: Shape, wanted: Shape, kind: int) -> tuple[list[int], list[int]]:
    """Find what to cut before and after each axis, and what no input reaches at the end of each."""
    crops, missing = [], []
    for axis in range(2):
        reach = (given[1 + axis] - 1) * window.strides[axis] + window.kernel[axis]
        excess = max(reach - wanted[1 + axis], 0)
        before = excess // 2 if kind == 0 else 0
        crops += [before, excess - before]
        missing.append(max(wanted[1 + axis] - reach, 0))
    return crops, missing


def batch_matmul(net: Emitter, op: Op) -> None:
    """Either operand may be taken transposed, and be constant."""
    name = net.name(op.outputs[0])
    x, y = (_factor(net, number, f"{name}_{side}") for number, side in zip(op.inputs, "xy", strict=True))
    done = net.mb.matmul(x=x, y=y, transpose_x=bool(op.options.adjX), transpose_y=bool(op.options.adjY), name=name)
    net.give(op.outputs[0], done, Layout.FILE)


def _factor(net: Emitter, number: int, name: str) -> Any:
    if net.is_constant(number):
        return net.weight(number, lambda array: array, 0, name)
    return net.reals(number, Layout.FILE)
