"""An int8 file computes in integers only: one operation in float is an error that names it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from edgecv_runtime.errors import ConversionError

from edgecv_converters.graph.layers import layer_of_fused
from edgecv_converters.tflite.describe import builtin_name, dtype_of, parsed

FLOATS = frozenset({"float16", "float32", "float64", "bfloat16"})
CASTS = frozenset({"CAST", "DEQUANTIZE", "QUANTIZE"})


def float_operations(data: bytes, kept: Collection[str] = ()) -> list[tuple[str, str]]:
    """Every operation (kind, layer) that reads or gives floats, but casts and those whose result is named in `kept`."""
    model = parsed(data)
    return [
        (builtin_name(model, operator), layer_of_fused(name))
        for graph in model.subgraphs
        for operator in graph.operators
        if builtin_name(model, operator) not in CASTS and _in_float(graph, operator)
        if (name := graph.tensors[operator.outputs[0]].name.decode()) not in kept
    ]


def float_results(data: bytes) -> frozenset[str]:
    """The names of the first results of all operations that read or give floats, but casts."""
    model = parsed(data)
    graph = model.subgraphs[0]
    found = [o for o in graph.operators if builtin_name(model, o) not in CASTS and _in_float(graph, o)]
    return frozenset(graph.tensors[operator.outputs[0]].name.decode() for operator in found)


def check_integers(data: bytes, kept: Collection[str] = ()) -> None:
    """Check that an int8 file computes in integers; `kept` are the results of the operations chosen to stay float.

    Raises:
        ConversionError: Another operation is computed in float; the message names it and its layer.
    """
    found = float_operations(data, kept)
    if found:
        others = f", and {len(found) - 1} more" if len(found) > 1 else ""
        kind, layer = found[0]
        raise ConversionError(
            f"{kind} of layer {layer} stays float in the int8 file{others}: TFLite has no int8 kernel for it",
            "Build the layer from other operations, or ask for another precision (int16x8, dynamic, float16)",
        )


def _in_float(graph: Any, operator: Any) -> bool:
    numbers = [int(number) for number in (*operator.inputs, *operator.outputs) if number >= 0]
    return any(dtype_of(graph.tensors[number]) in FLOATS for number in numbers)
