"""Products that were chosen to stay float stay so: ONNX Runtime would round their weights by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.onnx.edit import DEQUANTIZE, QUANTIZE, Index, OnnxPass, add_constant, fresh

PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
CLAMPS = ("Relu", "Clip")


def apply(model: Any) -> Any:
    """Put a Max with the smallest float32, which changes nothing, behind a product between two casts.

    Where a product with a float weight stands between DequantizeLinear and QuantizeLinear, ONNX Runtime 1.20 and later
    rounds the weight to int8, with one scale for all of it (its WeightBiasQuantization).
    """
    from onnx import helper

    graph = model.graph
    index = Index.of(graph)
    for node in [node for node in graph.node if node.op_type in PRODUCTS]:
        held = index.constants.get(node.input[1])
        if held is None or held.data_type != held.FLOAT or not _between_casts(index, node):
            continue
        result = node.output[0]
        node.output[0] = fresh(graph, f"{result}_product")
        smallest = add_constant(graph, f"{result}_smallest", np.array(np.finfo(np.float32).min))
        name = fresh(graph, f"{result}_kept_float")
        graph.node.append(helper.make_node("Max", [node.output[0], smallest], [result], name=name))
    return model


def _between_casts(index: Index, node: Any) -> bool:
    if index.maker(node.input[0], DEQUANTIZE) is None:
        return False
    readers = index.readers(node.output[0])
    behind = [reader for clamp in readers if clamp.op_type in CLAMPS for reader in index.readers(clamp.output[0])]
    return any(reader.op_type == QUANTIZE for reader in (*readers, *behind))


FLOAT_WEIGHTS = OnnxPass("float_weights", apply)
