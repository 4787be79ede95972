"""Seeded mutations: of bytes, and of JSON documents by their structure."""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable
from random import Random
from typing import Any

NUMBERS = (0, -1, 1, 2, 255, 2**31 - 1, 2**31, -(2**31), 2**32, 2**53, 2**63 - 1, 2**63, 2**64, 10**30)
FLOATS = (0.0, -0.0, 1e-45, 1e-300, 1e300, -1.5, 0.5)
WORDS = (
    "",
    "\0",
    "\x1b]0;x\x07",
    "[/red]",
    "a" * 300,
    "ü",
    "\u202e",
    "\ud800",
    "velvet",
    "__class__",
    "none",
    ".",
    "..",
)
INTEGERS = (b"\0", b"\xff", b"\x7f", b"\x80", b"\x01")


def mutated_bytes(data: bytes, random: Random, paths: tuple[str, ...]) -> bytes:
    """The data after one to eight random edits; `paths` are names that a reader must not follow."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        random.choice(_EDITS)(changed, random, paths)
    return bytes(changed)


def _place(data: bytearray, random: Random) -> int:
    """A position; structure is dense at the ends of files, weights lie between."""
    size = max(len(data), 1)
    near = min(size, 2048)
    return random.choice((random.randrange(size), random.randrange(near), size - 1 - random.randrange(near)))


def _flip(data: bytearray, random: Random, _: tuple[str, ...]) -> None:
    if data:
        data[_place(data, random)] ^= 1 << random.randrange(8)


def _byte(data: bytearray, random: Random, _: tuple[str, ...]) -> None:
    if data:
        data[_place(data, random)] = random.randrange(256)


def _word(data: bytearray, random: Random, _: tuple[str, ...]) -> None:
    """A 32-bit number, aligned, as offsets, sizes and indices are."""
    place = _place(data, random) & ~3
    if place + 4 <= len(data):
        kind, most = ("<i", 2**31) if random.random() < 0.5 else ("<I", 2**32)
        found = struct.unpack_from("<i", data, place)[0]
        value = random.choice((*NUMBERS[:8], found + 1, found - 1, found * 2, random.randrange(64), -found))
        struct.pack_into(kind, data, place, value % most if kind == "<I" else (value + 2**31) % 2**32 - 2**31)


def _fill(data: bytearray, random: Random, _: tuple[str, ...]) -> None:
    place, length = _place(data, random), random.choice((2, 4, 8, 64))
    data[place : place + length] = (random.choice(INTEGERS) * length)[: max(0, len(data) - place)]


def _cut(data: bytearray, random: Random, _: tuple[str, ...]) -> None:
    del data[_place(data, random) :]


def _drop(data: bytearray, random: Random, _: tuple[str, ...]) -> None:
    place = _place(data, random)
    del data[place : place + random.choice((1, 4, 16, 256))]


def _repeat(data: bytearray, random: Random, _: tuple[str, ...]) -> None:
    place = _place(data, random)
    data[place:place] = data[place : place + random.choice((1, 4, 16, 256))]


def _copy(data: bytearray, random: Random, _: tuple[str, ...]) -> None:
    """A piece of the file over another piece of it."""
    to, of, length = _place(data, random), _place(data, random), random.choice((4, 8, 32))
    piece = data[of : of + length]
    data[to : to + len(piece)] = piece


def _path(data: bytearray, random: Random, paths: tuple[str, ...]) -> None:
    """A path over text: what is printable there is often a name."""
    name = random.choice(paths).encode()
    place = _place(data, random)
    data[place : place + len(name)] = name


_EDITS: tuple[Callable[[bytearray, Random, tuple[str, ...]], None], ...] = (
    *(_flip, _flip, _byte, _byte, _word, _word, _word),
    *(_fill, _cut, _drop, _repeat, _copy, _path),
)


def mutated_json(data: bytes, random: Random, paths: tuple[str, ...]) -> bytes:
    """The document after one to four edits of its values, keys or structure; now and then of its bytes."""
    if random.random() < 0.1:
        return mutated_bytes(data, random, paths)
    document = json.loads(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        document = _edited(document, random, paths)
    text = json.dumps(document, allow_nan=True)
    if random.random() < 0.02:
        text = "[" * 100_000 + text
    return text.encode("utf-8", "surrogatepass")


def _edited(document: Any, random: Random, paths: tuple[str, ...]) -> Any:
    places = list(_places(document))
    if not places:
        return _value(document, random, paths)
    holder, key = random.choice(places)
    edit = random.random()
    if edit < 0.65:
        holder[key] = _value(holder[key], random, paths)
    elif edit < 0.75:
        del holder[key]
    elif edit < 0.85:
        other, name = random.choice(places)
        holder[key] = copy.deepcopy(other[name])
    elif isinstance(holder, dict):
        holder[str(_value(str(key), random, paths)) if edit < 0.95 else f"{key}x"] = holder.pop(key)
    else:
        holder.insert(key, copy.deepcopy(holder[key]))
    return document


def _places(value: Any) -> Any:
    """Every place of a document: its holder and the key there."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)


def _value(value: Any, random: Random, paths: tuple[str, ...]) -> Any:
    """Another value: mostly of the same kind, for what is of another kind is refused at once."""
    if random.random() < 0.15:
        return random.choice((None, True, False, 3, -1.5, "x", [], {}, [None], {"a": 1}))
    match value:
        case bool():
            others: tuple[Any, ...] = (not value,)
        case int():
            others = (*NUMBERS, value + 1, value - 1, value * 2, random.randrange(300))
        case float():
            others = (*FLOATS, value * 2, float("nan"), float("inf"))
        case str():
            others = (*WORDS, *paths, value + "x", value[:-1], value.upper(), "a" * 100_000)
        case list():
            others = ([], value[:-1], value * 2, value[::-1], value * 50)
        case _:
            others = ({}, [value], None)
    return random.choice(others)
