"""Weights that several products share become uint8: ONNX Runtime refuses to load shared int8 ones without VNNI."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.onnx.edit import DEQUANTIZE, Index, OnnxPass, add_constant

_SHIFT = 128


def apply(model: Any) -> Any:
    """Shift such weights and their zero points by 128; the real numbers stay the same.

    Unrolled steps and towers share weights. ONNX Runtime gives each product a DequantizeLinear of its own; with
    `session.x64quantprecision=1` it then turns the one int8 weight to uint8 for each of them, and stops at the second
    ("Attempt to replace the existing tensor"; ONNX Runtime 1.31 does, 1.19 does not). A copy for each product would
    make the file as many times as large.
    """
    graph = model.graph
    index = Index.of(graph)
    for name, tensor in index.constants.items():
        if tensor.data_type != tensor.INT8:
            continue
        dequantizes = [node for node, at in index.consumers.get(name, []) if node.op_type == DEQUANTIZE and at == 0]
        if sum(len(index.readers(node.output[0])) for node in dequantizes) < 2:
            continue
        shifted = _shifted(graph, index, name)
        for node in dequantizes:
            node.input[0], node.input[2] = shifted, _shifted(graph, index, node.input[2])
    return model


def _shifted(graph: Any, index: Index, name: str) -> str:
    value = index.value(name)
    assert value is not None
    return add_constant(graph, f"{name}_uint8", (value.astype(np.int16) + _SHIFT).astype(np.uint8))


SHARED_WEIGHTS = OnnxPass("shared_weights", apply)
