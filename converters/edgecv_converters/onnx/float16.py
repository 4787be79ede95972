"""The float16 ONNX target: float16 weights and arithmetic, float32 inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from edgecv_runtime.errors import ConversionError
from edgecv_runtime.ort import onnxruntime

from edgecv_converters.onnx.canonical import canonical, check

if TYPE_CHECKING:
    from onnx import ModelProto

LARGEST = float(np.finfo(np.float16).max)


def to_float16(model: ModelProto) -> ModelProto:
    """Convert a float32 model to float16 inside; its inputs and outputs stay float32.

    Uses `onnxruntime.transformers.float16`, which clamps to float16's range without a word: values outside are refused
    here first.

    Raises:
        ConversionError: A constant is beyond float16's range (+-65504), or the result is not a valid model.
    """
    onnxruntime()
    from onnxruntime.transformers.float16 import convert_float_to_float16

    for name, tensor in _constants(model):
        _refuse_large(name, tensor)
    copy = type(model).FromString(model.SerializeToString())
    half = convert_float_to_float16(copy, keep_io_types=True)
    opset = next(entry.version for entry in model.opset_import if entry.domain == "")
    canonical(half, opset=opset)
    check(half)
    return half


def _constants(model: Any) -> list[tuple[str, Any]]:
    held = [(tensor.name, tensor) for tensor in model.graph.initializer]
    for node in model.graph.node:
        held.extend((node.name, attribute.t) for attribute in node.attribute if attribute.HasField("t"))
    return held


def _refuse_large(name: str, tensor: Any) -> None:
    from onnx import numpy_helper

    if tensor.data_type != tensor.FLOAT:
        return
    largest = float(np.max(np.abs(numpy_helper.to_array(tensor)), initial=0.0))
    if not largest <= LARGEST:
        raise ConversionError(
            f"tensor {name!r} holds {largest:g}, beyond float16's largest number {LARGEST:g}",
            "Convert this model to float32 or int8, or scale its weights",
        )
