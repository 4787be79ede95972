"""Multiply-adds of one inference, counted on the frozen graph.

Counted: convolutions and matrix products, in all their forms; as is the custom, not elementwise operations,
pooling and normalization. One multiplication with its addition counts one ("FLOPs" are mostly twice that).
"""

from __future__ import annotations

from collections.abc import Collection
from math import prod
from typing import Any

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.layers import layer_of

_CONVOLUTIONS = frozenset({"Conv2D", "Conv3D"})
_PRODUCTS = frozenset({"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"})
_INPUT_SIDE = frozenset({"Conv2DBackpropInput", "Conv3DBackpropInputV2"})


def multiply_adds(frozen: FrozenGraph) -> int:
    """The multiply-adds of one inference at the graph's static shapes."""
    return sum(multiply_adds_by_node(frozen).values())


def multiply_adds_by_node(frozen: FrozenGraph) -> dict[str, int]:
    """The multiply-adds of each convolution and matrix product, by node name."""
    operations = frozen.light_function().graph.get_operations()
    counts = {operation.name: _count(operation) for operation in operations}
    return {name: count for name, count in counts.items() if count is not None}


def multiply_adds_by_layer(frozen: FrozenGraph, known: Collection[str]) -> dict[str, int]:
    """The multiply-adds of each of the `known` layers that has any."""
    totals: dict[str, int] = {}
    for node, count in multiply_adds_by_node(frozen).items():
        layer = layer_of(node, known)
        totals[layer] = totals.get(layer, 0) + count
    return totals


def _count(operation: Any) -> int | None:
    """None for operations without multiply-adds, and for shapes that are not known."""
    kind = operation.type
    if kind in _CONVOLUTIONS:
        return _times(_shape(operation.outputs[0]), _shape(operation.inputs[1])[:-1])
    if kind == "DepthwiseConv2dNative":
        return _times(_shape(operation.outputs[0]), _shape(operation.inputs[1])[:2])
    if kind in _INPUT_SIDE:
        kernel = _shape(operation.inputs[1])
        return _times(_shape(operation.inputs[2]), kernel[:-1])
    if kind in _PRODUCTS:
        transposed = any(operation.node_def.attr[name].b for name in ("transpose_a", "adj_x"))
        inner = _shape(operation.inputs[0])[-2 if transposed else -1 :][:1]
        return _times(_shape(operation.outputs[0]), inner)
    return None


def _shape(tensor: Any) -> tuple[int | None, ...]:
    return (None,) if tensor.shape.rank is None else tuple(tensor.shape.as_list())


def _times(*shapes: tuple[int | None, ...]) -> int | None:
    sizes = [size for shape in shapes for size in shape]
    return None if None in sizes else prod(size for size in sizes if size is not None)
