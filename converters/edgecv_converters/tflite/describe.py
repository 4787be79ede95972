"""The description of a .tflite file, read from its flatbuffer: inputs, outputs, operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from edgecv_runtime.schema import QuantParams, TensorIO

from edgecv_converters.graph.frozen import Endpoint

IDENTIFIER = b"TFL3"  # bytes 4 to 8 of every file
INTEGERS = frozenset({"int8", "uint8", "int16"})
AS_THEY_ARE = QuantParams(scale=1.0, zero_point=0)  # of integers that stand for themselves, such as a picture's bytes


def describe(
    data: bytes, inputs: Sequence[Endpoint], outputs: Sequence[Endpoint]
) -> tuple[tuple[TensorIO, ...], tuple[TensorIO, ...], dict[str, int]]:
    """The file's inputs and outputs in the source's order and under its names, and a count of its operators."""
    model = parsed(data)
    graph = model.subgraphs[0]
    taken = _pair(graph, list(graph.inputs), inputs)
    given = _pair(graph, list(graph.outputs), outputs)
    return taken, given, operators(model)


def input_names(data: bytes) -> list[str]:
    """The names of the file's input tensors, in its order."""
    graph = parsed(data).subgraphs[0]
    return [graph.tensors[number].name.decode() for number in graph.inputs]


def output_names(data: bytes) -> list[str]:
    """The names of the file's output tensors, in its order."""
    graph = parsed(data).subgraphs[0]
    return [graph.tensors[number].name.decode() for number in graph.outputs]


def load(data: bytes) -> Any:
    """The flatbuffer as the schema's own object tree, which may be changed."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(data, 0)


@lru_cache(maxsize=4)
def parsed(data: bytes) -> Any:
    """The object tree of a file, for reading only: whoever reads the same file gets the same one."""
    return load(data)


@cache
def _names(enumeration: str) -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {value: name for name, value in vars(getattr(schema, enumeration)).items() if not name.startswith("_")}


def operators(model: Any) -> dict[str, int]:
    """Count each operator, custom ones by their own names."""
    names = [builtin_name(model, operator) for graph in model.subgraphs for operator in graph.operators]
    return dict(sorted(Counter(names).items()))


def builtin_name(model: Any, operator: Any) -> str:
    """An operator's name in TFLite's schema; a custom one's own name."""
    code = model.operatorCodes[operator.opcodeIndex]
    if code.customCode is not None:
        return str(code.customCode.decode())
    return _names("BuiltinOperator")[max(code.builtinCode, code.deprecatedBuiltinCode)]


def dtype_of(tensor: Any) -> str:
    """A tensor's dtype by NumPy's name."""
    return _names("TensorType")[tensor.type].lower()


def _pair(graph: Any, numbers: list[int], endpoints: Sequence[Endpoint]) -> tuple[TensorIO, ...]:
    by_name = {graph.tensors[number].name.decode(): number for number in numbers}
    ordered = zip(endpoints, numbers, strict=True)
    chosen = [by_name.get(endpoint.node, number) for endpoint, number in ordered]
    if len(set(chosen)) != len(numbers):
        chosen = numbers
    return tuple(_io(graph.tensors[n], endpoint) for n, endpoint in zip(chosen, endpoints, strict=True))


def _io(tensor: Any, endpoint: Endpoint) -> TensorIO:
    dtype = dtype_of(tensor)
    quantization = AS_THEY_ARE if dtype in INTEGERS else None
    if dtype in INTEGERS and tensor.quantization is not None and tensor.quantization.scale is not None:
        scale, zero = float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])
        quantization = QuantParams(scale=scale, zero_point=zero)
    shape = tuple(int(size) for size in tensor.shape) if tensor.shape is not None else ()
    return TensorIO(
        name=endpoint.name,
        tensor=tensor.name.decode(),
        shape=shape,
        dtype=dtype,
        layout="NHWC" if len(shape) == 4 else "none",
        quantization=quantization,
    )
