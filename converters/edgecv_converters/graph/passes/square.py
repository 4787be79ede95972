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
    for node in [node for node in proto.node if node.op == "Square" and node.attr["T"].type == floats]:
        if _is_of_length(proto, node):
            continue
        node.op = "Mul"
        node.input.append(node.input[0])
    found = [node for node in proto.node if node.op == "SquaredDifference" and node.attr["T"].type == floats]
    shapes = tensor_shapes(proto, [f"{node.name}:0" for node in found]) if found else []
    for node, (shape, _) in zip(found, shapes, strict=True):
        if shape is not None and len(shape) > BROADCAST_AXES:
            difference = proto.node.add(name=f"{node.name}/difference", op="Sub", input=list(node.input))
            difference.attr["T"].type = floats
            node.op = "Mul"
            node.input[:] = [difference.name, difference.name]


def _is_of_length(proto: Any, square: Any) -> bool:
    """Tell whether x * rsqrt(max(sum(x^2), c)) or x * rsqrt(sum(x^2)), over the last axis, is what a square is for."""
    total = _only_reader(proto, square, "Sum")
    if total is None:
        return False
    bounded = _only_reader(proto, total, "Maximum")
    root = _only_reader(proto, bounded or total, "Rsqrt")
    product = None if root is None else _only_reader(proto, root, "Mul")
    axes = constant_value(proto, total.input[1])
    ((shape, _),) = tensor_shapes(proto, [f"{square.name}:0"])
    last = axes is not None and shape is not None and np.reshape(axes, -1).tolist() in ([-1], [len(shape) - 1])
    return last and product is not None and square.input[0] in product.input


def _only_reader(proto: Any, node: Any, op: str) -> Any | None:
    found = [reader for reader in proto.node if node.name in map(node_of, reader.input)]
    return found[0] if len(found) == 1 and found[0].op == op else None
