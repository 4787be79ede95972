"""The dtype of an int8 file's inputs and outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.targets import IoType
from edgecv_converters.tflite.describe import builtin_name, dtype_of, load
from edgecv_converters.tflite.reader import TFLiteGraph
from edgecv_converters.tflite.write import cast_code, packed

EQUALITIES = frozenset({"EQUAL", "NOT_EQUAL"})


def with_io(data: bytes, io: IoType) -> bytes:
    """An int8 file whose inputs and outputs are float32, with inputs and outputs of another dtype.

    Integers that stand for themselves (ids, bytes) stay as they are, and so does what only float operations read or
    give.
    """
    if io == "float32":
        return data
    import tensorflow as tf
    from tensorflow.lite.python.util import modify_model_io_type

    kind = getattr(tf, io)
    return bytes(modify_model_io_type(_rounded_first(data), kind, kind))


def _rounded_first(data: bytes) -> bytes:
    """Change a file so that whatever reads an input that is quantized reads it quantized.

    TensorFlow lets a Masking layer compare the input as it comes. What it is compared with is rounded as the input is,
    so that equal stays equal.
    """
    model = load(data)
    flat = TFLiteGraph(model)
    graph = model.subgraphs[0]
    changed = False
    for number in map(int, graph.inputs):
        if dtype_of(graph.tensors[number]) != "float32":
            continue
        cast = next((op for op in flat.ops if op.kind == "QUANTIZE" and op.inputs[0] == number), None)
        others = [o for o in graph.operators if number in o.inputs and builtin_name(model, o) != "QUANTIZE"]
        if cast is None or not others:
            continue
        changed = True
        real = _dequantized(model, cast.outputs[0], number)
        for operator in others:
            operator.inputs = np.array([real if int(place) == number else place for place in operator.inputs], np.int32)
            if builtin_name(model, operator) in EQUALITIES:
                _round_constants(flat, operator, cast.outputs[0])
    return packed(model) if changed else data


def _dequantized(model: Any, source: int, like: int) -> int:
    """Add a DEQUANTIZE after the cast that gives tensor `source`; returns the number of its result."""
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    old = graph.tensors[like]
    name = old.name + b"_rounded"
    graph.tensors.append(schema.TensorT(shape=old.shape, hasRank=old.hasRank, type=old.type, buffer=0, name=name))
    model.operatorCodes.append(cast_code("DEQUANTIZE"))
    result = len(graph.tensors) - 1
    made = schema.OperatorT(
        opcodeIndex=len(model.operatorCodes) - 1, inputs=np.array([source]), outputs=np.array([result])
    )
    place = next(n for n, operator in enumerate(graph.operators) if source in operator.outputs)
    graph.operators.insert(place + 1, made)
    return result


def _round_constants(flat: TFLiteGraph, operator: Any, like: int) -> None:
    """Give a comparison a copy of its constants on the grid of tensor `like`."""
    tensors, buffers, grid = flat.graph.tensors, flat.model.buffers, flat.grid(like)
    for position, number in enumerate(map(int, operator.inputs)):
        if number >= len(flat.graph.tensors) or not flat.is_constant(number):
            continue
        held = tensors[number]
        steps = np.clip(np.rint(flat.value(number) / grid.scale) + grid.zero, -128, 127) - grid.zero
        values = np.float32(grid.scale) * steps.astype(np.float32)
        buffers.append(type(buffers[0])(data=np.frombuffer(values.astype(np.float32).tobytes(), np.uint8)))
        tensors.append(
            type(held)(
                shape=held.shape,
                hasRank=held.hasRank,
                type=held.type,
                buffer=len(buffers) - 1,
                name=held.name + b"_rounded",
            )
        )
        operator.inputs[position] = len(tensors) - 1
