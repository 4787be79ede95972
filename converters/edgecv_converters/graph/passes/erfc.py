"""Exact GELU for the converters that have no Erfc.

Keras 3 writes gelu(x) as 0.5 x erfc(-x / sqrt(2)). tf2onnx and coremltools know Erf only, and
erfc(x) = 1 - erf(x). TFLite has neither, but lowers the original form to its own GELU.
Needed by: ConvNeXt.
"""

from __future__ import annotations

from typing import Any

from edgecv_converters.graph.edit import scalar


def rewrite(proto: Any) -> None:
    """Replace every Erfc by 1 - Erf, in place."""
    for node in [node for node in proto.node if node.op == "Erfc"]:
        inner = proto.node.add(name=f"{node.name}/Erf", op="Erf", input=list(node.input))
        inner.attr["T"].CopyFrom(node.attr["T"])
        one = scalar(proto, f"{node.name}/one", 1.0, node.attr["T"].type)
        node.op = "Sub"
        node.input[:] = [one, inner.name]
