"""Float .tflite files of one operation, written by hand: for what the converter seldom or never writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


def one_op(
    kind: str, shapes: Sequence[Shape], result: Shape, constants: Sequence[Array] = (), options: str = ""
) -> bytes:
    """A file whose inputs have `shapes`, followed by constants, and whose only operation is `kind`.

    Args:
        kind: As in TFLite's BuiltinOperator.
        shapes: Of the inputs, float32.
        result: The output's.
        constants: Its further operands.
        options: The table of its options, all at their defaults: "" for none.
    """
    from ai_edge_litert import schema_py_generated as schema

    buffers = [schema.BufferT()]
    tensors = [_tensor(schema, f"input_{number}", shape, np.float32, 0) for number, shape in enumerate(shapes)]
    for number, constant in enumerate(constants):
        buffers.append(_new(schema.BufferT, data=np.frombuffer(constant.tobytes(), np.uint8)))
        tensors.append(_tensor(schema, f"constant_{number}", constant.shape, constant.dtype.type, len(buffers) - 1))
    tensors.append(_tensor(schema, f"model/layer/{kind.lower()}", result, np.float32, 0))
    code = getattr(schema.BuiltinOperator, kind)
    operator = _new(schema.OperatorT, opcodeIndex=0, inputs=list(range(len(tensors) - 1)), outputs=[len(tensors) - 1])
    if options:
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        operator.builtinOptions = getattr(schema, f"{options}T")()
    graph = _new(
        schema.SubGraphT,
        tensors=tensors,
        inputs=list(range(len(shapes))),
        outputs=[len(tensors) - 1],
        operators=[operator],
        name=b"main",
    )
    codes = [_new(schema.OperatorCodeT, builtinCode=code, deprecatedBuiltinCode=min(code, 127), version=1)]
    return packed(_new(schema.ModelT, version=3, operatorCodes=codes, subgraphs=[graph], buffers=buffers))


def packed(model: Any) -> bytes:
    """The file of a model in the schema's own object tree."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor(schema: Any, name: str, shape: Shape, dtype: Any, buffer: int) -> Any:
    kind = {np.float32: schema.TensorType.FLOAT32, np.int32: schema.TensorType.INT32}[dtype]
    return _new(schema.TensorT, name=name.encode(), shape=list(shape), type=kind, buffer=buffer)


def _new(kind: Any, **fields: Any) -> Any:
    made = kind()
    for name, value in fields.items():
        setattr(made, name, value)
    return made
