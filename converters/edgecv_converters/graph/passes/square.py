"""TFLite has no int8 SQUARE, but an int8 MUL: a square becomes a product of a tensor with itself, the same in float.

Needed by: RMSNormalization and L2 norms, whose squares stayed float in the int8 file; and GroupNormalization, whose
squared difference has five axes, which TFLite's converter splits into a SUB and a SQUARE. The squares of an L2 norm
over the last axis stay, for they become one L2_NORMALIZATION, which has an int8 kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.graph.edit import node_of, tensor_shapes
from edgecv_converters.graph.evaluate import constant_value

BROADCAST_AXES = 4  # of TFLite's SQUARED_DIFFERENCE


def rewrite(proto: Any) -> None:
    """Replace every Square of float32 by a Mul, and every SquaredDifference of many axes by a Sub and a Mul."""
    import tensorflow as tf

    floats = tf.float32.as_datatype_enum
    squares, differences = (
        [node for node in proto.node if node.op == op and node.attr["T"].type == floats]
        for op in ("Square", "SquaredDifference")
    )
    axes = {node.name: axis for node in squares if (axis := _axis_of_length(proto, node)) is not None}
    ranks = _ranks(proto, [*axes, *(node.name for node in differences)])
    for node in squares:
        rank = ranks.get(node.name)
        if rank is None or axes[node.name] not in {-1, rank - 1}:
            node.op = "Mul"
            node.input.append(node.input[0])
    for node in differences:
        rank = ranks[node.name]
        if rank is not None and rank > BROADCAST_AXES:
            difference = proto.node.add(name=f"{node.name}/difference", op="Sub", input=list(node.input))
            difference.attr["T"].type = floats
            node.op = "Mul"
            node.input[:] = [difference.name, difference.name]


def _ranks(proto: Any, names: list[str]) -> dict[str, int | None]:
    """The number of axes of each node's result; None where it is unknown. The whole graph is read once."""
    found = tensor_shapes(proto, [f"{name}:0" for name in names]) if names else []
    return {name: None if shape is None else len(shape) for name, (shape, _) in zip(names, found, strict=True)}


def _axis_of_length(proto: Any, square: Any) -> int | None:
    """The axis of the sum where x * rsqrt(max(sum(x^2), c)) or x * rsqrt(sum(x^2)) is what a square is for."""
    total = _only_reader(proto, square, "Sum")
    if total is None:
        return None
    root = _only_reader(proto, _only_reader(proto, total, "Maximum") or total, "Rsqrt")
    product = None if root is None else _only_reader(proto, root, "Mul")
    if product is None or square.input[0] not in product.input:
        return None
    axes = constant_value(proto, total.input[1])
    return int(np.reshape(axes, -1)[0]) if axes is not None and np.size(axes) == 1 else None


def _only_reader(proto: Any, node: Any, op: str) -> Any | None:
    found = [reader for reader in proto.node if node.name in map(node_of, reader.input)]
    return found[0] if len(found) == 1 and found[0].op == op else None
