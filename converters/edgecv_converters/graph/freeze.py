"""From a traceable function to one frozen graph: static shapes, constants, no function calls left."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from edgecv_runtime.errors import SourceError
from edgecv_runtime.schema import TensorSpec

from edgecv_converters.graph.edit import (
    append_identity,
    bypass,
    node_of,
    rename,
    rename_functions,
    tensor_shapes,
)
from edgecv_converters.graph.frozen import Endpoint, FrozenGraph
from edgecv_converters.graph.layers import layer_of
from edgecv_converters.graph.names import single_scope, tidy_names
from edgecv_converters.graph.passes import bias_add, bincount, branches, negative_zero, shapes, tensor_lists, unroll
from edgecv_converters.graph.passes.runner import run_passes

Call = Callable[[Sequence[Any]], Sequence[Any]]
LOOP_PASSES = (shapes.rewrite, unroll.rewrite, tensor_lists.rewrite)
PLAIN_PASSES = (shapes.rewrite, bincount.rewrite, bias_add.rewrite, negative_zero.rewrite)
CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_NOT_A_NODE_NAME = re.compile(r"[^A-Za-z0-9_.-]")
# Operations that only pass on their inputs: copies, and what training alone needs.
_PASS_ON = frozenset({"Identity", "IdentityN", "StopGradient", "PreventGradient", "Snapshot", "CheckNumerics"})
_XLA_ATTRIBUTES = ("_XlaMustCompile", "_noinline")


def freeze(
    call: Call,
    inputs: Sequence[TensorSpec],
    output_names: Sequence[str],
    doubled_scopes: Collection[str] = (),
) -> FrozenGraph:
    """Trace `call` at the static shapes of `inputs` and fold its variables to constants.

    Args:
        call: Takes one tensor for each of `inputs`, returns one tensor for each of `output_names`.
        inputs: Names, static shapes and dtypes.
        output_names: The model's own names of the outputs, in order.
        doubled_scopes: The layers whose name scope is opened twice (see `names.tidy_names`).

    Raises:
        SourceError: The shape of an output stays unknown, or the model looks values up in a table.
    """
    function = trace(call, inputs)
    _check_tables(function, doubled_scopes)
    folded = _fold(function)
    _strip_xla(folded.proto)
    folded = _without_branches(folded)
    if any(node.op in unroll.LOOPS for node in folded.proto.node):
        run_passes(folded.proto, LOOP_PASSES, [node_of(name) for name in (*folded.feeds, *folded.fetches)])
    if any(node.op in CALLS for node in folded.proto.node):
        folded = _fold(folded.function())
    return _named(folded, inputs, output_names, doubled_scopes)


def trace(call: Call, inputs: Sequence[TensorSpec]) -> Any:
    """Trace `call` to a `ConcreteFunction`, with every nested `tf.function` inlined."""
    import tensorflow as tf

    specs = [tf.TensorSpec(spec.shape, spec.dtype, name=f"input_{position}") for position, spec in enumerate(inputs)]

    def flat(*tensors: Any) -> list[Any]:
        return [tf.identity(tensor) for tensor in call(tensors)]

    with functions_inlined(), tf.device("/CPU:0"):
        return tf.function(flat, autograph=False).get_concrete_function(*specs)


def _check_tables(function: Any, doubled: Collection[str]) -> None:
    """Refuse vocabularies: their tables are no constants of a graph, and no target has them all."""
    proto = function.graph.as_graph_def()
    nodes = [*proto.node, *(node for inner in proto.library.function for node in inner.node_def)]
    found = next((node.name for node in nodes if node.op.startswith("LookupTableFind")), None)
    if found is not None:
        layer = single_scope(layer_of(found).partition("/")[0], doubled)
        raise SourceError(
            f"the layer {layer!r} looks its input up in a vocabulary, which no target does",
            "Cut the model behind that layer (keras.Model(layer.output, model.output)), and look up in your app",
        )


@contextmanager
def functions_inlined() -> Iterator[None]:
    """Let the Python bodies of nested `tf.function`s run in the trace, whatever their `jit_compile`."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(run_eagerly=True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@dataclass(frozen=True, slots=True)
