"""Operations that only move or choose elements work on the bytes themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.onnx.edit import DEQUANTIZE, MOVING, QUANTIZE, Index, OnnxPass, redirect


def apply(model: Any) -> Any:
    """Drop the DequantizeLinear before and the QuantizeLinear after such a node where all have the same parameters.

    ONNX Runtime keeps Pad and Concat in float32 between them.
    """
    graph = model.graph
    index = Index.of(graph)
    for node in [node for node in graph.node if node.op_type in MOVING]:
        quantize = index.only_reader(node.output[0], QUANTIZE)
        if quantize is None or not _pads_with_zero(index, node):
            continue
        count = MOVING[node.op_type] or len(node.input)
        makers = [maker for name in node.input[:count] if (maker := index.maker(name, DEQUANTIZE)) is not None]
        if len(makers) != count or not all(_same(index, maker, quantize) for maker in makers):
            continue
        for position, maker in enumerate(makers):
            node.input[position] = maker.input[0]
        if node.op_type == "Pad":
            _pad_with(node, quantize.input[2])
        _take_over(graph, index, node, quantize)
        index = Index.of(graph)
    return model


def _pads_with_zero(index: Index, node: Any) -> bool:
    if node.op_type != "Pad":
        return True
    mode = next((a.s for a in node.attribute if a.name == "mode"), b"constant")
    value = index.value(node.input[2]) if len(node.input) > 2 and node.input[2] else np.zeros(())
    return mode != b"constant" or (value is not None and bool(np.all(value == 0)))


def _pad_with(node: Any, zero: str) -> None:
    """Real 0 is the zero point."""
    rest = list(node.input[3:])
    pads = list(node.input[:2])
    del node.input[:]
    node.input.extend([*pads, zero, *rest])


def _same(index: Index, first: Any, second: Any) -> bool:
    pairs = zip(index.quantization(first), index.quantization(second), strict=True)
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


def _take_over(graph: Any, index: Index, node: Any, quantize: Any) -> None:
    result = quantize.output[0]
    if result in index.outputs:
        node.output[0], quantize.output[0] = result, node.output[0]
        quantize.input[0] = result
        graph.node.remove(quantize)
        return
    redirect(graph, result, node.output[0])
    graph.node.remove(quantize)


INTEGER_MOVES = OnnxPass("integer_moves", apply)
