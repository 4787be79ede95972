"""Graphs in float32 alone: it takes the place of float16, bfloat16 and float64, which not every target computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from edgecv_runtime.schema import TensorSpec

from edgecv_converters.graph.edit import rename_functions
from edgecv_converters.graph.freeze import Call, functions_inlined
from edgecv_converters.graph.frozen import Endpoint, FrozenGraph
from edgecv_converters.graph.weights import WeightFile

_OTHERS: Final = frozenset({"bfloat16", "float16", "float64"})
_OTHER_TYPES: Final = frozenset({2, 14, 19})  # DT_DOUBLE, DT_BFLOAT16, DT_HALF
_FLOAT: Final = 1  # DT_FLOAT


def has_other_floats(graph: FrozenGraph) -> bool:
    """Tell whether anything in a graph is computed in floats of another size than float32."""
    return any(attribute.type in _OTHER_TYPES for node in _nodes(graph.light()) for attribute in node.attr.values())


def in_float32(graph: FrozenGraph) -> FrozenGraph:
    """Rewrite a graph in float32, its inputs and outputs too."""
    proto = graph.proto()
    _widen(proto)
    return FrozenGraph.of(
        proto,
        tuple(_endpoint(end) for end in graph.inputs),
        tuple(_endpoint(end) for end in graph.outputs),
        WeightFile(),
    )


def call_in_float32(call: Call, inputs: Sequence[TensorSpec], batch: int | None) -> Call:
    """Wrap a function so that it computes in float32.

    Args:
        call: A function from tensors to tensors that TensorFlow can trace.
        inputs: Its inputs, at a batch of one, as they are.
        batch: The number of samples in a batch, None where any will do.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    specs = [tf.TensorSpec((batch, *spec.shape[1:]), spec.dtype) for spec in inputs]
    with functions_inlined(), tf.device("/CPU:0"):
        traced = tf.function(lambda *tensors: list(call(tensors)), autograph=False).get_concrete_function(*specs)
    constant = convert_variables_to_constants_v2(traced, lower_control_flow=False, aggressive_inlining=True)
    proto = constant.graph.as_graph_def()
    _widen(proto)
    rename_functions(proto, "_float32")  # TensorFlow keeps the others under their names
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(proto, name=""), [])
    pruned = wrapped.prune([tensor.name for tensor in constant.inputs], [tensor.name for tensor in constant.outputs])
    return lambda tensors: list(pruned(*tensors))


def spec_in_float32(spec: TensorSpec) -> TensorSpec:
    """An input or output in float32 where it was in another float."""
    return msgspec.structs.replace(spec, dtype="float32") if spec.dtype in _OTHERS else spec


def _endpoint(end: Endpoint) -> Endpoint:
    return msgspec.structs.replace(end, dtype="float32") if end.dtype in _OTHERS else end


def _nodes(proto: Any) -> Iterator[Any]:
    yield from proto.node
    for function in proto.library.function:
        yield from function.node_def


def _widen(proto: Any) -> None:
    for function in proto.library.function:
        for argument in (*function.signature.input_arg, *function.signature.output_arg):
            if argument.type in _OTHER_TYPES:
                argument.type = _FLOAT
    for node in _nodes(proto):
        for attribute in node.attr.values():
            _widen_attribute(attribute)
    for node in proto.node:  # in functions, references have the names of the operations' results
        if node.op == "Cast" and node.attr["SrcT"].type == node.attr["DstT"].type:
            kind = node.attr["SrcT"].type
            node.attr.clear()
            node.op = "Identity"
            node.attr["T"].type = kind


def _widen_attribute(attribute: Any) -> None:
    import numpy as np
    import tensorflow as tf

    kind = attribute.WhichOneof("value")
    if kind == "type" and attribute.type in _OTHER_TYPES:
        attribute.type = _FLOAT
    elif kind == "list":
        attribute.list.type[:] = [_FLOAT if type_ in _OTHER_TYPES else type_ for type_ in attribute.list.type]
    elif kind == "tensor" and attribute.tensor.dtype in _OTHER_TYPES:
        values = tf.make_ndarray(attribute.tensor).astype(np.float32)
        attribute.tensor.CopyFrom(tf.make_tensor_proto(values, shape=values.shape))
