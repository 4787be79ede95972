"""log(1 + x) for tf2onnx, which has no Log1p.

Needed by: `keras.ops.log1p` and `logaddexp`, for ONNX.
"""

from __future__ import annotations

from typing import Any

from edgecv_converters.graph.edit import scalar


def rewrite(proto: Any) -> None:
    """Replace every Log1p by Log of the sum, in place."""
    for node in [node for node in proto.node if node.op == "Log1p"]:
        one = scalar(proto, f"{node.name}/one", 1.0, node.attr["T"].type)
        more = proto.node.add(name=f"{node.name}/more", op="AddV2", input=[node.input[0], one])
        more.attr["T"].type = node.attr["T"].type
        node.op = "Log"
        node.input[:] = [more.name]
