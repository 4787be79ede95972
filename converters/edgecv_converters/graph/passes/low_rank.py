"""Operations on more than five axes as operations on at most five.

For a transpose, axes that stay side by side are one axis, and those of size 1 are none; what is left is taken apart
into exchanges of two neighbouring blocks of axes. For a repetition, so are the axes between those that are repeated.
Needed by: sub-pixel up-sampling written as Reshape and Permute, and UpSampling3D, for Core ML, which has no tensors of
rank 6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from edgecv_converters.graph.edit import add_reshape, constant, make_reshape, node_of, tensor_name, tensor_shapes
from edgecv_converters.graph.evaluate import constant_value

MOST_AXES: Final = 5
_UNARY: Final = (
    *("Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Erf"),
    *("Abs", "Neg", "Exp", "Log", "Sqrt", "Rsqrt", "Square", "Round", "Floor"),
)


def rewrite(proto: Any) -> None:
    """Replace what has more than five axes, and make one Reshape of several in a row, in place."""
    handlers = {"Transpose": _transpose, "Tile": _tile} | dict.fromkeys(_UNARY, _unary)
    found = [node for node in proto.node if node.op in handlers]
    shapes = tensor_shapes(proto, [tensor_name(node.input[0]) for node in found]) if found else []
    changed = False
    for node, (shape, _) in zip(found, shapes, strict=True):
        if shape is not None and None not in shape and len(shape) > MOST_AXES:
            handlers[node.op](proto, node, [int(size or 0) for size in shape])
            changed = True
    if changed:
        _join_reshapes(proto)


def merged(shape: Sequence[int], order: Sequence[int]) -> tuple[list[int], list[int]]:
    """Merge a transpose's axes to as few as possible: its shape and its order."""
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


def _transpose(proto: Any, node: Any, shape: list[int]) -> None:
    found = constant_value(proto, node.input[1])
    if found is None:
        return
    order = [int(axis) for axis in found]
    sizes, fewer = merged(shape, order)
    steps = [(tuple(sizes), tuple(fewer))]
    if len(sizes) > MOST_AXES:
        steps = [(blocks, (0, 2, 1, 3)) for blocks in exchanges(sizes, fewer)]
    current, kind = node.input[0], node.attr["T"].type
    for number, (blocks, axes) in enumerate(steps):
        name = f"{node.name}/step_{number}"
        flat = add_reshape(proto, f"{name}/blocks", current, blocks, kind)
        moved = proto.node.add(name=name, op="Transpose", input=[flat, constant(proto, f"{name}/order", _int32(axes))])
        moved.attr["T"].type, moved.attr["Tperm"].type = kind, _INT32
        current = moved.name
    make_reshape(proto, node, current, [shape[axis] for axis in order])


def _tile(proto: Any, node: Any, shape: list[int]) -> None:
    found = constant_value(proto, node.input[1])
    if found is None:
        return
    times = [int(number) for number in found]
    blocks: list[tuple[int, int]] = []  # sizes, and how often each is repeated
    for size, number in zip(shape, times, strict=True):
        if number == 1 and blocks and blocks[-1][1] == 1:
            blocks[-1] = (blocks[-1][0] * size, 1)
        else:
            blocks.append((size, number))
    name, kind = f"{node.name}/blocks", node.attr["T"].type
    flat = add_reshape(proto, f"{name}/before", node.input[0], [size for size, _ in blocks], kind)
    multiples = constant(proto, f"{name}/multiples", _int32([number for _, number in blocks]))
    tiled = proto.node.add(name=name, op="Tile", input=[flat, multiples])
    tiled.attr["T"].type, tiled.attr["Tmultiples"].type = kind, _INT32
    make_reshape(proto, node, name, [size * number for size, number in zip(shape, times, strict=True)])


def _unary(proto: Any, node: Any, shape: list[int]) -> None:
    kind = node.attr["T"].type
    flat = proto.node.add()
    flat.CopyFrom(node)
    flat.name = f"{node.name}/flat"
    flat.input[:] = [add_reshape(proto, f"{flat.name}/before", node.input[0], [shape[0], math.prod(shape[1:])], kind)]
    make_reshape(proto, node, flat.name, shape)


def _join_reshapes(proto: Any) -> None:
    by_name = {node.name: node for node in proto.node}
    for node in [node for node in proto.node if node.op == "Reshape"]:
        while by_name[node_of(node.input[0])].op in {"Reshape", "ExpandDims"}:
            node.input[0] = by_name[node_of(node.input[0])].input[0]


def _int32(values: Sequence[int]) -> Any:
    return np.array(values, np.int32)


_INT32: Final = 3  # TensorFlow's DT_INT32
