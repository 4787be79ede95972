"""The operators of a file as a microcontroller's program registers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from edgecv_runtime.backends.tflm_interpreter import require_tflm

# Where the method is not the operator's name in capitalized words. Source: TFLM's micro_mutable_op_resolver.h.
_IRREGULAR: Final = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}


def operators_of(data: bytes) -> tuple[str, ...]:
    """Return the operators that a whole TFLite file uses, by their names in the schema; custom ones by their own.

    Raises:
        MissingDependencyError: TFLM, which brings the schema, is not installed.
    """
    schema = require_tflm().schema_fb
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    model = schema.Model.GetRootAs(data, 0)
    graphs = [model.Subgraphs(place) for place in range(model.SubgraphsLength())]
    used = {graph.Operators(place).OpcodeIndex() for graph in graphs for place in range(graph.OperatorsLength())}
    return tuple(_name(model.OperatorCodes(place), names) for place in sorted(used))


def _name(code: Any, names: Mapping[int, str]) -> str:
    custom = code.CustomCode()
    return names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())] if custom is None else repr(custom)[2:-1]


def resolver_methods(operators: Iterable[str]) -> tuple[str, ...]:
    """Return the methods of TFLM's `MicroMutableOpResolver` that register some operators, each once, sorted.

    Args:
        operators: Their names in TFLite's schema, as an artifact's `ops` has them: "CONV_2D".
    """
    return tuple(sorted({_IRREGULAR.get(name) or f"Add{_words(name)}" for name in operators}))


def _words(name: str) -> str:
    """Return CONV_2D as Conv2D."""
    return "".join(part if part[0].isdigit() else part.capitalize() for part in name.split("_"))
