"""The operators of a file as a microcontroller's program registers them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

# Where the method is not the operator's name in capitalized words. Source: TFLM's micro_mutable_op_resolver.h.
_IRREGULAR: Final = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}


def resolver_methods(operators: Iterable[str]) -> tuple[str, ...]:
    """Return the methods of TFLM's `MicroMutableOpResolver` that register some operators, each once, sorted.

    Args:
        operators: Their names in TFLite's schema, as an artifact's `ops` has them: "CONV_2D".
    """
    return tuple(sorted({_IRREGULAR.get(name) or f"Add{_words(name)}" for name in operators}))


def _words(name: str) -> str:
    """Return CONV_2D as Conv2D."""
    return "".join(part if part[0].isdigit() else part.capitalize() for part in name.split("_"))
