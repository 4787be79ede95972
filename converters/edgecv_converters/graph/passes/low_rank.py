"""Transposes of more than five axes as transposes of at most five.

Axes that stay side by side are one axis, and those of size 1 are none; what is left is taken apart into exchanges of
two neighbouring blocks of axes.
Needed by: sub-pixel up-sampling written as Reshape and Permute, for Core ML, which has no tensors of rank 6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from edgecv_converters.graph.edit import add_reshape, constant, node_of, tensor_name, tensor_shapes
from edgecv_converters.graph.evaluate import constant_value

MOST_AXES: Final = 5


def rewrite(proto: Any) -> None:
    """Replace every Transpose of more than five axes, and make one Reshape of several in a row, in place."""
    transposes = [node for node in proto.node if node.op == "Transpose"]
    shapes = tensor_shapes(proto, [tensor_name(node.input[0]) for node in transposes]) if transposes else []
    changed = False
    for node, (shape, _) in zip(transposes, shapes, strict=True):
        order = constant_value(proto, node.input[1])
        if shape is None or order is None or None in shape or len(shape) <= MOST_AXES:
            continue
        _replace(proto, node, [int(size or 0) for size in shape], [int(axis) for axis in order])
        changed = True
    if changed:
        _join_reshapes(proto)


def merged(shape: Sequence[int], order: Sequence[int]) -> tuple[list[int], list[int]]:
    """The same transpose with as few axes as possible, as its shape and its order."""
    moved = [axis for axis in order if shape[axis] != 1]
    groups: list[list[int]] = []
    kept = [axis for axis, size in enumerate(shape) if size != 1]
    place = {axis: number for number, axis in enumerate(kept)}
    for axis in moved:
        if groups and place[groups[-1][-1]] + 1 == place[axis]:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    in_place = sorted(groups)
    return [math.prod(shape[axis] for axis in group) for group in in_place], [in_place.index(group) for group in groups]


def exchanges(shape: Sequence[int], order: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """The transpose as exchanges of two neighbouring blocks, each given by the sizes (before, first, second, after)."""
    now, found = list(range(len(shape))), []
    for place, wanted in enumerate(order):
        at = now.index(wanted)
        if at != place:
            blocks = (now[:place], now[place:at], [wanted], now[at + 1 :])
            before, first, second, after = (math.prod(shape[axis] for axis in block) for block in blocks)
            found.append((before, first, second, after))
            now.insert(place, now.pop(at))
    return found


def _replace(proto: Any, node: Any, shape: list[int], order: list[int]) -> None:
    sizes, fewer = merged(shape, order)
    steps = [(tuple(sizes), tuple(fewer))]
    if len(sizes) > MOST_AXES:
        steps = [(blocks, (0, 2, 1, 3)) for blocks in exchanges(sizes, fewer)]
    current, kind = node.input[0], node.attr["T"].type
    for number, (blocks, axes) in enumerate(steps):
        name = f"{node.name}/step_{number}"
        flat = add_reshape(proto, f"{name}/blocks", current, blocks, kind)
        moved = proto.node.add(name=name, op="Transpose", input=[flat, constant(proto, f"{name}/order", _int32(axes))])
        moved.attr["T"].CopyFrom(node.attr["T"])
        moved.attr["Tperm"].type = _INT32
        current = moved.name
    target = constant(proto, f"{node.name}/shape", _int32([shape[axis] for axis in order]))
    node.op, node.input[:] = "Reshape", [current, target]
    node.attr.clear()
    node.attr["T"].type, node.attr["Tshape"].type = kind, _INT32


def _join_reshapes(proto: Any) -> None:
    by_name = {node.name: node for node in proto.node}
    for node in [node for node in proto.node if node.op == "Reshape"]:
        while by_name[node_of(node.input[0])].op == "Reshape":
            node.input[0] = by_name[node_of(node.input[0])].input[0]


def _int32(values: Sequence[int]) -> Any:
    return np.array(values, np.int32)


_INT32: Final = 3  # TensorFlow's DT_INT32
