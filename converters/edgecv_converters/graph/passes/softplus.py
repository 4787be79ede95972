"""Softplus for TFLite, whose converter writes log(1 + exp x): infinite from x = 89 on, where softplus is x.

Written as max(x, 0) + log(1 + exp(-|x|)) nothing overflows. In int8, exponentials up to 1 have steps for all of them,
where one of 400 leaves none for those below 1, and an infinite one ended the process of TensorFlow's converter.
Needed by: softplus and mish, wherever their inputs grow.
"""

from __future__ import annotations

from typing import Any

from edgecv_converters.graph.edit import scalar


def rewrite(proto: Any) -> None:
    """Replace every Softplus by the sum, in place."""
    for node in [node for node in proto.node if node.op == "Softplus"]:
        dtype = node.attr["T"].type

        def made(op: str, *inputs: str, node: Any = node, dtype: int = dtype) -> str:
            new = proto.node.add(name=f"{node.name}/{op}", op=op, input=inputs)
            new.attr["T"].type = dtype
            return str(new.name)

        (x,) = node.input
        one, negative = (
            scalar(proto, f"{node.name}/{name}", value, dtype) for name, value in (("one", 1.0), ("minus", -1.0))
        )
        below = made("Mul", made("Abs", x), negative)  # TFLite has no int8 kernel for Neg
        rest = made("Log", made("Add", made("Exp", below), one))
        node.op = "AddV2"
        node.input[:] = [made("Relu", x), rest]
