"""Checks that an .onnx file is whole and names no strange file: ONNX Runtime opens every file that one names.

Walked are the message's fields, without the values of constants. Refused is whatever takes something from another file
than the model's own second one, and what no file of edgecv has: functions, training, sparse constants, operators of
other domains.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgecv_runtime.backends.structure.damage import DamageError, examine
from edgecv_runtime.backends.structure.protobuf import LENGTH, VARINT, fields
from edgecv_runtime.errors import BundleError
from edgecv_runtime.files import open_regular
from edgecv_runtime.paths import shortened

MOST_FIELDS: Final = 1 << 22  # in one file
MOST_NESTED: Final = 24  # messages within messages: some five for each graph inside a graph
MOST_LETTERS: Final = 1 << 16  # in one name
DOMAINS: Final = frozenset({"", "ai.onnx"})

TEXT: Final = "text"
DOMAIN: Final = "domain"
EXTERNAL: Final = "external data"
OUTSIDE: Final = "Constant"  # a tensor that may lie in the second file
LONGEST_NUMBER: Final = 19  # digits of a place in a file
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
# The same of a model with a second file, in which the constants of its graphs may lie, and no attribute of a node.
TWO_FILES: Final = {
    **MESSAGES,
    "Graph": {**MESSAGES["Graph"], 5: OUTSIDE},
    OUTSIDE: {8: TEXT, 12: TEXT, 16: "Entry"},
}
DATA_LOCATION: Final = 14  # of a tensor
EXTERNAL_DATA: Final = 13
IN_SECOND: Final = 1  # its value
PLACE: Final = frozenset({"location", "offset", "length"})  # what is said of a constant in another file
GRAPH: Final = 7  # of a model


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFile:
    """The file beside a model that its constants may lie in: its name there, and its size in bytes."""

    name: str
    size: int


def second_file(path: Path, name: str) -> SecondFile:
    """Look at the second file of a model.

    Args:
        path: The second file.
        name: What messages call it.

    Raises:
        BundleError: It cannot be read, is a link, or is no regular file.
    """
    if path.is_symlink():
        raise BundleError(f"{name} is a link", "Copy the bundle with what its links lead to: cp -rL")
    try:
        with open_regular(path) as file:
            return SecondFile(name=path.name, size=os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise BundleError(f"{name} cannot be read: {error.strerror}") from error


def check_onnx(path: Path, name: str, second: SecondFile | None = None) -> None:
    """Refuse a file that is damaged, or takes anything from another file than its second one.

    Args:
        path: The file.
        name: What messages call it.
        second: The model's second file; None where all constants lie in the model.

    Raises:
        BundleError: It is so; or it cannot be read.
    """
    examine(path, name, lambda data: _check(data, second))


def _check(data: Any, second: SecondFile | None) -> None:
    if second is None:
        _walk(data, MESSAGES)
        return
    outside = [_lies_in(data, *span, second) for span in _walk(data, TWO_FILES)]
    if not any(outside):
        raise DamageError(f"it takes nothing from {second.name}")


def _walk(data: Any, messages: Mapping[str, Mapping[int, str]]) -> list[tuple[int, int]]:
    """Walk all messages, and return where those lie that may have numbers in a second file."""
    waiting = [("Model", 0, len(data), 0)]
    seen, graphs, found = 0, 0, []
    while waiting:
        kind, start, end, depth = waiting.pop()
        if depth > MOST_NESTED:
            raise DamageError(f"its messages are nested more than {MOST_NESTED} deep")
        known = messages[kind]
        found += [(start, end)] if kind == OUTSIDE else []
        for number, wire, first, last in fields(data, start, end):
            seen += 1
            content = known.get(number)
            if wire == VARINT and kind == "Tensor" and number == DATA_LOCATION and first:
                raise DamageError("a constant lies in an external file")
            if content is None:
                continue
            if wire != LENGTH:
                raise DamageError(f"the field at byte {first} is of another kind")
            if content in messages:
                waiting.append((content, first, last, depth + 1))
            else:
                _check_leaf(data, content, first, last)
            graphs += kind == "Model" and number == GRAPH
        if seen > MOST_FIELDS:
            raise DamageError(f"it has more than {MOST_FIELDS:,} fields")
    if graphs != 1:
        raise DamageError("it has no graph, or several")
    return found


def _lies_in(data: Any, start: int, end: int, second: SecondFile) -> bool:
    """Tell whether a constant lies in the second file, within it; one that lies in another is refused."""
    place: dict[str, str] = {}
    location = 0
    for number, wire, first, last in fields(data, start, end):
        if number == DATA_LOCATION and wire == VARINT:
            location = first
        elif number == EXTERNAL_DATA and wire == LENGTH:
            key, value = _entry(data, first, last)
            if key in place:
                raise DamageError(f"a constant says its {shortened(key)} twice")
            place[key] = value
    if not location and not place:
        return False
    if location != IN_SECOND or place.keys() != PLACE:
        raise DamageError("a constant does not say where in an external file it lies")
    if place["location"] != second.name:
        raise DamageError(f"a constant lies in an external file ({shortened(place['location'])}), not in {second.name}")
    if _number(place["offset"]) + _number(place["length"]) > second.size:
        raise DamageError(f"a constant reaches beyond the end of {second.name}")
    return True


def _entry(data: Any, start: int, end: int) -> tuple[str, str]:
    pair = {number: _text(data, *span) for number, wire, *span in fields(data, start, end) if wire == LENGTH}
    return pair.get(1, ""), pair.get(2, "")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER):
        raise DamageError(f"a constant lies at {shortened(text)!r} of an external file")
    return int(text)


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
