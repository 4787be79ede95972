"""The passes of each target, and what must hold before and after them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from edgecv_runtime.errors import ConversionError
from edgecv_runtime.schema import Target

from edgecv_converters.graph.edit import node_of, prune
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.layers import layer_of
from edgecv_converters.graph.passes import erfc, negative, split_sizes, whole_pool

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_CONTROL_FLOW = frozenset(
    {"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase", "For"}
    | {"Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond"}
)
_STATE = frozenset({"VarHandleOp", "ReadVariableOp", "VariableV2", "AssignVariableOp", "HashTableV2"})


@dataclass(frozen=True, slots=True)
class GraphPass:
    """One rewrite (its module's `rewrite` changes a GraphDef in place), and the targets whose converter needs it."""

    module: ModuleType
    targets: frozenset[Target]

    @property
    def name(self) -> str:
        """The module's own name."""
        return self.module.__name__.rpartition(".")[2]

    @property
    def rewrite(self) -> Callable[[Any], None]:
        """The function that changes a GraphDef in place."""
        return self.module.rewrite  # type: ignore[no-any-return]


PASSES: tuple[GraphPass, ...] = (
    GraphPass(erfc, frozenset({"onnx", "coreml"})),
    GraphPass(split_sizes, frozenset({"coreml"})),
    GraphPass(whole_pool, frozenset({"tflite"})),
    GraphPass(negative, frozenset({"tflite"})),
)


def canonical(frozen: FrozenGraph, target: Target) -> FrozenGraph:
    """The graph in the form that `target`'s converter takes.

    Raises:
        ConversionError: The graph holds calls, control flow or state that no pass removes; the message names the
            operation and its layer.
    """
    proto = frozen.proto()
    check(frozen, proto)
    for step in PASSES:
        if target in step.targets:
            step.rewrite(proto)
    prune(proto, [end.node for end in (*frozen.inputs, *frozen.outputs)])
    done = replace(frozen, graph_def=proto.SerializeToString(deterministic=True))
    check(done, proto)
    return done


def check(frozen: FrozenGraph, proto: Any) -> None:
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
    names = {node.name for node in proto.node}
    missing = {node_of(name) for node in proto.node for name in node.input} - names
    missing |= {end.node for end in (*frozen.inputs, *frozen.outputs)} - names
    if missing:
        raise ConversionError(f"the frozen graph has no node {min(missing)!r}", "This is a bug in edgecv")
