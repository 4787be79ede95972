"""Shapes that are known, as constants.

A SavedModel was traced with an open batch (and perhaps open dimensions), so that it computes shapes while it runs; at
the frozen graph's static shapes they are known. Without this the number of a tf-keras LSTM's steps is not.
Needed by: any tf-keras SavedModel with an LSTM or GRU.
"""

from __future__ import annotations

from typing import Any

from edgecv_converters.graph.edit import constant

_SHAPE_OPS = frozenset({"Shape", "Size", "Rank"})


def rewrite(proto: Any) -> None:
    """Replace every Shape, Size and Rank of a tensor with a static shape by its value, in place."""
    import tensorflow as tf

    if not any(node.op in _SHAPE_OPS for node in proto.node):
        return
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(proto, name="")
        asked = [node.name for node in proto.node if node.op in _SHAPE_OPS]
        values = {name: tf.get_static_value(graph.get_tensor_by_name(f"{name}:0")) for name in asked}
    for node in [node for node in proto.node if values.get(node.name) is not None]:
        name = node.name
        proto.node.remove(node)
        constant(proto, name, values[name])
