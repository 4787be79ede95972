"""Branches whose condition is known, as calls of the one that is taken.

A condition on a shape, or on whether the model is being trained, is a constant in the frozen graph.
Needed by: `Resizing` with pad_to_aspect_ratio.
"""

from __future__ import annotations

from typing import Any, Final

from edgecv_converters.graph.evaluate import constant_value

BRANCHES: Final = frozenset({"If", "StatelessIf"})


def rewrite(proto: Any) -> None:
    """Replace every If with a constant condition by a PartitionedCall, in place; the caller inlines it."""
    for node in [node for node in proto.node if node.op in BRANCHES]:
        condition = constant_value(proto, node.input[0])
        if condition is None:
            continue
        taken = node.attr["then_branch" if condition.any() else "else_branch"].func
        given, made = node.attr["Tin"].list.type[:], node.attr["Tout"].list.type[:]
        node.op, node.input[:] = "PartitionedCall", node.input[1:]
        call = type(node)(name=node.name, op=node.op, input=node.input)
        call.attr["f"].func.CopyFrom(taken)
        call.attr["Tin"].list.type[:], call.attr["Tout"].list.type[:] = given, made
        node.CopyFrom(call)
