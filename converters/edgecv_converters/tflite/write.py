"""Writes a .tflite file whose object tree was changed."""

from __future__ import annotations

from typing import Any

from edgecv_converters.tflite.describe import IDENTIFIER

NO_DATA = 0  # the buffer of a tensor that is computed
LARGEST_OLD_CODE = 127  # builtin codes above it have a field of their own
DEQUANTIZE_VERSION = 2  # the first that reads int8


def packed(model: Any, size: int = 1024) -> bytes:
    """The file of an object tree; `size` is a guess of how large it becomes."""
    import flatbuffers

    builder = flatbuffers.Builder(size)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


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
