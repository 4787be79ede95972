"""TFLite operators that tf2onnx reads wrongly, or not at all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def register() -> None:
    """Make tf2onnx use the handlers of this module. Calling it again changes nothing."""
    from tf2onnx import tflite_handlers
    from tf2onnx.handler import tf_op

    assert tflite_handlers, "tf2onnx registers its own first"
    for name, handler in (("TFL_FULLY_CONNECTED", _fully_connected), ("TFL_GELU", _gelu)):
        tf_op.register_handler(handler, 0, [name], "com.google.tensorflow", {})


def _fully_connected(context: Any, node: Any, **_: Any) -> None:
    """Write Gemm, which ONNX Runtime fuses with its bias, between the reshapes that the operator does by itself.

    tf2onnx 1.17 drops the bias when the input's rank is not 2.
    """
    from tf2onnx.tflite_handlers.tfl_math import separate_fused_activation_function

    separate_fused_activation_function(context, node)
    source, weight, *bias = node.input
    name, result = node.name, node.output[0]
    rank, shape, dtype = context.get_rank(source), context.get_shape(result), context.get_dtype(result)
    units, depth = context.get_shape(weight)
    context.remove_node(name)
    if rank != 2:
        source = _reshaped(context, source, [-1, depth], name)
    if len(shape) == 2:
        context.make_node(
            "Gemm", [source, weight, *bias], {"transB": 1}, name=name, outputs=[result], shapes=[shape], dtypes=[dtype]
        )
        return
    rows = math.prod(shape[:-1])
    flat = context.make_node(
        "Gemm", [source, weight, *bias], {"transB": 1}, op_name_scope=name, shapes=[[rows, units]], dtypes=[dtype]
    )
    target = context.make_const(f"{name}_shape", np.array(shape, np.int64))
    context.make_node(
        "Reshape", [flat.output[0], target.output[0]], name=name, outputs=[result], shapes=[shape], dtypes=[dtype]
    )


def _reshaped(context: Any, source: str, shape: list[int], name: str) -> str:
    target = context.make_const(f"{name}_rows", np.array(shape, np.int64))
    return str(context.make_node("Reshape", [source, target.output[0]], op_name_scope=name).output[0])


def _gelu(context: Any, node: Any, **_: Any) -> None:
    """Write x * (0.5 * (1 + erf(x / sqrt 2))), or where the file says `approximate` the tanh form (Hendrycks, 2016)."""
    name, source, result = node.name, node.input[0], node.output[0]
    shape, dtype = context.get_shape(result), context.get_dtype(result)
    approximate = bool(node.get_attr_value("approximate", 0))
    context.remove_node(name)

    def constant(label: str, value: float) -> str:
        return str(context.make_const(f"{name}_{label}", np.array(value, np.float32)).output[0])

    def make(op: str, *operands: str) -> str:
        made = context.make_node(op, list(operands), op_name_scope=name, shapes=[shape], dtypes=[dtype])
        return str(made.output[0])

    if approximate:
        cube = make("Mul", make("Mul", source, source), source)
        inner = make("Add", source, make("Mul", cube, constant("cubic", 0.044715)))
        curve = make("Tanh", make("Mul", inner, constant("tanh_scale", math.sqrt(2 / math.pi))))
    else:
        curve = make("Erf", make("Div", source, constant("sqrt2", math.sqrt(2))))
    gate = make("Mul", source, make("Add", curve, constant("one", 1.0)))
    half = constant("half", 0.5)
    context.make_node("Mul", [gate, half], name=name, outputs=[result], shapes=[shape], dtypes=[dtype])
