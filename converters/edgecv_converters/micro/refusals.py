"""Runs a file in TFLM once: the memory that it takes, or the operator and the layer that TFLM refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from edgecv_runtime.backends.tflm_interpreter import ArenaUse, TFLMError, TFLMInterpreter, captured, first_line
from edgecv_runtime.errors import BackendError, ConversionError

from edgecv_converters.graph.layers import layer_of_fused
from edgecv_converters.tflite.describe import builtin_name, parsed

_ABSENT: Final = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
_REFUSED: Final = re.compile(r"Node (\w+) \(number (\w+)\) failed to (?:prepare|invoke)")
_HINT: Final = "Build the layer from other operations, or make the model for another target"
_SHOWN: Final = 3  # layers that a message names


def tried_out(data: bytes) -> ArenaUse:
    """Run a file once, and once more in the smallest arena that it can be run in.

    Raises:
        ConversionError: TFLM refuses an operator; the message names it and its layer.
    """
    try:
        use = _run(TFLMInterpreter(data)).arena_use()
        use = replace(use, total=_least(data, use.total))
        _run(TFLMInterpreter(data, arena=use.total))
    except TFLMError as error:
        raise explained(data, error) from error
    return use


def _least(data: bytes, told: int) -> int:
    """Find the fewest bytes that are enough: TFLM tells of none that it takes for a moment while it prepares."""
    low, high = told - 1, told
    while not _fits(data, high):
        low, high = high, high + max(64, 2 * (high - told))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _fits(data, middle) else (middle, high)
    return high


def _fits(data: bytes, arena: int) -> bool:
    try:
        TFLMInterpreter(data, arena=arena)
    except TFLMError:
        return False
    return True


def _run(interpreter: TFLMInterpreter) -> TFLMInterpreter:
    zeros = [np.zeros(detail["shape"], detail["dtype"]) for detail in interpreter.inputs]
    with captured() as log:
        try:
            interpreter.run(zeros)
        except BackendError as error:
            raise TFLMError(error.message, log()) from error
    return interpreter


def explained(data: bytes, error: TFLMError) -> ConversionError:
    """Put what TFLM wrote about a file that it refuses into words: the operator and its layer."""
    absent, refused = _ABSENT.search(error.log), _REFUSED.search(error.log)
    if absent is not None:
        layers = list(dict.fromkeys(_layers(data, absent[1])))
        more = f" and {len(layers) - _SHOWN} more" if len(layers) > _SHOWN else ""
        return ConversionError(f"TFLM has no kernel for {absent[1]} (layer {', '.join(layers[:_SHOWN])}{more})", _HINT)
    if refused is not None:
        operator = parsed(data).subgraphs[0].operators[int(refused[2], 16)]
        reason = first_line(error.log) or error.message
        return ConversionError(f"TFLM refuses {refused[1]} of layer {_layer(data, operator)}: {reason}", _HINT)
    return ConversionError(error.message, _HINT)


def _layers(data: bytes, kind: str) -> Iterator[str]:
    model = parsed(data)
    operators = model.subgraphs[0].operators
    return (_layer(data, operator) for operator in operators if builtin_name(model, operator) == kind)


def _layer(data: bytes, operator: object) -> str:
    graph = parsed(data).subgraphs[0]
    return layer_of_fused(graph.tensors[operator.outputs[0]].name.decode())  # type: ignore[attr-defined]
