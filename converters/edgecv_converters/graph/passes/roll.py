"""A roll along axes as two slices for each, the other way round, for coremltools, which has no Roll.

Needed by: `keras.ops.roll`, as in networks with shifted windows, for Core ML.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.graph.edit import constant, tensor_name, tensor_shapes
from edgecv_converters.graph.evaluate import constant_value


def rewrite(proto: Any) -> None:
    """Replace every Roll by known shifts, in place."""
    rolls = [node for node in proto.node if node.op == "Roll"]
    shapes = tensor_shapes(proto, [tensor_name(node.input[0]) for node in rolls]) if rolls else []
    for node, (shape, _) in zip(rolls, shapes, strict=True):
        shifts, axes = (constant_value(proto, name) for name in node.input[1:3])
        if shape is None or None in shape or shifts is None or axes is None:
            continue
        current, kind = node.input[0], node.attr["T"].type
        for number, (shift, axis) in enumerate(zip(np.ravel(shifts), np.ravel(axes), strict=True)):
            sizes = [int(size or 0) for size in shape]
            current = _rolled(proto, f"{node.name}/axis_{number}", current, sizes, (int(shift), int(axis)), kind)
        node.op, node.input[:] = "Identity", [current]
        node.attr.clear()
        node.attr["T"].type = kind


def _rolled(proto: Any, name: str, source: str, shape: list[int], by: tuple[int, int], kind: int) -> str:
    """Add a roll by (shift, axis); returns the name of its result."""
    axis = by[1] % len(shape)
    shift = by[0] % shape[axis]
    if not shift:
        return source
    cut = shape[axis] - shift
    last = _slice(proto, f"{name}/last", source, _with(shape, axis, cut, shift), kind)
    first = _slice(proto, f"{name}/first", source, _with(shape, axis, 0, cut), kind)
    along = constant(proto, f"{name}/along", np.array(axis, np.int32))
    joined = proto.node.add(name=name, op="ConcatV2", input=[last, first, along])
    joined.attr["T"].type, joined.attr["Tidx"].type, joined.attr["N"].i = kind, _INT32, 2
    return name


def _with(shape: list[int], axis: int, begin: int, size: int) -> tuple[list[int], list[int]]:
    """The begin and the sizes of a slice of one axis, as a Slice takes them."""
    begins, sizes = [0] * len(shape), list(shape)
    begins[axis], sizes[axis] = begin, size
    return begins, sizes


def _slice(proto: Any, name: str, source: str, part: tuple[list[int], list[int]], kind: int) -> str:
    begin, size = (
        constant(proto, f"{name}/{label}", np.array(values, np.int32))
        for label, values in zip(("begin", "size"), part, strict=True)
    )
    node = proto.node.add(name=name, op="Slice", input=[source, begin, size])
    node.attr["T"].type, node.attr["Index"].type = kind, _INT32
    return name


_INT32 = 3  # TensorFlow's DT_INT32
