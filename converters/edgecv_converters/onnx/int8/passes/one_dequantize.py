"""One DequantizeLinear for each quantized tensor, named after it."""

from __future__ import annotations

from typing import Any

from edgecv_converters.onnx.edit import DEQUANTIZE, Index, Pass, redirect, rename


def apply(model: Any) -> Any:
    """Merge equal DequantizeLinear nodes of one tensor, and call the result "TENSOR/real".

    tf2onnx merges and names them in an order that changes from process to process: the bytes of the file would, too.
    """
    graph = model.graph
    bounds = Index.of(graph).outputs
    seen: dict[tuple[str, ...], str] = {}
    names: dict[str, str] = {}
    for node in graph.node:
        if node.op_type != DEQUANTIZE or node.output[0] in bounds:
            continue
        key = (*node.input, *(str(attribute.i) for attribute in node.attribute))
        if key in seen:
            redirect(graph, node.output[0], seen[key])
            continue
        seen[key] = node.output[0]
        new = f"{node.input[0]}/real"
        if new not in names.values():
            names[node.output[0]] = new
        node.name = names.get(node.output[0], node.name)
    rename(graph, names)
    return model


ONE_DEQUANTIZE = Pass("one_dequantize", apply)
