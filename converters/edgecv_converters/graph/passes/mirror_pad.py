"""Symmetric padding as a choice of rows and columns, for coremltools, which repeats the edge in its place.

The two are equal where one row is added; where more are, the package's answers are others, without an error.
Needed by: `keras.ops.pad` with mode="symmetric", for Core ML.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.graph.edit import constant, tensor_name, tensor_shapes
from edgecv_converters.graph.evaluate import constant_value


def rewrite(proto: Any) -> None:
    """Replace every symmetric MirrorPad by a GatherV2 along each axis that it pads, in place."""
    pads = [node for node in proto.node if node.op == "MirrorPad" and node.attr["mode"].s == b"SYMMETRIC"]
    shapes = tensor_shapes(proto, [tensor_name(node.input[0]) for node in pads]) if pads else []
    for node, (shape, _) in zip(pads, shapes, strict=True):
        paddings = constant_value(proto, node.input[1])
        if shape is None or None in shape or paddings is None:
            continue
        current, kind = node.input[0], node.attr["T"].type
        for axis, (before, after) in enumerate(np.asarray(paddings).tolist()):
            if before or after:
                places = np.pad(np.arange(shape[axis] or 0, dtype=np.int32), (before, after), mode="symmetric")
                current = _gathered(proto, f"{node.name}/axis_{axis}", current, places, axis, kind)
        node.op, node.input[:] = "Identity", [current]
        node.attr.clear()
        node.attr["T"].type = kind


def _gathered(proto: Any, name: str, source: str, places: Any, axis: int, kind: int) -> str:
    indices = constant(proto, f"{name}/indices", places)
    along = constant(proto, f"{name}/along", np.array(axis, np.int32))
    gather = proto.node.add(name=name, op="GatherV2", input=[source, indices, along])
    gather.attr["Tparams"].type = kind
    gather.attr["Tindices"].type = gather.attr["Taxis"].type = _INT32
    return name


_INT32 = 3  # TensorFlow's DT_INT32
