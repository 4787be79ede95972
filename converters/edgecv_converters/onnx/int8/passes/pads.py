"""A Pad before a convolution becomes the convolution's own padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.onnx.edit import DEQUANTIZE, Index, OnnxPass, redirect


def apply(model: Any) -> Any:
    """Fold Pad(zero point) over the spatial axes, then DequantizeLinear, then only Conv, into `pads` of the Conv.

    A Transpose may stand before the DequantizeLinear, as it does where the model's input is padded, channels last.
    """
    graph = model.graph
    for pad in [node for node in graph.node if node.op_type == "Pad"]:
        index = Index.of(graph)
        amounts = index.value(pad.input[1])
        if amounts is None or len(pad.input) != 3:
            continue
        amounts = amounts.reshape(2, -1)
        dequantize = index.only_reader(pad.output[0], DEQUANTIZE)
        transpose = index.only_reader(pad.output[0], "Transpose")
        if transpose is not None:
            dequantize = index.only_reader(transpose.output[0], DEQUANTIZE)
            amounts = amounts[:, next((list(a.ints) for a in transpose.attribute), slice(None, None, -1))]
        if dequantize is None or not _is_zero(index, pad, dequantize):
            continue
        readers = index.readers(dequantize.output[0])
        if dequantize.output[0] in index.outputs or any(node.op_type != "Conv" for node in readers):
            continue
        if amounts[:, :2].any() or (amounts < 0).any():
            continue
        for conv in readers:
            _add_pads(conv, amounts[:, 2:].ravel().tolist())
        redirect(graph, pad.output[0], pad.input[0])
    return model


def _is_zero(index: Index, pad: Any, dequantize: Any) -> bool:
    value, (_, zero) = index.value(pad.input[2]), index.quantization(dequantize)
    mode = next((a.s for a in pad.attribute if a.name == "mode"), b"constant")
    return mode == b"constant" and value is not None and bool(np.array_equal(value, zero))


def _add_pads(conv: Any, more: list[int]) -> None:
    from onnx import helper

    attributes = {a.name: helper.get_attribute_value(a) for a in conv.attribute}
    before = attributes.get("pads", [0] * len(more))
    kept = [a for a in conv.attribute if a.name not in {"pads", "auto_pad"}]
    del conv.attribute[:]
    conv.attribute.extend(kept)
    conv.attribute.append(helper.make_attribute("pads", [a + b for a, b in zip(before, more, strict=True)]))


PADS = OnnxPass("pads", apply)
