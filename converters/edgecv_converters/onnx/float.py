"""The float32 ONNX target, from the one frozen graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.onnx.canonical import canonical, check, name_endpoints
from edgecv_converters.onnx.reader import call_tf2onnx, foreign, unsupported

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17


def to_onnx(frozen: FrozenGraph, *, opset: int = OPSET) -> ModelProto:
    """Convert to a float32 ONNX model with the source's input and output names, shapes and NHWC layout.

    Args:
        frozen: The graph, in its canonical form for ONNX.
        opset: The ONNX operator set to write; 17 runs on ONNX Runtime 1.12 and later.

    Returns:
        A checked model; the same graph gives the same bytes.

    Raises:
        ConversionError: An op has no ONNX form (named, with its layer), or the result is not a valid model.
    """
    from tf2onnx import convert

    model = call_tf2onnx(
        lambda: convert.from_graph_def(
            frozen.proto(),
            name="edgecv",
            input_names=[end.tensor for end in frozen.inputs],
            output_names=[end.tensor for end in frozen.outputs],
            opset=opset,
        )
    )
    left = foreign(model)
    if left:
        raise unsupported(left)
    name_endpoints(model, frozen.inputs, frozen.outputs)
    canonical(model, opset=opset)
    check(model)
    return model
