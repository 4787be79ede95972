"""The data types of a Core ML program: their names, their NumPy types, and how they are packed.

Types below one byte live in NumPy as uint8 (or int8), one element a byte; on disk their bits follow one another,
the least significant first (MIL ops, iOS16, constexpr_lut_to_dense: "starting with the least significant bit").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class DataType:
    """One data type: its bits on disk, the NumPy type of its values, whether it has a sign."""

    bits: int
    numpy: np.dtype[Any]
    signed: bool = False


def _whole(name: str) -> DataType:
    kind = np.dtype(name)
    return DataType(kind.itemsize * 8, kind, kind.kind == "i")


KINDS: Mapping[str, DataType] = {
    **{name: _whole(name) for name in ("float16", "float32", "float64")},
    **{name: _whole(name) for name in ("int8", "int16", "int32", "int64")},
    **{name: _whole(name) for name in ("uint8", "uint16", "uint32", "uint64", "bool")},
    "bfloat16": DataType(16, np.dtype("float32")),
    "int4": DataType(4, np.dtype("int8"), signed=True),
    **{f"uint{bits}": DataType(bits, np.dtype("uint8")) for bits in (1, 2, 3, 4, 6)},
}


def decode(raw: Array, dtype: str, count: int) -> Array:
    """The first `count` elements that `raw`, uint8, holds in little-endian order; they must be there."""
    kind = KINDS[dtype]
    if dtype == "bfloat16":
        high = raw.view("<u2")[:count].astype(np.uint32)
        return (high << 16).view(np.float32)
    if kind.bits >= 8:
        return raw.view(kind.numpy.newbyteorder("<"))[:count]
    return _signed(_unpacked(raw, kind.bits, count), kind)


def _unpacked(raw: Array, bits: int, count: int) -> Array:
    if 8 % bits == 0:
        shifts = np.arange(0, 8, bits, dtype=np.uint8)
        whole: Array = (raw[:, None] >> shifts) & np.uint8((1 << bits) - 1)
        return whole.reshape(-1)[:count]
    stream = np.unpackbits(raw, bitorder="little")[: count * bits].reshape(count, bits)
    return np.packbits(stream, axis=1, bitorder="little").reshape(count)


def _signed(values: Array, kind: DataType) -> Array:
    if not kind.signed:
        return values
    half = 1 << (kind.bits - 1)
    return (values.astype(np.int8) ^ half) - np.int8(half)
