"""Look into a Core ML package by its protobuf: works on every system."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from edgecv_runtime.errors import BundleError, MissingDependencyError
from edgecv_runtime.formats import COREML

from edgecv_converters.inspection import ArtifactInspection, PortRow, sane, share, size_of
from edgecv_converters.mil.program import DAMAGED, read_model
from edgecv_converters.mil.proto import data_type

_BITS: Final = {"float64": 64, "float32": 32, "float16": 16, "int32": 32, "int16": 16, "uint16": 16}
_NARROW_BITS: Final = {"int8": 8, "uint8": 8, "int4": 4, "uint4": 4, "uint6": 6, "uint3": 3, "uint2": 2, "uint1": 1}
_CONVERTING: Final = frozenset({"const", "cast", "quantize", "dequantize"})


def inspect_coreml(path: Path) -> ArtifactInspection:
    """Operators, constants and quantized shares of an .mlpackage (or .mlmodel).

    Raises:
        BundleError: The package is damaged.
        MissingDependencyError: coremltools is not installed.
    """
    try:
        spec, _ = read_model(path)
        return _describe(path, spec)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "looking into a Core ML model needs coremltools", 'pip install "edgecv[convert]"'
        ) from error
    except BundleError as error:
        raise BundleError(
            f"{path.name} is a damaged Core ML model: {error.message}", "Convert the model again"
        ) from error
    except (*DAMAGED, OSError) as error:
        raise BundleError(f"{path.name} is a damaged Core ML model", "Convert the model again") from error


def _describe(path: Path, spec: Any) -> ArtifactInspection:
    operations = list(_operations(spec))
    ops = Counter(operation.type for operation in operations if operation.type != "const")
    weights = [weight for operation in operations for weight in _weights(operation)]
    by_dtype: Counter[str] = Counter()
    for dtype, size in weights:
        by_dtype[dtype] += size
    narrow = sum(size for dtype, size in weights if dtype in _NARROW_BITS)
    plain = sum(size for dtype, size in weights if dtype.startswith("float"))
    return ArtifactInspection(
        file=path.name,
        bytes=size_of(path),
        target=COREML.name,
        format=f"Core ML specification {spec.specificationVersion}, {spec.WhichOneof('Type')}",
        inputs=tuple(_port(feature) for feature in spec.description.input),
        outputs=tuple(_port(feature) for feature in spec.description.output),
        ops=dict(sorted(ops.items())),
        tensors=dict(Counter(dtype for dtype, _ in weights).most_common()),
        weight_bytes=dict(by_dtype.most_common()),
        quantized_ops=_quantized_ops(operations),
        quantized_weights=share(narrow, narrow + plain),
    )


def _operations(spec: Any) -> Iterator[Any]:
    for function in spec.mlProgram.functions.values():
        for block in function.block_specializations.values():
            yield from _in_block(block)


def _in_block(block: Any) -> Iterator[Any]:
    for operation in block.operations:
        yield operation
        for inner in operation.blocks:
            yield from _in_block(inner)


def _weights(operation: Any) -> Iterator[tuple[str, int]]:
    """Dtype and bytes of each constant that lies in the package's weight file."""
    values = [*operation.attributes.values()]
    values += [part.value for argument in operation.inputs.values() for part in argument.arguments]
    for value in values:
        if value.WhichOneof("value") == "blobFileValue":
            kind = value.type.tensorType
            dtype = _dtype(kind.dataType)
            count = math.prod(size.constant.size for size in kind.dimensions)
            yield dtype, (sane(count) * (_BITS | _NARROW_BITS).get(dtype, 8) + 7) // 8


def _dtype(number: int) -> str:
    return str(data_type().Name(number)).lower()


def _quantized_ops(operations: list[Any]) -> float | None:
    """The share of operators between dequantize and quantize: integer where the chip can."""
    made = {out.name: operation.type for operation in operations for out in operation.outputs}
    computing = [op for op in operations if op.type not in _CONVERTING and not op.type.startswith("constexpr")]
    fused = [op for op in computing if made.get(_data_input(op)) == "dequantize"]
    return share(len(fused), len(computing))


def _data_input(operation: Any) -> str:
    arguments = operation.inputs["x"].arguments if "x" in operation.inputs else ()
    return str(arguments[0].name) if arguments else ""


def _port(feature: Any) -> PortRow:
    kind = feature.type.WhichOneof("Type")
    if kind == "imageType":
        image = feature.type.imageType
        return PortRow(name=feature.name, shape=(image.height, image.width), dtype="image")
    array = feature.type.multiArrayType
    dtype = array.ArrayDataType.Name(array.dataType).lower() if kind == "multiArrayType" else str(kind)
    return PortRow(name=feature.name, shape=tuple(array.shape), dtype=dtype)
