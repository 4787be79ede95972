"""A convolution of an image's 1 or 3 channels reads 4: ONNX Runtime packs bytes for its dot products in fours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edgecv_converters.onnx.edit import DEQUANTIZE, Index, OnnxPass, add_constant, fresh, shapes
from edgecv_converters.onnx.int8.kernels import PACK, POSITIONS, UNITS


def apply(model: Any) -> Any:
    """Append channels that hold the zero point, and weights that are 0 for them, to the input of such a Conv.

    The sums stay the same. A 3 x 3 convolution of 3 channels, 27 products a position, takes twice the time of one of 4
    channels (ONNX Runtime 1.31, AVX512-VNNI). Convolutions of few positions or outputs are left as they are.
    """
    graph = model.graph
    known = shapes(model)
    index = Index.of(graph)
    wider: dict[str, str] = {}
    for conv in [node for node in graph.node if node.op_type == "Conv"]:
        source, weight = (index.maker(name, DEQUANTIZE) for name in conv.input[:2])
        values = None if weight is None else index.value(weight.input[0])
        if source is None or weight is None or values is None or not _gains(conv, values, known):
            continue
        missing = -values.shape[1] % PACK
        _, zero = index.quantization(source)
        if index.readers(source.output[0]) != [conv] or zero.size != 1:
            continue
        _widen_source(graph, conv, source, known[source.input[0]], missing)
        if weight.output[0] not in wider:
            wider[weight.output[0]] = _widened(graph, weight, values, missing)
        conv.input[1] = wider[weight.output[0]]
    return model


def _widen_source(graph: Any, conv: Any, source: Any, shape: tuple[int, ...], missing: int) -> None:
    from onnx import helper

    batch, _, height, width = shape
    size = add_constant(graph, f"{conv.name}_more_size", np.array([batch, missing, height, width], np.int64))
    filled, joined = (fresh(graph, f"{conv.name}_{what}") for what in ("more", "four"))
    graph.node.append(helper.make_node("Expand", [source.input[2], size], [filled], name=filled))
    graph.node.append(helper.make_node("Concat", [source.input[0], filled], [joined], name=joined, axis=1))
    source.input[0] = joined


def _widened(graph: Any, weight: Any, values: np.ndarray, missing: int) -> str:
    """A DequantizeLinear of the wider weight; the first one stays for convolutions that gain nothing from it."""
    made = type(weight)()
    made.CopyFrom(weight)
    made.input[0] = add_constant(
        graph, f"{weight.input[0]}_four", np.pad(values, [(0, 0), (0, missing), (0, 0), (0, 0)])
    )
    made.name = made.output[0] = fresh(graph, f"{weight.output[0]}_four")
    graph.node.append(made)
    return str(made.output[0])


def _gains(conv: Any, weight: np.ndarray, known: dict[str, tuple[int, ...]]) -> bool:
    group = next((a.i for a in conv.attribute if a.name == "group"), 1)
    if weight.ndim != 4 or group != 1 or weight.shape[0] < UNITS:
        return False
    if weight.shape[1] >= PACK or math.prod(weight.shape[1:]) % PACK == 0:
        return False
    result = known.get(conv.output[0], ())
    return len(result) == 4 and conv.input[0] in known and math.prod(result[2:]) >= POSITIONS


FOUR_CHANNELS = OnnxPass("four_channels", apply)