class _Folded:
    """A GraphDef with its placeholders, and its results with their types (`DT_FLOAT`, ...)."""

    proto: Any
    feeds: list[str]
    fetches: list[str]
    dtypes: list[int]

    def function(self) -> Any:
        import tensorflow as tf

        wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(self.proto, name=""), [])
        return wrapped.prune(self.feeds, self.fetches)


def _fold(function: Any) -> _Folded:
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False, aggressive_inlining=True)
    return _Folded(
        proto=frozen.graph.as_graph_def(),
        feeds=[tensor.name for tensor in frozen.inputs],
        fetches=[tensor.name for tensor in frozen.outputs],
        dtypes=[tensor.dtype.as_datatype_enum for tensor in frozen.outputs],
    )


def _without_branches(folded: _Folded) -> _Folded:
    """Inline the branches whose conditions are known, and those inside them."""
    while any(node.op in branches.BRANCHES for node in folded.proto.node):
        endpoints = [node_of(name) for name in (*folded.feeds, *folded.fetches)]
        run_passes(folded.proto, (shapes.rewrite, branches.rewrite), endpoints)
        if not any(node.op in CALLS for node in folded.proto.node):
            break
        folded = _fold(folded.function())
    return folded


def _strip_xla(proto: Any) -> None:
    """Remove what keeps the inliner from inlining calls that were meant to be compiled by XLA."""
    nodes = [*proto.node, *(node for function in proto.library.function for node in function.node_def)]
    for holder in [*nodes, *proto.library.function]:
        for attribute in _XLA_ATTRIBUTES:
            holder.attr.pop(attribute, None)
    rename_functions(proto, "_plain")  # TensorFlow keeps the others under their names


def _named(
    folded: _Folded, inputs: Sequence[TensorSpec], output_names: Sequence[str], doubled: Collection[str]
) -> FrozenGraph:
    """Give the endpoints the model's own names, drop what no output needs, and check the shapes."""
    proto = folded.proto
    used = {node.name for node in proto.node}
    ins: list[Endpoint] = []
    for spec, feed in zip(inputs, folded.feeds, strict=True):
        node = _free_name(spec.name, used)
        rename(proto, node_of(feed), node)
        ins.append(Endpoint(name=spec.name, tensor=f"{node}:0", shape=spec.shape, dtype=spec.dtype))
    fed = {feed: end.tensor for feed, end in zip(folded.feeds, ins, strict=True)}
    nodes = []
    for name, fetch, dtype in zip(output_names, folded.fetches, folded.dtypes, strict=True):
        nodes.append(_free_name(name, used))
        append_identity(proto, fed.get(fetch, fetch), nodes[-1], dtype)
    endpoints = [*nodes, *(end.node for end in ins)]
    bypass(proto, _PASS_ON, endpoints)
    run_passes(proto, PLAIN_PASSES, endpoints)
    tidy_names(proto, doubled)
    found = tensor_shapes(proto, [f"{node}:0" for node in nodes])
    outs = tuple(
        Endpoint(name=name, tensor=f"{node}:0", shape=_static(shape, name), dtype=dtype)
        for name, node, (shape, dtype) in zip(output_names, nodes, found, strict=True)
    )
    return FrozenGraph(graph_def=proto.SerializeToString(deterministic=True), inputs=tuple(ins), outputs=outs)


def _free_name(wanted: str, used: set[str]) -> str:
    base = _NOT_A_NODE_NAME.sub("_", wanted)
    if not base[:1].isalnum():
        base = f"t{base}"
    name, number = base, 0
    while name in used:
        number += 1
        name = f"{base}_{number}"
    used.add(name)
    return name


def _static(shape: tuple[int | None, ...] | None, name: str) -> tuple[int, ...]:
    if shape is None or any(size is None for size in shape):
        raise SourceError(
            f"output {name!r} has no fixed shape (got {shape}) even at fixed input shapes",
            "Edge runtimes need static shapes: remove the operation whose result depends on the data",
        )
    return tuple(int(size) for size in shape if size is not None)
