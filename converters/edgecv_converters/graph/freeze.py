"""From a traceable function to one frozen graph: static shapes, constants, no function calls left."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
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
from edgecv_converters.graph.passes import (
    bias_add,
    bincount,
    branches,
    empty_parts,
    negative_zero,
    shapes,
    tensor_lists,
    unroll,
)
from edgecv_converters.graph.passes.runner import run_passes
from edgecv_converters.graph.weights import LARGE, WeightFile, hide, show

Call = Callable[[Sequence[Any]], Sequence[Any]]
LOOP_PASSES = (shapes.rewrite, unroll.rewrite, tensor_lists.rewrite)
PLAIN_PASSES = (shapes.rewrite, empty_parts.rewrite, bincount.rewrite, bias_add.rewrite, negative_zero.rewrite)
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
    function, file = trace(call, inputs), WeightFile()
    _check_tables(function, doubled_scopes)
    folded = _fold(function, file)
    _strip_xla(folded.proto)
    folded = _without_branches(folded, file)
    if any(node.op in unroll.LOOPS for node in folded.proto.node):
        run_passes(folded.proto, LOOP_PASSES, [node_of(name) for name in (*folded.feeds, *folded.fetches)])
    if any(node.op in CALLS for node in folded.proto.node):
        folded = folded.inlined(file)
    return _named(folded, inputs, output_names, doubled_scopes, file)


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

    def inlined(self, file: WeightFile) -> _Folded:
        """Fold once more, which inlines the calls; TensorFlow's optimizer must not see stored weights as zeros."""
        import tensorflow as tf

        hidden = hide(self.proto)
        wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(self.proto, name=""), [])
        function = wrapped.prune([*self.feeds, *(f"{name}:0" for name in hidden)], self.fetches)
        folded = _fold(function, file)
        show(folded.proto, hidden)
        feeds = [feed for feed in folded.feeds if node_of(feed) not in hidden]
        return _Folded(proto=folded.proto, feeds=feeds, fetches=folded.fetches, dtypes=folded.dtypes)


def _fold(function: Any, file: WeightFile) -> _Folded:
    """Fold variables and inline calls; the values of large variables go into the file, and are copied nowhere else."""
    from tensorflow.python.framework import convert_to_constants as to_constants

    class Data(to_constants._FunctionConverterDataInEager):  # type: ignore[misc]  # noqa: SLF001 - no other door
        def _should_convert(self, name: str) -> bool:
            return super()._should_convert(name) and name not in large

        def _build_tensor_data(self) -> None:
            large.update(_large_variables(function, self.graph_def))
            super()._build_tensor_data()

    large: dict[str, Any] = {}
    data = Data(func=function, lower_control_flow=False, aggressive_inlining=True)
    proto, converted = to_constants._replace_variables_by_constants(converter_data=data)  # noqa: SLF001
    _store_variables(proto, large, file)
    places = {node_of(tensor.name): place for place, tensor in enumerate(function.graph.internal_captures)}
    converted |= {places[name] for name in large}
    frozen = to_constants._construct_concrete_function(function, proto, converted)  # noqa: SLF001
    return _Folded(
        proto=frozen.graph.as_graph_def(),
        feeds=[tensor.name for tensor in frozen.inputs],
        fetches=[tensor.name for tensor in frozen.outputs],
        dtypes=[tensor.dtype.as_datatype_enum for tensor in frozen.outputs],
    )


def _large_variables(function: Any, proto: Any) -> dict[str, Any]:
    """The large variables that the graph itself only reads, and no function inside it, by their placeholders.

    One whose shape is open is not among them: it is folded like a small one, and its values are stored after that.
    """
    variables = {id(variable.handle): variable for variable in function.graph.variables}
    captured = [(variables.get(id(value)), node_of(placeholder.name)) for value, placeholder in function.graph.captures]
    handles = _handles(proto, [name for variable, name in captured if variable is not None])
    other = {
        handles[node_of(name)]
        for node in proto.node
        if node.op != "ReadVariableOp" and node.name not in handles
        for name in node.input
        if not name.startswith("^") and node_of(name) in handles
    }
    return {
        name: variable
        for variable, name in captured
        if variable is not None and name not in other
        if variable.dtype.size * (variable.shape.num_elements() or 0) >= LARGE
    }


def _handles(proto: Any, placeholders: Iterable[str]) -> dict[str, str]:
    """The nodes that only pass on a variable, as the calls of a SavedModel do once inlined, by its placeholder."""
    found = {name: name for name in placeholders}
    passing = {node.name: node_of(node.input[0]) for node in proto.node if node.op == "Identity"}
    while reached := {name: found[source] for name, source in passing.items() if source in found and name not in found}:
        found |= reached
    return found


def _store_variables(proto: Any, variables: Mapping[str, Any], file: WeightFile) -> None:
    """Let the placeholders of variables be constants in a file, and what reads them only pass on."""
    handles = _handles(proto, variables)
    kinds = {name: variable.dtype.as_datatype_enum for name, variable in variables.items()}
    for node in proto.node:
        if node.name in variables:
            file.store(node, _values(variables[node.name]))
        elif node.name in handles or (node.op == "ReadVariableOp" and node_of(node.input[0]) in handles):
            kind = kinds[handles[node_of(node.input[0])]]
            node.op = "Identity"
            node.attr.clear()
            node.attr["T"].type = kind


def _values(variable: Any) -> np.ndarray:
    """The numbers of a variable, not copied where their type is one that buffers know, as bfloat16 is not."""
    value = variable.read_value()
    return np.asarray(memoryview(value)) if value.dtype.as_numpy_dtype.__module__ == "numpy" else value.numpy()


def _without_branches(folded: _Folded, file: WeightFile) -> _Folded:
    """Inline the branches whose conditions are known, and those inside them."""
    while any(node.op in branches.BRANCHES for node in folded.proto.node):
        endpoints = [node_of(name) for name in (*folded.feeds, *folded.fetches)]
        run_passes(folded.proto, (shapes.rewrite, branches.rewrite), endpoints)
        if not any(node.op in CALLS for node in folded.proto.node):
            break
        folded = folded.inlined(file)
    return folded


def _strip_xla(proto: Any) -> None:
    """Remove what keeps the inliner from inlining calls that were meant to be compiled by XLA."""
    nodes = [*proto.node, *(node for function in proto.library.function for node in function.node_def)]
    for holder in [*nodes, *proto.library.function]:
        for attribute in _XLA_ATTRIBUTES:
            holder.attr.pop(attribute, None)
    rename_functions(proto, "_plain")  # TensorFlow keeps the others under their names


def _named(
    folded: _Folded,
    inputs: Sequence[TensorSpec],
    output_names: Sequence[str],
    doubled: Collection[str],
    file: WeightFile,
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
    return FrozenGraph.of(proto, tuple(ins), outs, file)


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
