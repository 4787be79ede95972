"""TFLite's GELU for tf2onnx, which has no handler for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np


def _gelu(context: Any, node: Any, name: str, _arguments: Any) -> None:
    """Write x * (0.5 * (1 + erf(x / sqrt 2))), or the tanh form where the file says `approximate` (Hendrycks, 2016)."""
    source, result = node.input[0], node.output[0]
    shape, dtype = context.get_shape(result), context.get_dtype(result)
    approximate = bool(node.get_attr_value("approximate", 0))

    def constant(value: float) -> str:
        return str(context.make_const(f"{name}_{value:.4f}", np.float32(value)).output[0])

    def make(op: str, *operands: str) -> str:
        made = context.make_node(op, list(operands), op_name_scope=name, shapes=[shape], dtypes=[dtype])
        return str(made.output[0])

    if approximate:
        cube = make("Mul", make("Mul", source, source), source)
        inner = make("Add", source, make("Mul", cube, constant(0.044715)))
        curve = make("Tanh", make("Mul", inner, constant(math.sqrt(2 / math.pi))))
    else:
        curve = make("Erf", make("Div", source, constant(math.sqrt(2))))
    gate = make("Mul", source, make("Add", curve, constant(1.0)))
    half = constant(0.5)
    context.remove_node(node.name)
    context.make_node("Mul", [gate, half], name=node.name, outputs=[result], shapes=[shape], dtypes=[dtype])


Handler = tuple[Callable[..., None], list[str]]
HANDLERS: Mapping[str, Handler] = MappingProxyType({"TFL_GELU": (_gelu, [])})
