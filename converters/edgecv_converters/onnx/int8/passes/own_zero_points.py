"""Every weight gets a zero point tensor of its own: ONNX Runtime refuses to load shared ones without VNNI."""

from __future__ import annotations

from typing import Any

from edgecv_converters.onnx.edit import DEQUANTIZE, Index, OnnxPass, add_constant


def apply(model: Any) -> Any:
    """Copy the zero points that several DequantizeLinear nodes of int8 constants share.

    With `session.x64quantprecision=1`, ONNX Runtime turns int8 weights and their zero points to uint8 one product at a
    time, and stops at a zero point that it has already turned ("Attempt to replace the existing tensor").
    """
    graph = model.graph
    index = Index.of(graph)
    taken: set[str] = set()
    for node in graph.node:
        if node.op_type != DEQUANTIZE or not _is_int8_constant(index, node.input[0]):
            continue
        if node.input[2] in taken:
            value = index.value(node.input[2])
            assert value is not None
            node.input[2] = add_constant(graph, f"{node.input[0]}_zero_point", value)
        taken.add(node.input[2])
    return model


def _is_int8_constant(index: Index, name: str) -> bool:
    tensor = index.constants.get(name)
    return tensor is not None and bool(tensor.data_type == tensor.INT8)


OWN_ZERO_POINTS = OnnxPass("own_zero_points", apply)
