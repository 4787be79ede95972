"""The description of an ONNX file: its inputs, outputs and operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from edgecv_runtime.schema import QuantParams, TensorIO

from edgecv_converters.graph.frozen import Endpoint
from edgecv_converters.onnx.edit import Index
from edgecv_converters.tflite.describe import AS_THEY_ARE

_INTEGERS = frozenset({"int8", "uint8", "int16", "uint16"})


def describe(
    model: Any, inputs: Sequence[Endpoint], outputs: Sequence[Endpoint]
) -> tuple[tuple[TensorIO, ...], tuple[TensorIO, ...], dict[str, int]]:
    """The model's inputs and outputs in the source's order and under its names, and a count of its operators.

    Args:
        model: An `onnx.ModelProto` as this package writes it: endpoints in the source's order.
        inputs: The source's inputs.
        outputs: The source's outputs.
    """
    index = Index.of(model.graph)
    taken = tuple(_io(index, v, e) for v, e in zip(model.graph.input, inputs, strict=True))
    given = tuple(_io(index, v, e) for v, e in zip(model.graph.output, outputs, strict=True))
    return taken, given, operators(model)


def operators(model: Any) -> dict[str, int]:
    """Count each operator, sorted by name."""
    return dict(sorted(Counter(node.op_type for node in model.graph.node).items()))


def _io(index: Index, value: Any, endpoint: Endpoint) -> TensorIO:
    from onnx import helper

    kind = value.type.tensor_type
    shape = tuple(int(size.dim_value) for size in kind.shape.dim)
    dtype = str(helper.tensor_dtype_to_np_dtype(kind.elem_type))
    return TensorIO(
        name=endpoint.name,
        tensor=value.name,
        shape=shape,
        dtype=dtype,
        layout="NHWC" if len(shape) == 4 else "none",
        quantization=(_boundary(index, value.name) or AS_THEY_ARE) if dtype in _INTEGERS else None,
    )


def _boundary(index: Index, name: str) -> QuantParams | None:
    """The parameters by which an input's integers are read, or an output's are made."""
    node = index.dequantize_ahead(name) or index.quantize_behind(name)
    if node is None:
        return None
    scale, zero = index.quantization(node)
    return QuantParams(scale=float(scale), zero_point=int(zero))
