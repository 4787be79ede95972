"""Constants of rank 0 in sums as constants of one axis.

tf2onnx's optimizer takes a constant that is added to a convolution for its bias, and asks for the longest of its axes;
a scalar has none ("max() arg is an empty sequence").
Needed by: hard_sigmoid and Rescaling after a convolution, for ONNX.
"""

from __future__ import annotations

from typing import Any

from edgecv_converters.graph.edit import constant, node_of, tensor_name, tensor_shapes
from edgecv_converters.graph.weights import values_of

_SUMS = frozenset({"Add", "AddV2"})


def rewrite(proto: Any) -> None:
    """Let every sum of a tensor with axes and a scalar constant read that constant with one axis, in place."""
    constants = {node.name: node for node in proto.node if node.op == "Const"}
    sums = [node for node in proto.node if node.op in _SUMS and any(node_of(name) in constants for name in node.input)]
    shapes = tensor_shapes(proto, [tensor_name(name) for node in sums for name in node.input]) if sums else []
    for node, (left, _), (right, _) in zip(sums, shapes[::2], shapes[1::2], strict=True):
        for place, shape, other in ((0, left, right), (1, right, left)):
            held = constants.get(node_of(node.input[place]))
            if held is not None and shape == () and other:
                value = values_of(held)
                node.input[place] = constant(proto, f"{node.name}/term", value.reshape(1))
