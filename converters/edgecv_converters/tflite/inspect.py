"""Look into a .tflite file by its flatbuffer schema."""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path
from typing import Any, Final

from edgecv_runtime.errors import BundleError, MissingDependencyError
from edgecv_runtime.files import MIB, read_regular
from edgecv_runtime.formats import TFLITE
from edgecv_runtime.schema import QuantParams

from edgecv_converters.inspection import ArtifactInspection, PortRow, share
from edgecv_converters.tflite.describe import dtype_of, load, operators

MOST: Final = 2048 * MIB  # bytes of a flatbuffer, which can have no more
_CONVERTING: Final = frozenset({"QUANTIZE", "DEQUANTIZE"})
_FLOATS: Final = frozenset({"float16", "bfloat16", "float32", "float64"})
_DAMAGED: Final = (
    struct.error,
    IndexError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
    MemoryError,
)


def inspect_tflite(path: Path) -> ArtifactInspection:
    """Operators, tensors and quantized shares of a TFLite file.

    Raises:
        BundleError: The file is damaged.
        MissingDependencyError: ai-edge-litert, which brings the schema, is not installed.
    """
    try:
        return _describe(path, load(read_regular(path, MOST)))
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "looking into a .tflite file needs ai-edge-litert", 'pip install "edgecv[litert]"'
        ) from error
    except OSError as error:
        raise BundleError(f"{path.name} cannot be read: {error.strerror}") from error
    except _DAMAGED as error:
        raise BundleError(f"{path.name} is a damaged TFLite file", "Convert the model again") from error


def _describe(path: Path, model: Any) -> ArtifactInspection:
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    weights = _weights(model, tensors)
    scaled = sum(size for tensor, size in weights if _is_quantized(tensor))
    plain = sum(size for tensor, size in weights if dtype_of(tensor) in _FLOATS)
    computing = _computing(model)
    by_dtype: Counter[str] = Counter()
    for tensor, size in weights:
        by_dtype[dtype_of(tensor)] += size
    main = model.subgraphs[0]
    return ArtifactInspection(
        file=path.name,
        bytes=path.stat().st_size,
        target=TFLITE.name,
        format=f"TFLite schema {model.version}",
        inputs=tuple(_port(main.tensors[number]) for number in main.inputs),
        outputs=tuple(_port(main.tensors[number]) for number in main.outputs),
        ops=operators(model),
        tensors=dict(Counter(dtype_of(tensor) for tensor in tensors).most_common()),
        weight_bytes=dict(by_dtype.most_common()),
        quantized_ops=share(sum(computing), len(computing)),
        quantized_weights=share(scaled, scaled + plain),
    )


def _weights(model: Any, tensors: list[Any]) -> list[tuple[Any, int]]:
    """Constant tensors with their bytes; a buffer that tensors share is counted once."""
    unique = {tensor.buffer: tensor for tensor in reversed(tensors)}
    found = []
    for number, tensor in unique.items():
        data = model.buffers[number].data
        if data is not None and len(data):
            found.append((tensor, len(data)))
    return found


def _is_quantized(tensor: Any) -> bool:
    scales = None if tensor.quantization is None else tensor.quantization.scale
    return scales is not None and len(scales) > 0 and dtype_of(tensor) not in _FLOATS


def _computing(model: Any) -> list[bool]:
    """For each operator that does more than convert, whether it gives quantized integers."""
    from ai_edge_litert import schema_py_generated as schema

    converting = {getattr(schema.BuiltinOperator, name) for name in _CONVERTING}
    answers = []
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            if max(code.builtinCode, code.deprecatedBuiltinCode) not in converting:
                answers.append(all(_is_quantized(graph.tensors[number]) for number in operator.outputs))
    return answers


def _port(tensor: Any) -> PortRow:
    quantization = None
    if _is_quantized(tensor):
        detail = tensor.quantization
        quantization = QuantParams(scale=float(detail.scale[0]), zero_point=int(detail.zeroPoint[0]))
    sizes = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    shape = () if sizes is None else tuple(int(size) for size in sizes)
    return PortRow(name=tensor.name.decode(), shape=shape, dtype=dtype_of(tensor), quantization=quantization)
