"""Operations on booleans and integers: comparisons, choices, indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.coreml.int8.emitter import Emitter
from edgecv_converters.coreml.int8.pointwise import Handler
from edgecv_converters.coreml.int8.value import Layout, arranged, axis_in
from edgecv_converters.tflite.describe import dtype_of
from edgecv_converters.tflite.reader import Op

LARGEST = float(np.finfo(np.float16).max)


def compare(kind: str) -> Handler:
    """A comparison of two tensors; of floats that have no grid in float32, for equal means equal."""

    def emit(net: Emitter, op: Op) -> None:
        exact = any(net.is_float(number) and not net.is_constant(number) for number in op.inputs)
        before, net.compute = net.compute, "float32" if exact else net.compute
        layout, rank = net.layout_of(op.inputs), len(net.shape(op.outputs[0]))
        x, y = (net.operand(number, layout, rank) for number in op.inputs)
        net.give(op.outputs[0], getattr(net.mb, kind)(x=x, y=y, name=net.name(op.outputs[0])), layout)
        net.compute = before

    return emit


def select(net: Emitter, op: Op) -> None:
    """Operands: condition, what is taken where it holds, what is taken elsewhere; broadcast against each other.

    A stand-in for infinity (-3e38, as attention masks have) becomes the largest number of float16 where that computes.
    """
    result = op.outputs[0]
    layout, name, shape = net.layout_of(op.inputs), net.name(result), net.shape(result)
    condition = _condition(net, op.inputs[0], layout, len(shape))
    a, b = (_choice(net, number, layout, len(shape)) for number in op.inputs[1:])
    whole = tuple(shape[axis] for axis in (0, 3, 1, 2)) if layout is Layout.CHW else tuple(shape)
    if np.broadcast_shapes(tuple(np.shape(a)), tuple(np.shape(b))) != whole:
        kind = net.dtype(a) if not isinstance(a, np.ndarray) else a.dtype
        a = net.mb.add(x=a, y=np.zeros(whole, kind), name=net.unique(f"{name}_whole"))
    net.give(result, net.mb.select(cond=condition, a=a, b=b, name=name), layout)


def _condition(net: Emitter, number: int, layout: Layout, rank: int) -> Any:
    if not net.is_constant(number):
        return net.operand(number, layout, rank)
    return arranged(net.constant(number), layout, rank).astype(bool)


def _choice(net: Emitter, number: int, layout: Layout, rank: int) -> Any:
    if not net.is_constant(number):
        return net.operand(number, layout, rank)
    array = arranged(net.constant(number), layout, rank)
    clipped = array.dtype.kind == "f" and net.compute == "float16"
    return net.floats(np.clip(array, -LARGEST, LARGEST) if clipped else array)


def reduce_any(net: Emitter, op: Op) -> None:
    """Tell whether any value along some axes is true."""
    _reduce(net, op, "reduce_max")


def reduce_all(net: Emitter, op: Op) -> None:
    """Tell whether all values along some axes are true."""
    _reduce(net, op, "reduce_min")


def _reduce(net: Emitter, op: Op, kind: str) -> None:
    name, rank = net.name(op.outputs[0]), len(net.shape(op.inputs[0]))
    axes = np.array(sorted({axis % rank for axis in net.integers_of(op.inputs[1])}), np.int32)
    number = net.mb.cast(x=net.reals(op.inputs[0], Layout.FILE), dtype="int32", name=net.unique(f"{name}_number"))
    keep = bool(op.options.keepDims)
    found = getattr(net.mb, kind)(x=number, axes=axes, keep_dims=keep, name=net.unique(f"{name}_found"))
    net.give(op.outputs[0], net.mb.cast(x=found, dtype="bool", name=name), Layout.FILE)


def one_hot(net: Emitter, op: Op) -> None:
    """Operands: indices, depth, the value at an index, the value elsewhere."""
    indices, depth, on, off = op.inputs
    done = net.mb.one_hot(
        indices=net.reals(indices, Layout.FILE),
        one_hot_vector_size=np.int32(net.integers_of(depth)[0]),
        axis=np.int32(op.options.axis),
        on_value=net.floats(net.constant(on)).reshape(())[()],
        off_value=net.floats(net.constant(off)).reshape(())[()],
        name=net.name(op.outputs[0]),
    )
    net.give(op.outputs[0], done, Layout.FILE)


def arg_max(net: Emitter, op: Op) -> None:
    """Find the place of the largest value along an axis; of equals the first."""
    _place(net, op, "reduce_argmax")


def arg_min(net: Emitter, op: Op) -> None:
    """Find the place of the smallest value along an axis; of equals the first."""
    _place(net, op, "reduce_argmin")


def _place(net: Emitter, op: Op, kind: str) -> None:
    """Operands: data, axis."""
    axis = np.int32(net.integers_of(op.inputs[1])[0] % len(net.shape(op.inputs[0])))
    found = getattr(net.mb, kind)(x=net.reals(op.inputs[0], Layout.FILE), axis=axis, name=net.name(op.outputs[0]))
    net.give(op.outputs[0], found, Layout.FILE)


def top_k(net: Emitter, op: Op) -> None:
    """Operands: data, how many; results: the largest values along the last axis, and their places."""
    count = np.int32(net.integers_of(op.inputs[1])[0])
    x = net.reals(op.inputs[0], Layout.FILE)
    found = net.mb.topk(x=x, k=count, axis=np.int32(-1), ascending=False, name=net.unique(net.name(op.outputs[0])))
    for number, value in zip(op.outputs, found, strict=True):
        net.give(number, value, Layout.FILE)


def cumulative_sum(net: Emitter, op: Op) -> None:
    """Operands: data, axis."""
    rank, layout = len(net.shape(op.inputs[0])), net.layout_of(op.inputs[:1])
    done = net.mb.cumsum(
        x=net.reals(op.inputs[0], layout),
        axis=np.int32(axis_in(net.integers_of(op.inputs[1])[0], rank, layout)),
        exclusive=bool(op.options.exclusive),
        reverse=bool(op.options.reverse),
        name=net.name(op.outputs[0]),
    )
    net.give(op.outputs[0], done, layout)


def cast(net: Emitter, op: Op) -> None:
    """Between floats, integers (which are all int32) and booleans."""
    layout, result = net.layout_of(op.inputs), op.outputs[0]
    wanted = dtype_of(net.flat.graph.tensors[result])
    floats = {"float16": "fp16", "float32": "fp32"}
    dtype = floats[net.compute] if net.is_float(result) else "bool" if wanted == "bool" else "int32"
    done = net.mb.cast(x=net.reals(op.inputs[0], layout), dtype=dtype, name=net.name(result))
    net.give(result, done, layout)
