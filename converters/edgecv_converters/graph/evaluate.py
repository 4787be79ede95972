"""The values of tensors that depend on constants alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.graph.edit import node_of, tensor_name
from edgecv_converters.graph.weights import fed, is_stored, values_of

_NOT_CONSTANT = frozenset(
    {"Placeholder", "While", "StatelessWhile", "If", "StatelessIf", "PartitionedCall", "StatefulPartitionedCall"}
)


def constant_value(proto: Any, reference: str) -> Any | None:
    """The value of a tensor ("node" or "node:1") as a NumPy array; None where it depends on an input."""
    import tensorflow as tf

    by_name = {node.name: node for node in proto.node}
    found: dict[str, Any] = {}
    waiting = [node_of(reference)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        node = by_name[name]
        if node.op in _NOT_CONSTANT:
            return None
        found[name] = node
        waiting.extend(node_of(source) for source in node.input)
    asked = found[node_of(reference)]
    if is_stored(asked):
        return values_of(asked)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(type(proto)(node=found.values(), versions=proto.versions), name="")
        with tf.compat.v1.Session(graph=graph) as session:
            return np.asarray(session.run(tensor_name(reference), fed(found.values())))
