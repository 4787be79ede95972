"""A division of whole numbers that rounds down, and its remainder, by ones that round towards zero, as ONNX's do.

tf2onnx takes one for the other, so that -7 // 3 is -2 in the file, and -7 % 3 is -1, without an error.
Needed by: `//` and `%` of negative integers, for ONNX.
"""

from __future__ import annotations

from typing import Any


def rewrite(proto: Any) -> None:
    """Make the remainder of every FloorMod and FloorDiv of integers as TensorFlow's, and divide without one."""
    import tensorflow as tf

    for node in [node for node in proto.node if node.op in {"FloorDiv", "FloorMod"}]:
        kind = node.attr["T"].type
        if not tf.dtypes.as_dtype(kind).is_integer:
            continue
        rest = _remainder(proto, node)
        if node.op == "FloorMod":
            node.input[0] = rest
        else:
            last = _add(proto, node, "rest", "FloorMod", (rest, node.input[1]))
            node.input[0] = _add(proto, node, "less", "Sub", (node.input[0], last))


def _remainder(proto: Any, node: Any) -> str:
    """Add a % b + b, whose remainder by b has b's sign, however a % b itself is rounded."""
    first = _add(proto, node, "first", "FloorMod", tuple(node.input))
    return _add(proto, node, "above", "AddV2", (first, node.input[1]))


def _add(proto: Any, node: Any, label: str, op: str, operands: tuple[str, str]) -> str:
    added = proto.node.add(name=f"{node.name}/{label}", op=op, input=operands)
    added.attr["T"].type = node.attr["T"].type
    return str(added.name)
