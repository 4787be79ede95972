"""A division of whole numbers that rounds down as one without a remainder: ONNX's rounds towards zero.

tf2onnx takes one for the other, so that -7 // 3 is -2 in the file, without an error.
Needed by: `//` of negative integers, for ONNX.
"""

from __future__ import annotations

from typing import Any


def rewrite(proto: Any) -> None:
    """Subtract the remainder from the dividend of every FloorDiv of integers, in place."""
    import tensorflow as tf

    for node in [node for node in proto.node if node.op == "FloorDiv"]:
        kind = node.attr["T"].type
        if not tf.dtypes.as_dtype(kind).is_integer:
            continue
        rest = proto.node.add(name=f"{node.name}/rest", op="FloorMod", input=list(node.input))
        less = proto.node.add(name=f"{node.name}/less", op="Sub", input=[node.input[0], rest.name])
        rest.attr["T"].type = less.attr["T"].type = kind
        node.input[0] = less.name
