"""One DequantizeLinear for each quantized tensor, named after it or, where it is a constant, after its reader."""

from __future__ import annotations

from typing import Any

from edgecv_converters.onnx.canonical import part
from edgecv_converters.onnx.edit import DEQUANTIZE, Index, OnnxPass, redirect, rename


def apply(model: Any) -> Any:
    """Merge equal DequantizeLinear nodes of one tensor, and call the result "TENSOR/real", or "READER/weight/real".

    tf2onnx merges and names them in an order that changes from process to process: the bytes of the file would, too.
    Of equal constants, it keeps the name of any.
    """
    graph = model.graph
    index = Index.of(graph)
    seen: dict[tuple[str, ...], str] = {}
    names: dict[str, str] = {}
    taken: set[str] = set()
    for node in graph.node:
        if node.op_type != DEQUANTIZE or node.output[0] in index.outputs:
            continue
        key = (*node.input, *(str(attribute.i) for attribute in node.attribute))
        if key in seen:
            redirect(graph, node.output[0], seen[key])
            continue
        seen[key] = node.output[0]
        new = f"{_called(index, node)}/real"
        while new in taken:
            new += "_"
        taken.add(new)
        names[node.output[0]] = node.name = new
    rename(graph, names)
    return model


def _called(index: Index, node: Any) -> str:
    if node.input[0] not in index.constants:
        return str(node.input[0])
    reader, position = index.consumers[node.output[0]][0]
    layer = reader.output[0].rpartition(";")[2]  # a fused TFLite tensor lists all that went into it
    return f"{layer}/{part(reader, position)}"


ONE_DEQUANTIZE = OnnxPass("one_dequantize", apply)
