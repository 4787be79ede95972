"""Relu and Clip before a QuantizeLinear become what the quantized range does by itself, or a Clip of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.onnx.edit import QUANTIZE, Index, OnnxPass, add_constant, fresh, redirect

_LARGEST = 255


def apply(model: Any) -> Any:
    """Move a clamp behind its QuantizeLinear: Q(clamp(x, a, b)) = clamp(Q(x), Q(a), Q(b)), as Q is monotone.

    Where [Q(a), Q(b)] is all of uint8 nothing is left of it; else a Clip of uint8 stays. Without this a convolution
    whose output shares its scale with a Concat (zero point above 0) is computed in float32.
    """
    graph = model.graph
    index = Index.of(graph)
    for clamp in [node for node in graph.node if node.op_type in {"Relu", "Clip"}]:
        quantize = index.only_reader(clamp.output[0], QUANTIZE)
        limits = _limits(index, clamp)
        if quantize is None or limits is None:
            continue
        scale, zero = index.quantization(quantize)
        if scale.size != 1 or zero.dtype != np.uint8:
            continue
        low, high = (_quantized(limit, float(scale), int(zero)) for limit in limits)
        index.read(quantize, 0, clamp.input[0])
        if (low, high) != (0, _LARGEST):
            _clip_bytes(graph, index, quantize, low, high)
            index = Index.of(graph)
    return model


def _clip_bytes(graph: Any, index: Index, quantize: Any, low: int, high: int) -> None:
    """Put a Clip of uint8 behind `quantize`."""
    from onnx import helper

    result = quantize.output[0]
    raw = fresh(graph, f"{result}_unclamped")
    if result in index.outputs:
        quantize.output[0] = raw
    else:
        clamped = fresh(graph, f"{result}_clamped")
        redirect(graph, result, clamped)
        raw, result = result, clamped
    bounds = [add_constant(graph, f"{result}_{n}", np.array(v, np.uint8)) for n, v in (("low", low), ("high", high))]
    graph.node.append(helper.make_node("Clip", [raw, *bounds], [result], name=fresh(graph, f"{result}_clip")))


def _limits(index: Index, node: Any) -> tuple[float, float] | None:
    if node.op_type == "Relu":
        return 0.0, float("inf")
    values = [index.value(name) if name else None for name in node.input[1:3]]
    if len(values) != 2 or values[0] is None or values[1] is None:
        return None
    return float(values[0]), float(values[1])


def _quantized(value: float, scale: float, zero: int) -> int:
    if not np.isfinite(value):
        return _LARGEST if value > 0 else 0
    steps = np.rint(np.float32(value) / np.float32(scale)) + zero
    return int(np.clip(steps, 0, _LARGEST))


CLAMPS = OnnxPass("clamps", apply)
