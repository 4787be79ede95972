"""An AveragePool becomes a depthwise convolution: ONNX Runtime's quantized pool goes through single numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edgecv_converters.onnx.edit import DEQUANTIZE, QUANTIZE, Index, OnnxPass, add_constant, fresh, shapes

_STAYING = ("strides", "kernel_shape")
_MOST = 16  # positions; larger pools gain nothing


def apply(model: Any) -> Any:
    """Write a small AveragePool between casts, without padding, as Conv of each channel, weights 1 and scale 1 / size.

    Sums of bytes are exact in integers, so that a tie is seen as one; QLinearAveragePool adds floats, and takes six
    times as long (a 2 x 2 pool, ONNX Runtime 1.31, AVX512-VNNI). The two may differ by one step at a tie.
    """
    graph = model.graph
    index = Index.of(graph)
    known = shapes(model)
    for pool in [node for node in graph.node if node.op_type == "AveragePool"]:
        source = index.maker(pool.input[0], DEQUANTIZE)
        if source is None or index.only_reader(pool.output[0], QUANTIZE) is None or pool.input[0] not in known:
            continue
        if index.quantization(source)[0].size == 1 and _is_plain(pool):
            _convolve(graph, pool, known[pool.input[0]][1])
    return model


def _is_plain(pool: Any) -> bool:
    """Tell whether every position of the output is the average of as many inputs, of few."""
    from onnx import helper

    attributes = {a.name: helper.get_attribute_value(a) for a in pool.attribute}
    padded = any(attributes.get("pads", ())) or attributes.get("auto_pad", b"NOTSET") not in {b"NOTSET", b"VALID"}
    dilated = any(step != 1 for step in attributes.get("dilations", ()))
    small = len(attributes["kernel_shape"]) == 2 and math.prod(attributes["kernel_shape"]) <= _MOST
    return small and not (padded or dilated or attributes.get("ceil_mode", 0))


def _convolve(graph: Any, pool: Any, channels: int) -> None:
    from onnx import helper

    kept = [a for a in pool.attribute if a.name in _STAYING]
    kernel = next(tuple(a.ints) for a in kept if a.name == "kernel_shape")
    weight = {
        "ones": np.ones((channels, 1, *kernel), np.int8),
        "scale": np.array(1 / math.prod(kernel), np.float32),
        "zero_point": np.array(0, np.int8),
    }
    parts = [add_constant(graph, f"{pool.output[0]}_{name}", value) for name, value in weight.items()]
    real = fresh(graph, f"{pool.output[0]}_weight")
    graph.node.append(helper.make_node(DEQUANTIZE, parts, [real], name=real))
    pool.op_type = "Conv"
    pool.input.append(real)
    del pool.attribute[:]
    pool.attribute.extend([*kept, helper.make_attribute("group", channels)])


AVERAGE_POOLS = OnnxPass("average_pools", apply)
