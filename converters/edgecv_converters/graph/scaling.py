"""The arithmetic that a model does to an input before its first layer: a subtraction, a division, a reversed order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from edgecv_converters.graph.edit import node_of, prune
from edgecv_converters.graph.frozen import Endpoint, FrozenGraph
from edgecv_converters.graph.weights import fed

Scaling = tuple[tuple[float, ...], tuple[float, ...]]
_ARITHMETIC: Final = frozenset({"Sub", "Add", "AddV2", "BiasAdd", "Mul", "RealDiv", "Neg", "FusedBatchNormV3"})
_MOVES: Final = frozenset(
    {"Cast", "Identity", "ReverseV2", "StridedSlice", "GatherV2", "Pack", "ConcatV2", "Split", "Unpack", "ExpandDims"}
    | {"ResizeBilinear", "ResizeNearestNeighbor"}
)
_LEARNED: Final = ("conv", "dense")  # a batch normalization is not: it holds the ranges that it was trained on


def input_scalings(frozen: FrozenGraph) -> dict[str, Scaling]:
    """Find the inputs that a model scales itself.

    Returns:
        For each such input what becomes of a pixel x: slope * x + offset, by channel, before the first layer that
        has learned weights. Inputs of which nothing is subtracted or divided are left out.
    """
    nodes = {node.name: node for node in frozen.light().node}
    readers: dict[str, list[str]] = {}
    for node in nodes.values():
        for name in {node_of(source) for source in node.input}:
            readers.setdefault(name, []).append(node.name)
    found = {}
    for end in frozen.inputs:
        last, computes = _chain(nodes, readers, end.node)
        if computes and (scaling := _measured(frozen, end, last)) is not None:
            found[end.name] = scaling
    return found


def _chain(nodes: Mapping[str, Any], readers: Mapping[str, list[str]], start: str) -> tuple[str, bool]:
    """Follow an input through arithmetic with constants, to the one tensor in which it ends.

    Returns:
        The node of that tensor, the input's own where there is none such; and whether anything is computed on the way.
    """
    reached, waiting = {start}, list(readers.get(start, ()))
    while waiting:
        name = waiting.pop(0)
        if name not in reached and _passes(nodes, name, reached):
            reached.add(name)
            waiting.extend(readers.get(name, ()))
    ends = {name for name in reached if any(reader not in reached for reader in readers.get(name, ()))}
    if len(ends) != 1:
        return start, False
    return ends.pop(), any(nodes[name].op in _ARITHMETIC for name in reached)


def _passes(nodes: Mapping[str, Any], name: str, reached: set[str]) -> bool:
    """Tell whether a node only moves what was reached, or computes it with constants that were not learned."""
    node = nodes[name]
    if node.op not in _ARITHMETIC | _MOVES or any(part in name for part in _LEARNED):
        return False
    return all(source in reached or _is_constant(nodes, source) for source in map(node_of, node.input))


def _is_constant(nodes: Mapping[str, Any], name: str) -> bool:
    node = nodes[name]
    if node.op == "Const":
        return True
    return bool(node.input) and all(_is_constant(nodes, node_of(source)) for source in node.input)


def _measured(frozen: FrozenGraph, end: Endpoint, last: str) -> Scaling | None:
    """Run the chain on pictures of zeros and of ones: what it does to a pixel is linear."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        proto = frozen.light()
        prune(proto, [end.node, node_of(last)])
        tf.import_graph_def(proto, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            zero, one = (
                session.run(f"{last}:0", {**fed(proto.node), end.tensor: np.full(end.shape, value, end.dtype)})
                for value in (0, 1)
            )
    if np.ndim(zero) < 2 or not np.issubdtype(np.asarray(zero).dtype, np.floating):
        return None
    offset, through = (np.asarray(values, np.float64).reshape(-1, values.shape[-1])[0] for values in (zero, one))
    slope = through - offset
    if np.all(slope == 1) and np.all(offset == 0):
        return None
    return tuple(slope.tolist()), tuple(offset.tolist())
