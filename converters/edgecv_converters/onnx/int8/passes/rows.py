"""A constant with one number for each channel is repeated along a row, where a map is added to it or multiplied."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.onnx.edit import DEQUANTIZE, Index, OnnxPass, add_constant, fresh, shapes

_MOST = 512  # channels; longer rows gain nothing


def apply(model: Any) -> Any:
    """Give Mul and Add of a map (..., width, channels) and a constant (1, ..., 1, channels) one of width x channels.

    ONNX Runtime calls its kernel once for each stretch that both have in common: for 64 channels the calls take longer
    than the products. This is what is left of a batch normalization that no convolution comes before.
    """
    graph = model.graph
    index = Index.of(graph)
    known = shapes(model)
    for node in [node for node in graph.node if node.op_type in {"Mul", "Add"}]:
        for place, other in ((0, 1), (1, 0)):
            maker = index.maker(node.input[place], DEQUANTIZE)
            value = None if maker is None else index.value(maker.input[0])
            shape = known.get(node.input[other], ())
            if value is not None and len(shape) >= 3 and shape[-2] > 1 and _is_for_channels(value, shape):
                node.input[place] = _repeated(graph, maker, np.repeat(value, shape[-2], axis=-2))
    return model


def _is_for_channels(value: np.ndarray, shape: tuple[int, ...]) -> bool:
    return value.shape == (*(1,) * (len(shape) - 1), shape[-1]) and 1 < value.size <= _MOST


def _repeated(graph: Any, maker: Any, value: np.ndarray) -> str:
    """A DequantizeLinear of the longer constant; the short one may have other readers."""
    made = type(maker)()
    made.CopyFrom(maker)
    made.input[0] = add_constant(graph, f"{maker.input[0]}_row", value)
    made.name = made.output[0] = fresh(graph, f"{maker.output[0]}_row")
    graph.node.append(made)
    return str(made.output[0])


ROWS = OnnxPass("rows", apply)
