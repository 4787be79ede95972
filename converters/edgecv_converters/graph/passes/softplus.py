"""Softplus for TFLite, whose converter writes log(1 + exp x): infinite from x = 89 on, where softplus is x.

Written as (x + |x|) / 2 + log(1 + exp(-|x|)) nothing overflows. In int8, exponentials up to 1 have steps for all of
them, where one of 400 leaves none for those below 1, and an infinite one ended the process of TensorFlow's converter.
Needed by: softplus and mish, wherever their inputs grow.
"""

from __future__ import annotations

from typing import Any

from edgecv_converters.graph.edit import scalar


def rewrite(proto: Any) -> None:
    """Replace every Softplus by the sum, in place."""
    for node in [node for node in proto.node if node.op == "Softplus"]:
        dtype = node.attr["T"].type

        def made(name: str, op: str, *inputs: str, node: Any = node, dtype: int = dtype) -> str:
            new = proto.node.add(name=f"{node.name}_{name}", op=op, input=inputs)
            new.attr["T"].type = dtype
            return str(new.name)

        def number(name: str, value: float, node: Any = node, dtype: int = dtype) -> str:
            return scalar(proto, f"{node.name}_{name}", value, dtype)

        (x,) = node.input
        size = made("size", "Abs", x)
        power = made("power", "Exp", made("below", "Mul", size, number("minus", -1.0)))  # no int8 kernel for Neg
        rest = made("rest", "Log", made("more", "AddV2", power, number("one", 1.0)))
        twice = made(
            "twice", "AddV2", x, size
        )  # a Relu would be merged with the layer before, which is computed twice then
        node.op = "AddV2"
        node.input[:] = [made("positive", "Mul", twice, number("half", 0.5)), rest]
