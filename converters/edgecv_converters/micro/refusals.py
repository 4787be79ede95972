"""Runs a file in TFLM once: the memory that it takes, or the operator and the layer that TFLM refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
from edgecv_runtime.backends.tflm_interpreter import ArenaUse, TFLMError, TFLMInterpreter
from edgecv_runtime.errors import ConversionError

from edgecv_converters.graph.layers import layer_of_fused
from edgecv_converters.tflite.describe import builtin_name, parsed

_ABSENT: Final = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
_REFUSED: Final = re.compile(r"Node (\w+) \(number (\w+)\) failed to (?:prepare|invoke)")
_HINT: Final = "Build the layer from other operations, or make the model for another target"
_SHOWN: Final = 3  # layers that a message names


def tried_out(data: bytes) -> ArenaUse:
    """Run a file once, and once more in an arena of exactly the bytes that it took.

    Raises:
        ConversionError: TFLM refuses an operator; the message names it and its layer.
    """
    try:
        interpreter = TFLMInterpreter(data)
        interpreter.run(_zeros(interpreter))
        use = interpreter.arena_use()
        exact = TFLMInterpreter(data, arena=use.total)
        exact.run(_zeros(exact))
    except TFLMError as error:
        raise explained(data, error) from error
    return use


def explained(data: bytes, error: TFLMError) -> ConversionError:
    """Put what TFLM wrote about a file that it refuses into words: the operator and its layer."""
    absent, refused = _ABSENT.search(error.log), _REFUSED.search(error.log)
    if absent is not None:
        layers = list(dict.fromkeys(_layers(data, absent[1])))
        more = f" and {len(layers) - _SHOWN} more" if len(layers) > _SHOWN else ""
        return ConversionError(f"TFLM has no kernel for {absent[1]} (layer {', '.join(layers[:_SHOWN])}{more})", _HINT)
    if refused is not None:
        operator = parsed(data).subgraphs[0].operators[int(refused[2], 16)]
        reason = error.message.removeprefix("TFLM refuses the file: ")
        return ConversionError(f"TFLM refuses {refused[1]} of layer {_layer(data, operator)}: {reason}", _HINT)
    return ConversionError(error.message, _HINT)


def _zeros(interpreter: TFLMInterpreter) -> list[np.ndarray]:
    return [np.zeros(detail["shape"], detail["dtype"]) for detail in interpreter.inputs]


def _layers(data: bytes, kind: str) -> Iterator[str]:
    model = parsed(data)
    operators = model.subgraphs[0].operators
    return (_layer(data, operator) for operator in operators if builtin_name(model, operator) == kind)


def _layer(data: bytes, operator: object) -> str:
    graph = parsed(data).subgraphs[0]
    return layer_of_fused(graph.tensors[operator.outputs[0]].name.decode())  # type: ignore[attr-defined]
