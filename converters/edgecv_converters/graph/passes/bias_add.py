"""Sums that Keras writes as BiasAdd, as plain sums.

`keras.ops.add` writes BiasAdd wherever its second operand, without its sizes of 1, is as long as the first one's last
axis or axis 1. At a batch of one that is also a tensor with a batch: (1, 40, 1) becomes a bias of 40 values, for axis 1
(which converters do not know of in a tensor of rank 3), or for the last axis where that is 40 too (which is another
sum than the model was trained with).
Needed by: a residual sum around the attention of a series with one feature.
"""

from __future__ import annotations

from typing import Any

from edgecv_converters.graph.edit import add_reshape, tensor_name, tensor_shapes
from edgecv_converters.graph.evaluate import constant_value


def rewrite(proto: Any) -> None:
    """Replace every BiasAdd of a tensor with a batch, and every one for axis 1, by AddV2, in place."""
    squeezes = {node.name: node.input[0] for node in proto.node if node.op == "Squeeze"}
    found = [node for node in proto.node if node.op == "BiasAdd"]
    for node in found:
        origin = squeezes.get(node.input[1])
        if origin is not None and constant_value(proto, origin) is None:
            _make_sum(node, origin)
    first = [node for node in found if node.op == "BiasAdd" and node.attr["data_format"].s == b"NCHW"]
    tensors = [tensor_name(reference) for node in first for reference in node.input]
    shapes = [shape for shape, _ in tensor_shapes(proto, tensors)] if tensors else []
    for node, values, bias in zip(first, shapes[::2], shapes[1::2], strict=True):
        if values is not None and bias is not None and bias[0] is not None:
            shape = [bias[0], *[1] * (len(values) - 2)]
            _make_sum(node, add_reshape(proto, f"{node.name}/bias", node.input[1], shape, node.attr["T"].type))


def _make_sum(node: Any, other: str) -> None:
    kind = node.attr["T"].type
    node.op = "AddV2"
    node.input[:] = [node.input[0], other]
    node.attr.clear()
    node.attr["T"].type = kind
