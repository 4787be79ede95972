"""The values of a program: types and constants of the protobuf as NumPy arrays."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from edgecv_runtime.errors import BundleError

from edgecv_converters.mil.blob import BlobFile
from edgecv_converters.mil.dtypes import KINDS, Array, decode
from edgecv_converters.mil.proto import data_type

MODEL_PATH = "@model_path/"
FIELDS = {
    "floats": frozenset({"float32"}),
    "doubles": frozenset({"float64"}),
    "ints": frozenset({"int8", "int16", "int32", "uint8", "uint16", "uint32"}),
    "longInts": frozenset({"int64", "uint64"}),
    "bools": frozenset({"bool"}),
    "strings": frozenset({"string"}),
    "bytes": frozenset(KINDS) - {"bool"},
}
"""The field of a `TensorValue` that holds a type's values (MIL.proto)."""


def tensor_type(message: Any) -> tuple[str, tuple[int | None, ...]]:
    """Name of the data type and shape; lists, tuples and dictionaries have neither."""
    if message.WhichOneof("type") != "tensorType":
        return "", ()
    tensor = message.tensorType
    try:
        name = data_type().Name(tensor.dataType).lower()
    except ValueError as error:
        raise BundleError(f"the program has a value of the unknown type {tensor.dataType}") from error
    sizes = (item.constant.size if item.WhichOneof("dimension") == "constant" else None for item in tensor.dimensions)
    return name, tuple(None if size is None else int(size) for size in sizes)


class ConstantReader:
    """Reads constants, from the protobuf itself or from weight files beside the model file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._files: dict[str, BlobFile] = {}

    def read(self, message: Any) -> Array:
        """A constant as an array; text as `str`, and a list as one dimension.

        Raises:
            BundleError: It does not have the type or the number of elements that it declares.
        """
        if message.WhichOneof("value") == "blobFileValue":
            return self._from_file(message)
        kind = message.immediateValue.WhichOneof("value")
        if kind == "tensor":
            return _immediate(message)
        if kind in {"list", "tuple"}:
            items = [self.read(item) for item in getattr(message.immediateValue, kind).values]
            return np.stack(items) if items else np.zeros(0)
        raise BundleError(f"the program has a constant of the unknown kind {kind}")

    def _from_file(self, message: Any) -> Array:
        dtype, shape = _static(message)
        blob = self._file(message.blobFileValue.fileName).read(message.blobFileValue.offset)
        if blob.dtype != dtype and (blob.dtype, dtype) != ("uint8", "bool"):
            raise BundleError(f"a constant is declared {dtype}, and the weight file has {blob.dtype}")
        return _shaped(blob.values.astype(KINDS[dtype].numpy, copy=False), shape)

    def _file(self, name: str) -> BlobFile:
        if name not in self._files:
            path = (self._folder / name.removeprefix(MODEL_PATH)).resolve()
            if not name.startswith(MODEL_PATH) or not path.is_relative_to(self._folder):
                raise BundleError(f"the program's weight file {name!r} is not inside the package")
            self._files[name] = BlobFile(path)
        return self._files[name]


def _static(message: Any) -> tuple[str, tuple[int, ...]]:
    dtype, shape = tensor_type(message.type)
    known = tuple(size for size in shape if size is not None)
    if (dtype not in KINDS and dtype != "string") or len(known) != len(shape):
        raise BundleError(f"the program has a constant of type {dtype or 'unknown'} and shape {shape}")
    return dtype, known


def _immediate(message: Any) -> Array:
    dtype, shape = _static(message)
    tensor = message.immediateValue.tensor
    field = tensor.WhichOneof("value")
    if field is None or dtype not in FIELDS[field]:
        raise BundleError(f"a constant of type {dtype} cannot be kept in {field}")
    content = getattr(tensor, field).values
    if field == "bytes":
        return _from_bytes(content, dtype, shape)
    values = np.array(list(content), np.str_ if dtype == "string" else KINDS[dtype].numpy)
    return _shaped(values, shape)


def _from_bytes(content: bytes, dtype: str, shape: tuple[int, ...]) -> Array:
    count = math.prod(shape)
    raw = np.frombuffer(content, np.uint8)
    if raw.size != -(-count * KINDS[dtype].bits // 8):
        raise BundleError(f"a constant of type {dtype} and shape {shape} has {raw.size} bytes")
    return _shaped(decode(raw, dtype, count), shape)


def _shaped(values: Array, shape: tuple[int, ...]) -> Array:
    if values.size != math.prod(shape):
        raise BundleError(f"a constant of shape {shape} has {values.size} elements")
    return values.reshape(shape)
