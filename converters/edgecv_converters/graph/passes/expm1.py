"""exp(x) - 1 for the converters that have no Expm1, without losing what is near zero.

exp(x) - 1 = tanh(x / 2) * (exp(x) + 1), whose relative error is small everywhere, in float16 too.
Needed by: CELU, for ONNX and Core ML.
"""

from __future__ import annotations

from typing import Any

from edgecv_converters.graph.edit import scalar


def rewrite(proto: Any) -> None:
    """Replace every Expm1 by tanh(x / 2) * (exp(x) + 1), in place."""
    for node in [node for node in proto.node if node.op == "Expm1"]:
        name, source, kind = node.name, node.input[0], node.attr["T"].type

        def make(op: str, label: str, *operands: str, scope: str = name, dtype: int = kind) -> str:
            made = proto.node.add(name=f"{scope}/{label}", op=op, input=operands)
            made.attr["T"].type = dtype
            return str(made.name)

        half = make("Mul", "half", source, scalar(proto, f"{name}/one_half", 0.5, kind))
        more = make("AddV2", "exp_plus_one", make("Exp", "exp", source), scalar(proto, f"{name}/one", 1.0, kind))
        node.op = "Mul"
        node.input[:] = [make("Tanh", "tanh", half), more]
