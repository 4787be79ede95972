"""Checks that an .onnx file is whole and stands alone: ONNX Runtime opens every file that one names.

Walked are the message's fields, without the values of constants. Refused is whatever takes something from another file,
and what no file of edgecv has: functions, training, sparse constants, operators of other domains.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from edgecv_runtime.backends.structure.damage import DamageError, examine
from edgecv_runtime.backends.structure.protobuf import LENGTH, VARINT, fields
from edgecv_runtime.paths import shortened

MOST_FIELDS: Final = 1 << 22  # in one file
MOST_NESTED: Final = 24  # messages within messages: some five for each graph inside a graph
MOST_LETTERS: Final = 1 << 16  # in one name
DOMAINS: Final = frozenset({"", "ai.onnx"})

TEXT: Final = "text"
DOMAIN: Final = "domain"
EXTERNAL: Final = "external data"
SPARSE: Final = "sparse constants"
# What lies in the fields of a message, by their numbers in onnx.proto: another message, a text, or what is refused.
MESSAGES: Final[Mapping[str, Mapping[int, str]]] = {
    "Model": dict.fromkeys((2, 3, 4, 6), TEXT)
    | {7: "Graph", 8: "OperatorSet", 14: "Entry", 20: "a way to train it", 25: "functions"},
    "OperatorSet": {1: DOMAIN},
    "Entry": {1: TEXT, 2: TEXT},
    "Graph": dict.fromkeys((11, 12, 13), "Value")
    | {1: "Node", 2: TEXT, 5: "Tensor", 10: TEXT, 14: "Annotation", 15: SPARSE, 16: "Entry"},
    "Annotation": {1: TEXT, 2: "Entry"},
    "Node": dict.fromkeys((1, 2, 3, 4, 6, 8), TEXT) | {5: "Attribute", 7: DOMAIN, 9: "Entry"},
    "Attribute": dict.fromkeys((1, 13, 21), TEXT)
    | {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 14: "Type", 15: "Type", 22: SPARSE, 23: SPARSE},
    "Tensor": {8: TEXT, 12: TEXT, 13: EXTERNAL, 16: "Entry"},
    "Value": {1: TEXT, 2: "Type", 3: TEXT, 4: "Entry"},
    "Type": {1: "TensorType", 4: "Element", 6: TEXT, 8: "TensorType", 9: "Element"},
    "Element": {1: "Type"},
    "TensorType": {2: "Shape"},
    "Shape": {1: "Dimension"},
    "Dimension": {2: TEXT, 3: TEXT},
}
DATA_LOCATION: Final = 14  # of a tensor
GRAPH: Final = 7  # of a model


def check_onnx(path: Path, name: str) -> None:
    """Refuse a file that is damaged, or takes anything from another file.

    Args:
        path: The file.
        name: What messages call it.

    Raises:
        BundleError: It is so; or it cannot be read.
    """
    examine(path, name, _check)


def _check(data: Any) -> None:
    waiting = [("Model", 0, len(data), 0)]
    seen, graphs = 0, 0
    while waiting:
        kind, start, end, depth = waiting.pop()
        if depth > MOST_NESTED:
            raise DamageError(f"its messages are nested more than {MOST_NESTED} deep")
        known = MESSAGES[kind]
        for number, wire, first, last in fields(data, start, end):
            seen += 1
            content = known.get(number)
            if wire == VARINT and kind == "Tensor" and number == DATA_LOCATION and first:
                raise DamageError("a constant lies in an external file")
            if content is None:
                continue
            if wire != LENGTH:
                raise DamageError(f"the field at byte {first} is of another kind")
            if content in MESSAGES:
                waiting.append((content, first, last, depth + 1))
            else:
                _check_leaf(data, content, first, last)
            graphs += kind == "Model" and number == GRAPH
        if seen > MOST_FIELDS:
            raise DamageError(f"it has more than {MOST_FIELDS:,} fields")
    if graphs != 1:
        raise DamageError("it has no graph, or several")


def _check_leaf(data: Any, content: str, start: int, end: int) -> None:
    if content == EXTERNAL:
        named = ", ".join(
            _text(data, first, last) for _, wire, first, last in fields(data, start, end) if wire == LENGTH
        )
        raise DamageError(f"a constant lies in an external file ({shortened(named)})")
    if content not in {TEXT, DOMAIN}:
        raise DamageError(f"it has {content}")
    text = _text(data, start, end)
    if content == DOMAIN and text not in DOMAINS:
        raise DamageError(f"it has operators of the domain {shortened(text)!r}")


def _text(data: Any, start: int, end: int) -> str:
    raw = bytes(data[start:end])
    if len(raw) > MOST_LETTERS:
        raise DamageError(f"a text of {len(raw):,} bytes, which no model has")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DamageError(f"the name {raw[:40]!r} is not UTF-8") from error
