"""Computed tensors of rank 0 as tensors of one axis.

Where TFLite computes a scalar (the mean of all values), tf2onnx, which reads the file, takes its shape for unknown.
Needed by: models that subtract the mean of a whole tensor, for int8 on ONNX.
"""

from __future__ import annotations

from typing import Any

from edgecv_converters.graph.edit import make_reshape, node_of, tensor_name, tensor_shapes

_REDUCTIONS = frozenset({"Mean", "Sum", "Max", "Min", "Prod"})
_ELEMENTWISE = frozenset(
    {"Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "DivNoNan", "Maximum", "Minimum", "SquaredDifference", "Pow"}
    | {"Sqrt", "Rsqrt", "Square", "Exp", "Log", "Neg", "Abs", "Tanh", "Sigmoid", "Relu", "Reciprocal"}
)


def rewrite(proto: Any) -> None:
    """Give the results of reductions over all axes one axis, in place, if nothing reads them that needs a rank of 0."""
    found = _scalars(proto)
    readers = [node for node in proto.node if any(node_of(name) in found for name in node.input)]
    if all(node.op in _ELEMENTWISE or node.op == "Reshape" for node in readers):
        for node in [node for node in proto.node if node.name in found and node.op in _REDUCTIONS]:
            kept = proto.node.add()
            kept.CopyFrom(node)
            kept.name = f"{node.name}/kept"
            kept.attr["keep_dims"].b = True
            make_reshape(proto, node, kept.name, (1,))


def _scalars(proto: Any) -> frozenset[str]:
    """The reductions to rank 0, and what is computed of their results and constants alone, by operations on numbers."""
    nodes = [node for node in proto.node if node.op in _REDUCTIONS | _ELEMENTWISE]
    shapes = tensor_shapes(proto, [tensor_name(node.name) for node in nodes]) if nodes else []
    flat = [node for node, (shape, _) in zip(nodes, shapes, strict=True) if shape == ()]
    found = {node.name for node in flat if node.op in _REDUCTIONS}
    size = -1
    while found and len(found) != size:
        size = len(found)
        found.update(node.name for node in flat if any(node_of(name) in found for name in node.input))
    return frozenset(found)
