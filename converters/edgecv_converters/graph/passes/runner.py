"""Runs passes on a frozen graph, and checks what must hold before and after them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from edgecv_runtime.errors import ConversionError

from edgecv_converters.graph.edit import node_of, prune
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.layers import layer_of

GraphPass = Callable[[Any], None]
"""One rewrite: it changes a `tensorflow.GraphDef` in place."""
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_CONTROL_FLOW = frozenset(
    {"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase", "For"}
    | {"Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond"}
)
_STATE = frozenset({"VarHandleOp", "ReadVariableOp", "VariableV2", "AssignVariableOp", "HashTableV2"})


def run_passes(proto: Any, passes: Sequence[GraphPass], endpoints: Sequence[str]) -> None:
    """Run passes in order on a `tensorflow.GraphDef`, in place; what no endpoint needs is dropped before and after.

    Args:
        proto: The graph.
        passes: The rewrites.
        endpoints: The nodes of its inputs and outputs, which stay.

    Raises:
        ConversionError: A pass left a reference to a node that is not there; the pass is named.
    """
    prune(proto, endpoints)
    for rewrite in passes:
        rewrite(proto)
        _check_references(proto, endpoints, f" after the pass {rewrite.__module__.rpartition('.')[2]}")
    prune(proto, endpoints)


def canonical(frozen: FrozenGraph, passes: Sequence[GraphPass]) -> FrozenGraph:
    """Return the graph in the form that a converter takes: after `passes`, without calls, control flow and state.

    Raises:
        ConversionError: The graph holds calls, control flow or state; the message names the operation and its layer.
    """
    proto, endpoints = frozen.light(), [end.node for end in (*frozen.inputs, *frozen.outputs)]
    check(proto, endpoints)
    run_passes(proto, passes, endpoints)
    check(proto, endpoints)
    return replace(frozen, graph_def=proto.SerializeToString(deterministic=True))


def check(proto: Any, endpoints: Sequence[str]) -> None:
    """Check a graph in canonical form: no calls, loops, state or dangling names; all endpoints present.

    Raises:
        ConversionError: It does not hold; the message names the operation and its layer.
    """
    refused = {
        "a function call": _CALLS,
        "control flow, whose length depends on the data": _CONTROL_FLOW,
        "state": _STATE,
    }
    for node in proto.node:
        for what, kinds in refused.items():
            if node.op in kinds:
                raise ConversionError(
                    f"operation {node.op} of layer {layer_of(node.name)} is {what}",
                    "Edge runtimes take a graph of plain operations: replace the layer, or fix the number of its steps",
                )
    _check_references(proto, endpoints, "")


def _check_references(proto: Any, endpoints: Sequence[str], when: str) -> None:
    names = {node.name for node in proto.node}
    missing = ({node_of(name) for node in proto.node for name in node.input} | set(endpoints)) - names
    if missing:
        raise ConversionError(f"the frozen graph has no node {min(missing)!r}{when}", "This is a bug in edgecv")
