"""Mutations of TFLite and ONNX files field by field, so that they stay well-formed where bytes would not."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np

SMALL = (0, -1, 1, 2, 3, 7, 127, 255, 1 << 16, 2**31 - 1, -(2**31))
REALS = (0.0, -1.0, 1e-40, 1e30, float("nan"), float("inf"))
TEXTS = (b"", b"\xff", b"x" * 300, b"../new")


def mutated_tflite(data: bytes, random: Random, paths: tuple[str, ...]) -> bytes:
    """The model with one or two fields of its records changed; offsets are laid anew."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    for _ in range(20):
        model = schema.ModelT.InitFromPackedBuf(bytearray(data), 0)
        for _ in range(random.choice((1, 1, 2))):
            places = list(_members(model))
            holder, key, value = random.choice(places)
            _set(holder, key, _other(value, random, paths))
        try:
            builder = flatbuffers.Builder(1024)
            builder.Finish(model.Pack(builder), b"TFL3")
        except (struct.error, TypeError, ValueError, AttributeError, OverflowError, AssertionError):
            continue  # the format cannot say it
        return bytes(builder.Output())
    return data


def _members(record: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Every field below a record: the holder, the key, the value; long arrays count once."""
    for name, value in list(vars(record).items()):
        yield record, name, value
        yield from _below(value)


def _below(value: Any) -> Iterator[tuple[Any, Any, Any]]:
    if isinstance(value, list | np.ndarray) and not isinstance(value, bytes):
        for place in range(min(len(value), 8)) if isinstance(value, np.ndarray) else range(len(value)):
            yield value, place, value[place]
            if hasattr(value[place], "__dict__"):
                yield from _members(value[place])
    elif hasattr(value, "__dict__"):
        yield from _members(value)


def _set(holder: Any, key: Any, value: Any) -> None:
    if isinstance(key, str):
        setattr(holder, key, value)
    elif value is None and isinstance(holder, list):
        del holder[key]
    elif isinstance(holder, list) or np.isreal(value):
        try:
            holder[key] = value
        except (OverflowError, ValueError, TypeError):
            holder[key] = 0


def _other(value: Any, random: Random, paths: tuple[str, ...]) -> Any:
    match value:
        case bool() | np.bool_():
            others: tuple[Any, ...] = (not value,)
        case int() | np.integer():
            others = (*SMALL, int(value) + 1, int(value) - 1, random.randrange(200))
        case float() | np.floating():
            others = (*REALS, float(value) * 2)
        case bytes() | str():
            others = (*TEXTS, random.choice(paths).encode())
        case np.ndarray():
            others = (value[:0], value[:-1], np.concatenate([value, value]), None)
        case list():
            others = ([], value[:-1], value + value[-1:])
        case _:
            others = (None,)
    return random.choice(others)


def mutated_onnx(data: bytes, random: Random, paths: tuple[str, ...]) -> bytes:
    """The model with one or two fields of its messages changed."""
    from onnx import ModelProto

    model = ModelProto.FromString(data)
    for _ in range(random.choice((1, 1, 2))):
        message, field = random.choice(list(_fields(model)))
        _change(message, field, random, paths)
    return bytes(model.SerializeToString())


def _fields(message: Any) -> Iterator[tuple[Any, Any]]:
    for field, value in message.ListFields():
        yield message, field
        if field.message_type is not None:
            for inner in value if _repeated(field, message) else (value,):
                yield from _fields(inner)


def _repeated(field: Any, message: Any) -> bool:
    return hasattr(getattr(message, field.name), "extend")


def _change(message: Any, field: Any, random: Random, paths: tuple[str, ...]) -> None:
    value = getattr(message, field.name)
    if _repeated(field, message):
        kept = list(value)
        edit = random.random()
        if edit < 0.3 or field.message_type is not None:
            kept = random.choice((kept[:-1], kept + kept[-1:], kept[::-1]))
        else:
            place = random.randrange(len(kept))
            kept[place] = _fitting(kept[place], random, paths)
        message.ClearField(field.name)
        getattr(message, field.name).extend(kept)
    elif field.message_type is not None:
        message.ClearField(field.name)
    else:
        with contextlib.suppress(ValueError):  # no such member of an enumeration: it stays
            setattr(message, field.name, _fitting(value, random, paths))


def _fitting(value: Any, random: Random, paths: tuple[str, ...]) -> Any:
    """Another value that the field can hold."""
    other = _other(value, random, paths)
    if isinstance(value, str):
        return other.decode(errors="replace")
    return max(-(2**31), min(2**31 - 1, other)) if isinstance(value, int) and not isinstance(value, bool) else other
