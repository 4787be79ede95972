"""Look into an .onnx file."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from edgecv_runtime.errors import BundleError, MissingDependencyError
from edgecv_runtime.files import MIB, read_regular
from edgecv_runtime.formats import ONNX
from edgecv_runtime.schema import DATA_SUFFIX, QuantParams

from edgecv_converters.inspection import ArtifactInspection, PortRow, sane, share
from edgecv_converters.onnx.edit import Index

MOST: Final = 2048 * MIB  # bytes of a protobuf, which can have no more
_DAMAGED: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, MemoryError, RecursionError)
_CONVERTING: Final = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})
_INTEGER_OPS: Final = ("QLinear", "ConvInteger", "MatMulInteger", "QAttention", "QGemm")
_FLOATS: Final = frozenset({"FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE"})
_NARROW: Final = frozenset({"INT8", "UINT8", "INT4", "UINT4", "INT16", "UINT16"})


def inspect_onnx(path: Path) -> ArtifactInspection:
    """Operators, constants and quantized shares of an ONNX file.

    Raises:
        BundleError: The file is damaged, or no ONNX model.
        MissingDependencyError: onnx is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "looking into an .onnx file needs onnx", 'pip install "edgecv[convert]"'
        ) from error
    try:
        model = onnx.load_model_from_string(read_regular(path, MOST))
        if not model.ir_version or not model.graph.output:
            raise BundleError(f"{path.name} is no ONNX model: it has no graph", "Convert the model again")
        return _describe(path, model)
    except OSError as error:
        raise BundleError(f"{path.name} cannot be read: {error.strerror}") from error
    except (DecodeError, *_DAMAGED) as error:
        raise BundleError(f"{path.name} is no ONNX model, or a damaged one", "Convert the model again") from error


def _describe(path: Path, model: Any) -> ArtifactInspection:
    graph = model.graph
    _check_names(model)
    opsets = ", ".join(f"{item.domain or 'opset'} {item.version}" for item in model.opset_import)
    settings = {name for node in graph.node if node.op_type in _CONVERTING for name in node.input[1:]}
    weights = [tensor for tensor in graph.initializer if tensor.name not in settings]
    computing = _computing(graph)
    biases = {node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    narrow = sum(_bytes(tensor) for tensor in weights if _dtype(tensor.data_type) in _NARROW or tensor.name in biases)
    plain = sum(_bytes(tensor) for tensor in weights if _dtype(tensor.data_type) in _FLOATS)
    by_dtype: Counter[str] = Counter()
    for tensor in weights:
        by_dtype[_numpy_name(tensor.data_type)] += _bytes(tensor)
    return ArtifactInspection(
        file=path.name,
        bytes=path.stat().st_size + _second_bytes(path, graph),
        target=ONNX.name,
        format=f"ONNX IR {model.ir_version}, {opsets}",
        inputs=tuple(_port(graph, value) for value in _true_inputs(graph)),
        outputs=tuple(_port(graph, value) for value in graph.output),
        ops=dict(sorted(Counter(node.op_type for node in graph.node).items())),
        tensors=dict(Counter(_numpy_name(tensor.data_type) for tensor in weights).most_common()),
        weight_bytes=dict(by_dtype.most_common()),
        quantized_ops=share(sum(computing), len(computing)),
        quantized_weights=share(narrow, narrow + plain),
    )


def _check_names(model: Any) -> None:
    """Refuse names that are not UTF-8, which protobuf gives as bytes.

    Raises:
        ValueError: There is one.
    """
    graph = model.graph
    names = [item.domain for item in model.opset_import]
    names += [item.name for item in (*graph.input, *graph.output, *graph.initializer)]
    for node in graph.node:
        names += (node.name, node.op_type, *node.input, *node.output)
    if not all(isinstance(name, str) for name in names):
        raise ValueError("a name is not UTF-8")


def _true_inputs(graph: Any) -> list[Any]:
    constants = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in constants]


def _dtype(number: int) -> str:
    from onnx import TensorProto

    return str(TensorProto.DataType.Name(number))


def _numpy_name(number: int) -> str:
    return {"FLOAT": "float32", "DOUBLE": "float64"}.get(_dtype(number), _dtype(number).lower())


def _bytes(tensor: Any) -> int:
    from onnx import helper

    name = _dtype(tensor.data_type)
    count = sane(math.prod(map(sane, tensor.dims)))
    if name in {"INT4", "UINT4"}:
        return (count + 1) // 2
    width: int = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    return count * width


def _second_bytes(path: Path, graph: Any) -> int:
    """The size of the second file, where constants of the graph lie in it."""
    second = path.with_name(f"{path.name}{DATA_SUFFIX}")
    named = {entry.value for tensor in graph.initializer for entry in tensor.external_data if entry.key == "location"}
    return second.stat().st_size if second.name in named and second.is_file() else 0


def _computing(graph: Any) -> list[bool]:
    """For each operator that does more than convert, whether a runtime can fuse it into integer arithmetic.

    That is an integer operator, one that moves integers (MaxPool, Concat, Transpose between a QuantizeLinear and a
    DequantizeLinear), or one that reads only DequantizeLinear outputs or feeds only QuantizeLinear.
    """
    made = {name: node.op_type for node in graph.node for name in node.output}
    constants = {tensor.name for tensor in graph.initializer}
    readers: dict[str, list[str]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node.op_type)
    integers = {name for node in graph.node if node.op_type == "QuantizeLinear" for name in node.output}
    integers |= {value.name for value in graph.input if _dtype(value.type.tensor_type.elem_type) in _NARROW}
    answers = []
    for node in graph.node:
        if node.op_type in _CONVERTING or node.op_type == "Constant":
            continue
        read = [name for name in node.input if name and name not in constants]
        if read and integers.issuperset(read):
            integers.update(node.output)
            answers.append(True)
            continue
        sources = [made.get(name, "") for name in read]
        sinks = [reader for name in node.output for reader in readers.get(name, [""])]
        fused = _all_are(sources, "DequantizeLinear") or _all_are(sinks, "QuantizeLinear")
        answers.append(fused or node.op_type.startswith(_INTEGER_OPS))
    return answers


def _all_are(names: Iterable[str], wanted: str) -> bool:
    found = list(names)
    return bool(found) and all(name == wanted for name in found)


def _port(graph: Any, value: Any) -> PortRow:
    kind = value.type.tensor_type
    shape = tuple(int(size.dim_value) if size.HasField("dim_value") else -1 for size in kind.shape.dim)
    dtype = _numpy_name(kind.elem_type)
    return PortRow(name=value.name, shape=shape, dtype=dtype, quantization=_quantization(graph, value.name, dtype))


def _quantization(graph: Any, name: str, dtype: str) -> QuantParams | None:
    """Scale and zero point of an integer input or output, from the node that converts its integers."""
    if dtype not in {"int8", "uint8", "int16", "uint16"}:
        return None
    index = Index.of(graph)
    node = index.dequantize_ahead(name) or index.quantize_behind(name)
    return None if node is None else _parameters(graph, node)


def _parameters(graph: Any, node: Any) -> QuantParams | None:
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in graph.initializer if not tensor.external_data}
    found = [numpy_helper.to_array(constants[name]).ravel() for name in node.input[1:] if name in constants]
    if not found or len(found[0]) != 1:
        return None
    return QuantParams(scale=float(found[0][0]), zero_point=int(found[1][0]) if len(found) > 1 else 0)
