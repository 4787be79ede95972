"""Activations from int8 to uint8 (value and zero point + 128): the form that x86 has fast kernels for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from edgecv_converters.onnx.edit import DEQUANTIZE, QUANTIZE, Index, OnnxPass, add_constant, fresh, tidy

WEIGHTED = {"Conv": 1, "ConvTranspose": 1, "MatMul": 1, "Gemm": 1}
SHIFT = 128


def apply(model: Any) -> Any:
    """Shift every int8 tensor but the weights; the real numbers that it stands for stay the same.

    The dtypes of the graph's own inputs and outputs stay as they are: a pair DequantizeLinear, QuantizeLinear at the
    boundary carries int8 to uint8, exactly.
    """
    graph = model.graph
    _guard_inputs(graph)
    _guard_outputs(graph)
    index = Index.of(graph)
    weights = {tensor.name for tensor in graph.initializer if _is_weight(index, tensor.name)}
    bounds = {value.name for value in (*graph.input, *graph.output)}
    zeros: dict[str, str] = {}
    for node in list(graph.node):
        if node.op_type not in {QUANTIZE, DEQUANTIZE} or not _int8_zero(index, node):
            continue
        data = node.input[0] if node.op_type == DEQUANTIZE else node.output[0]
        if data not in weights and data not in bounds:
            node.input[2] = _shifted(graph, index, node.input[2], zeros)
    for tensor in list(graph.initializer):
        if tensor.name not in weights and tensor.data_type == tensor.INT8 and _is_data(index, tensor.name):
            _apart_from_zero_points(graph, tensor)
            _replace(tensor, index.value(tensor.name))
    tidy(graph)
    return model


def _int8_zero(index: Index, node: Any) -> bool:
    _, zero = index.quantization(node)
    return bool(zero.dtype == np.int8)


def _is_data(index: Index, name: str) -> bool:
    """Tell whether an initializer is a value, and not the zero point of one."""
    return any(
        not (node.op_type in {QUANTIZE, DEQUANTIZE} and position == 2)
        for node, position in index.consumers.get(name, [])
    )


def _is_weight(index: Index, name: str) -> bool:
    """Tell whether an initializer is dequantized only to be the weight of a convolution or a product."""
    if index.constants[name].data_type != index.constants[name].INT8:
        return False
    ends = list(_ends(index, name))
    return bool(ends) and all(WEIGHTED.get(node.op_type) == position for node, position in ends)


def _ends(index: Index, name: str) -> Iterable[tuple[Any, int]]:
    for node, position in index.consumers.get(name, []):
        if position == 0 and node.op_type in {DEQUANTIZE, "Transpose", "Reshape"}:
            yield from _ends(index, node.output[0])
        else:
            yield node, position


def _apart_from_zero_points(graph: Any, tensor: Any) -> None:
    """Give the zero points of the graph's own int8 inputs and outputs a copy, where equal constants are one tensor."""
    readers = [node for node in graph.node if node.op_type in {QUANTIZE, DEQUANTIZE} and node.input[2] == tensor.name]
    if readers:
        kept = graph.initializer.add()
        kept.CopyFrom(tensor)
        kept.name = fresh(graph, f"{tensor.name}_zero_point")
        for node in readers:
            node.input[2] = kept.name


def _shifted(graph: Any, index: Index, zero: str, made: dict[str, str]) -> str:
    if zero not in made:
        value = index.value(zero)
        assert value is not None
        made[zero] = add_constant(graph, f"{zero}_uint8", _shift(value))
    return made[zero]


def _shift(value: np.ndarray) -> np.ndarray:
    return np.asarray((value.astype(np.int16) + SHIFT).astype(np.uint8))


def _replace(tensor: Any, value: np.ndarray | None) -> None:
    from onnx import numpy_helper

    assert value is not None
    tensor.CopyFrom(numpy_helper.from_array(_shift(value), tensor.name))


def _guard_inputs(graph: Any) -> None:
    """Put Dequantize, Quantize after every int8 input, so that only the boundary stays int8."""
    for value in graph.input:
        if value.type.tensor_type.elem_type != _int8():
            continue
        index = Index.of(graph)
        reader = next((n for n in index.readers(value.name) if n.op_type == DEQUANTIZE), None)
        parameters = list(reader.input[1:]) if reader is not None else _found(index, value.name)
        inner = _pair(graph, value.name, f"{value.name}_inner", parameters)
        for node, position in index.consumers[value.name]:
            node.input[position] = inner


def _guard_outputs(graph: Any) -> None:
    for value in graph.output:
        if value.type.tensor_type.elem_type != _int8():
            continue
        index = Index.of(graph)
        maker = index.producers[value.name]
        parameters = list(maker.input[1:]) if maker.op_type == QUANTIZE else _found(index, value.name)
        inner = f"{value.name}_inner"
        for node, position in index.consumers.get(value.name, []):
            node.input[position] = inner
        maker.output[list(maker.output).index(value.name)] = inner
        _pair(graph, inner, value.name, parameters)


def _pair(graph: Any, source: str, result: str, parameters: list[str]) -> str:
    from onnx import helper

    middle = fresh(graph, f"{result}_real")
    graph.node.append(helper.make_node(DEQUANTIZE, [source, *parameters], [middle], name=middle))
    name = fresh(graph, f"{result}_quantize")
    graph.node.append(helper.make_node(QUANTIZE, [middle, *parameters], [result], name=name))
    return result


def _found(index: Index, name: str) -> list[str]:
    """Quantization parameters of a tensor that is only moved about between here and its Q or DQ."""
    seen, waiting = {name}, [name]
    while waiting:
        current = waiting.pop()
        maker = index.producers.get(current)
        near = [*index.readers(current), *([maker] if maker is not None else [])]
        for node in near:
            if node.op_type in {QUANTIZE, DEQUANTIZE}:
                return list(node.input[1:])
            fresh_names = [other for other in (node.input[0], node.output[0]) if other not in seen]
            seen.update(fresh_names)
            waiting.extend(fresh_names)
    raise ValueError(f"no quantization parameters for {name}")


def _int8() -> int:
    from onnx import TensorProto

    return int(TensorProto.INT8)


UINT8 = OnnxPass("uint8", apply)
