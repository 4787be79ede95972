"""Writes a .tflite file whose object tree was changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.tflite.describe import IDENTIFIER

ALIGNMENT = 16  # `force_align` of the buffers in TFLite's schema
ROOM, SMALLEST_ROOM = 64, 1 << 16  # a 64th more than the guess and these bytes: for what alignment fills
NO_DATA = 0  # the buffer of a tensor that is computed
LARGEST_OLD_CODE = 127  # builtin codes above it have a field of their own
DEQUANTIZE_VERSION = 2  # the first that reads int8


def packed(model: Any, size: int = 1024) -> bytes:
    """The file of an object tree; `size` is a guess of how large it becomes: where it is more, the builder doubles."""
    import flatbuffers

    builder = flatbuffers.Builder(size + size // ROOM + SMALLEST_ROOM)
    held = model.buffers
    model.buffers = [_AlignedBuffer(buffer) for buffer in held]
    try:
        builder.Finish(model.Pack(builder), IDENTIFIER)
    finally:
        model.buffers = held
    with memoryview(builder.Bytes) as whole:
        return bytes(whole[builder.Head() :])


class _AlignedBuffer:
    """A buffer whose bytes begin at a multiple of 16, as TFLite's schema asks; its Python module does not see to it.

    A runtime maps a file and reads numbers where they lie: some processors want them aligned.
    """

    def __init__(self, buffer: Any) -> None:
        self._buffer = buffer

    def Pack(self, builder: Any) -> int:  # noqa: N802 - the name that flatbuffers calls
        """Write the bytes, then the table that refers to them."""
        from ai_edge_litert import schema_py_generated as schema

        data = self._buffer.data
        place = None if data is None else _aligned(builder, np.asarray(data, np.uint8))
        schema.BufferStart(builder)
        if place is not None:
            schema.BufferAddData(builder, place)
        schema.BufferAddOffset(builder, self._buffer.offset)
        schema.BufferAddSize(builder, self._buffer.size)
        return int(schema.BufferEnd(builder))


def _aligned(builder: Any, data: np.ndarray) -> int:
    """Write a vector of bytes; the builder's own call for one does not align it."""
    builder.StartVector(1, data.size, ALIGNMENT)
    builder.head -= data.size
    builder.Bytes[builder.head : builder.head + data.size] = np.ascontiguousarray(data).data
    return int(builder.EndVector())


def cast_code(kind: str) -> Any:
    """The operator code of QUANTIZE or DEQUANTIZE."""
    from ai_edge_litert import schema_py_generated as schema

    code = getattr(schema.BuiltinOperator, kind)
    return schema.OperatorCodeT(
        deprecatedBuiltinCode=min(code, LARGEST_OLD_CODE),
        builtinCode=code,
        version=DEQUANTIZE_VERSION if kind == "DEQUANTIZE" else 1,
    )


def drop_buffers(model: Any) -> None:
    """Remove buffers that no tensor refers to, and number the rest anew."""
    owners = [*model.subgraphs[0].tensors, *(model.metadata or [])]
    used = sorted({NO_DATA} | {int(owner.buffer) for owner in owners})
    place = {old: new for new, old in enumerate(used)}
    model.buffers = [model.buffers[old] for old in used]
    for owner in owners:
        owner.buffer = place[int(owner.buffer)]
