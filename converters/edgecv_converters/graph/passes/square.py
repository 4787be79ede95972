"""TFLite has no int8 SQUARE, but an int8 MUL: a square becomes a product of a tensor with itself, the same in float.

Needed by: RMSNormalization and L2 norms, whose squares stayed float in the int8 file; and GroupNormalization, whose
squared difference has five axes, which TFLite's converter splits into a SUB and a SQUARE.
"""

from __future__ import annotations

from typing import Any

from edgecv_converters.graph.edit import tensor_shapes

BROADCAST_AXES = 4  # of TFLite's SQUARED_DIFFERENCE


def rewrite(proto: Any) -> None:
    """Replace every Square of float32 by a Mul, and every SquaredDifference of many axes by a Sub and a Mul."""
    import tensorflow as tf

    floats = tf.float32.as_datatype_enum
    for node in [node for node in proto.node if node.op == "Square" and node.attr["T"].type == floats]:
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
