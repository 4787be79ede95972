"""The number of a value's interval for the converters that have no Bucketize: how many boundaries it has reached.

Needed by: `Discretization`, for ONNX and Core ML.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.graph.edit import constant


def rewrite(proto: Any) -> None:
    """Replace every Bucketize by a sum of comparisons with its boundaries, in place."""
    import tensorflow as tf

    for node in [node for node in proto.node if node.op == "Bucketize"]:
        name, source, kind = node.name, node.input[0], tf.as_dtype(node.attr["T"].type)
        boundaries = np.array(node.attr["boundaries"].list.f, np.float32)
        integers = tf.int32.as_datatype_enum
        if kind != tf.float32:
            source = _cast(proto, f"{name}/values", source, kind.as_datatype_enum, tf.float32.as_datatype_enum)
        last = constant(proto, f"{name}/axis", np.array(-1, np.int32))
        wide = proto.node.add(name=f"{name}/wide", op="ExpandDims", input=[source, last])
        wide.attr["T"].type, wide.attr["Tdim"].type = tf.float32.as_datatype_enum, integers
        limits = constant(proto, f"{name}/boundaries", boundaries)
        reached = proto.node.add(name=f"{name}/reached", op="GreaterEqual", input=[wide.name, limits])
        reached.attr["T"].type = tf.float32.as_datatype_enum
        counted = _cast(proto, f"{name}/counted", reached.name, tf.bool.as_datatype_enum, integers)
        node.op = "Sum"
        node.input[:] = [counted, last]
        node.attr.clear()
        node.attr["T"].type = node.attr["Tidx"].type = integers
        node.attr["keep_dims"].b = False


def _cast(proto: Any, name: str, source: str, old: int, new: int) -> str:
    node = proto.node.add(name=name, op="Cast", input=[source])
    node.attr["SrcT"].type, node.attr["DstT"].type = old, new
    return str(node.name)
