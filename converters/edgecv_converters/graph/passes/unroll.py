"""Loops of a fixed number of steps, as that many copies of their body.

The loop of an LSTM crashes the TFLite calibrator, and neither tf2onnx nor coremltools takes its control inputs. Keras
layers are unrolled while they are traced; a SavedModel holds the loop as it was exported.
Needed by: any SavedModel with an LSTM, GRU or SimpleRNN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgecv_converters.graph.edit import constant, drop_control_inputs, node_of
from edgecv_converters.graph.evaluate import constant_value
from edgecv_converters.graph.names import without_colon_zero

LOOPS = frozenset({"While", "StatelessWhile"})
MAX_STEPS = 2048


def rewrite(proto: Any) -> None:
    """Unroll, in place, every loop whose number of steps follows from constants; others stay as they are.

    The graph has no control inputs.
    """
    refused: set[str] = set()
    while loops := [node for node in proto.node if node.op in LOOPS and node.name not in refused]:
        for loop in loops:
            results = _steps(proto, loop)
            if results is None:
                refused.add(loop.name)
            else:
                _replace(proto, loop.name, results)


@dataclass(frozen=True, slots=True)
class _Body:
    """A function of the library as a graph: its arguments' nodes, its results, and their types."""

    proto: Any
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    types: tuple[int, ...]


def _body(proto: Any, name: str) -> _Body:
    from tensorflow.python.framework.function_def_to_graph import function_def_to_graph_def

    function = next(f for f in proto.library.function if f.signature.name == name)
    graph, flat = function_def_to_graph_def(function)
    outputs = function.signature.output_arg
    drop_control_inputs(graph)
    return _Body(
        proto=graph,
        arguments=tuple(argument.name for argument in function.signature.input_arg),
        results=tuple(flat[function.ret[output.name]] for output in outputs),
        types=tuple(output.type for output in outputs),
    )


def _steps(proto: Any, loop: Any) -> list[str] | None:
    """Append the loop's steps to the graph; returns what its outputs are then, or None where it cannot be unrolled."""
    condition, body = (_body(proto, loop.attr[key].func.name) for key in ("cond", "body"))
    current = list(loop.input)
    before = len(proto.node)
    known = [_known(proto, reference, kind) for reference, kind in zip(current, body.types, strict=True)]
    for step in range(MAX_STEPS):
        goes_on = _holds(condition, known)
        if goes_on is None:
            break
        if not goes_on:
            return current
        current = _copy(proto, body, current, f"{loop.name}/step_{step}")
        known = [_known(proto, reference, kind) for reference, kind in zip(current, body.types, strict=True)]
        current = [
            reference if value is None else constant(proto, f"{loop.name}/step_{step}/known_{position}", value)
            for position, (reference, value) in enumerate(zip(current, known, strict=True))
        ]
    del proto.node[before:]
    return None


def _known(proto: Any, reference: str, kind: int) -> Any | None:
    """The value of a loop variable that may count steps: an integer or a boolean that follows from constants."""
    from tensorflow.core.framework.types_pb2 import DT_BOOL, DT_INT32, DT_INT64

    return constant_value(proto, reference) if kind in {DT_BOOL, DT_INT32, DT_INT64} else None


def _holds(condition: _Body, known: Sequence[Any | None]) -> bool | None:
    """Tell whether the loop goes on; None where that depends on the data."""
    graph = type(condition.proto)()
    graph.CopyFrom(condition.proto)
    values = dict(zip(condition.arguments, known, strict=True))
    for node in [node for node in graph.node if values.get(node.name) is not None]:
        name, value = node.name, values[node.name]
        graph.node.remove(node)
        constant(graph, name, value)
    value = constant_value(graph, condition.results[0])
    return None if value is None else bool(value)


def _copy(proto: Any, body: _Body, arguments: Sequence[str], prefix: str) -> list[str]:
    """Append one copy of the body's nodes, its arguments replaced; returns its results."""
    bound = dict(zip(body.arguments, arguments, strict=True))

    def moved(reference: str) -> str:
        return bound.get(node_of(reference)) or f"{prefix}/{without_colon_zero(reference)}"

    for node in body.proto.node:
        if node.name in bound:
            continue
        added = proto.node.add()
        added.CopyFrom(node)
        added.name = f"{prefix}/{node.name}"
        added.input[:] = [moved(source) for source in node.input]
    return [moved(result) for result in body.results]


def _replace(proto: Any, loop: str, results: Sequence[str]) -> None:
    """Let every consumer of the loop read the last step's results, and drop the loop."""
    for node in proto.node:
        node.input[:] = [
            results[int(reference.partition(":")[2] or 0)] if node_of(reference) == loop else reference
            for reference in node.input
        ]
    proto.node.remove(next(node for node in proto.node if node.name == loop))
