"""The float16 ONNX target: float16 weights and arithmetic, float32 inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from edgecv_runtime.errors import ConversionError
from edgecv_runtime.ort import onnxruntime

from edgecv_converters.graph.weights import WeightFile
from edgecv_converters.onnx.canonical import canonical, check
from edgecv_converters.onnx.large import kept_in, large_of

if TYPE_CHECKING:
    from onnx import ModelProto

_AT_ONCE = 1 << 20
LARGEST = float(np.finfo(np.float16).max)


def to_float16(model: ModelProto, file: WeightFile | None = None) -> ModelProto:
    """Convert a float32 model to float16 inside; its inputs and outputs stay float32.

    Large tensors that lie in `file` stay there.

    Uses `onnxruntime.transformers.float16`, which clamps to float16's range without a word: values outside are refused
    here first.

    Raises:
        ConversionError: A constant is beyond float16's range (+-65504), or the result is not a valid model.
    """
    onnxruntime()
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with kept_in(file, model):
        for name, tensor in _constants(model):
            _refuse_large(name, tensor)
        copy = type(model)()
        copy.CopyFrom(model)
        half = convert_float_to_float16(copy, keep_io_types=True)
        _halve_large(model, half)
    opset = next(entry.version for entry in model.opset_import if entry.domain == "")
    canonical(half, opset=opset)
    check(half)
    return half


def _halve_large(model: Any, half: Any) -> None:
    """Write the values of the large tensors that became float16, which the converter leaves as they are."""
    from onnx import numpy_helper
    from onnxruntime.transformers.float16 import convert_np_to_float16

    before = {tensor.name: tensor for tensor in large_of(model)}
    for tensor in large_of(half):
        if tensor.data_type == before[tensor.name].data_type:
            continue
        values = numpy_helper.to_array(before[tensor.name])
        halves = np.empty(values.shape, np.float16)
        for start in range(0, values.size, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            halves.reshape(-1)[part] = convert_np_to_float16(values.reshape(-1)[part])
        tensor.CopyFrom(numpy_helper.from_array(halves, tensor.name))


def _constants(model: Any) -> list[tuple[str, Any]]:
    held = [(tensor.name, tensor) for tensor in model.graph.initializer]
    for node in model.graph.node:
        held.extend((node.name, attribute.t) for attribute in node.attribute if attribute.HasField("t"))
    return held


def _refuse_large(name: str, tensor: Any) -> None:
    from onnx import numpy_helper

    if tensor.data_type != tensor.FLOAT:
        return
    values = numpy_helper.to_array(tensor)
    largest = float(np.maximum(np.max(values, initial=0.0), -np.min(values, initial=0.0)))
    if not largest <= LARGEST:
        raise ConversionError(
            f"tensor {name!r} holds {largest:g}, beyond float16's largest number {LARGEST:g}",
            "Convert this model to float32 or int8, or scale its weights",
        )
