"""Facts that are read off a frozen graph: its operations, and how an output ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from edgecv_runtime.heads.base import Ending

from edgecv_converters.graph.edit import node_of
from edgecv_converters.graph.frozen import Endpoint, FrozenGraph

_SCALING = re.compile(r"^(rescaling|normalization)(_\d+)*$")
_RANDOM = re.compile(r"^(Stateless|Stateful)?(Random|Multinomial|TruncatedNormal|StandardNormal|Uniform)")
_LINEAR = frozenset({"Add", "AddV2", "BatchMatMulV2", "BiasAdd", "Conv2D", "Einsum", "LogSoftmax", "MatMul", "Mean"})
_REDUCTIONS = frozenset(
    {"Max", "Min", "Mean", "Sum", "Prod", "All", "Any", "EuclideanNorm", "ArgMax", "ArgMin"}
    | {"Cumsum", "Cumprod", "ReverseV2", "Roll"}
)
_SHAPE_ONLY = frozenset(
    {"Identity", "Cast", "Reshape", "Squeeze", "StopGradient", "ExpandDims", "ResizeBilinear", "ResizeNearestNeighbor"}
)
_MOVES = frozenset({"Transpose", "Slice", "StridedSlice", "GatherV2", "GatherNd"})
_JOINS = frozenset({"ConcatV2", "Pack"})


def ops(frozen: FrozenGraph) -> dict[str, int]:
    """Count each operation, sorted by name."""
    return dict(sorted(Counter(node.op for node in frozen.light().node).items()))


def ending(frozen: FrozenGraph, output: Endpoint) -> Ending:
    """Return how `output` ends: with a sigmoid, a softmax, an operation that gives logits, or with anything else.

    What only copies, moves or resizes values is passed over, and so is what joins values that all end alike.
    """
    found = _endings({node.name: node for node in frozen.light().node}, output.node)
    return found.pop() if len(found) == 1 else "other"


def _endings(nodes: Mapping[str, Any], name: str, *, whole: bool = True) -> set[Ending]:
    """The ways in which the values of a node end; a part of a softmax, or several side by side, are none any more."""
    node = nodes[name]
    while node.op in _SHAPE_ONLY or node.op in _MOVES:
        whole = whole and node.op in _SHAPE_ONLY
        node = nodes[node_of(node.input[0])]
    if node.op in _JOINS:
        joined = [source for source in node.input if nodes[node_of(source)].op != "Const"]
        return {found for source in joined for found in _endings(nodes, node_of(source), whole=False)}
    if node.op == "Softmax":
        return {"softmax" if whole else "other"}
    return {"sigmoid" if node.op == "Sigmoid" else "logits" if node.op in _LINEAR else "other"}


def scales_input(frozen: FrozenGraph) -> bool:
    """Tell whether the first operation on an input has the scope of a Rescaling or Normalization layer."""
    inputs = {end.node for end in frozen.inputs}
    first = [node.name for node in frozen.light().node if inputs & {node_of(name) for name in node.input}]
    return any(_SCALING.match(scope) for name in first for scope in name.split("/"))


def batch_reduction(frozen: FrozenGraph) -> str | None:
    """The first node that reduces over the batch axis, so that samples of one batch see each other, or None."""
    nodes = {node.name: node for node in frozen.light().node}
    reached = {end.node for end in frozen.inputs}
    for node in nodes.values():  # sources come before what reads them
        if not any(node_of(source) in reached for source in node.input):
            continue
        reached.add(node.name)
        if node.op == "FusedBatchNormV3" and node.attr["is_training"].b:
            return str(node.name)
        axes = nodes[node_of(node.input[-1])]
        if node.op in _REDUCTIONS and axes.op == "Const" and 0 in _axes(axes):
            return str(node.name)
    return None


def _axes(node: Any) -> list[int]:
    import tensorflow as tf

    axes: list[int] = np.ravel(tf.make_ndarray(node.attr["value"].tensor)).tolist()
    return axes


def random_node(frozen: FrozenGraph) -> str | None:
    """The first node whose result is random, or None."""
    return next((node.name for node in frozen.light().node if _RANDOM.match(node.op)), None)


def op_rows(frozen: FrozenGraph) -> list[dict[str, Any]]:
    """The operations that compute something, in the graph's order, as the fields of a `LayerRow`."""
    from edgecv_converters.graph.macs import multiply_adds_by_node

    graph = frozen.light_function().graph
    macs = multiply_adds_by_node(frozen)
    rows = []
    for operation in graph.get_operations():
        if operation.type in {"Const", "Identity", "Placeholder", "NoOp"} or not operation.outputs:
            continue
        shape = operation.outputs[0].shape
        constants = [tensor for tensor in operation.inputs if _is_constant(tensor.op)]
        rows.append(
            {
                "name": operation.name,
                "type": operation.type,
                "output_shape": None if shape.rank is None else tuple(shape.as_list()),
                "parameters": sum(t.shape.num_elements() or 0 for t in constants if t.dtype.is_floating),
                "multiply_adds": macs.get(operation.name),
            }
        )
    return rows


def _is_constant(operation: Any) -> bool:
    while operation.type == "Identity":
        operation = operation.inputs[0].op
    return bool(operation.type == "Const")
