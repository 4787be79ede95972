"""The float32 ONNX target, from the one frozen graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.weights import WeightFile, give_folded, hide, show
from edgecv_converters.onnx.canonical import canonical, check, name_endpoints
from edgecv_converters.onnx.large import MOST_BYTES, large_in, take_large, whole_size
from edgecv_converters.onnx.reader import call_tf2onnx, foreign, unsupported

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17


def to_onnx(
    frozen: FrozenGraph, *, opset: int = OPSET, file: WeightFile | None = None, most: int = MOST_BYTES
) -> ModelProto:
    """Convert to a float32 ONNX model with the source's input and output names, shapes and NHWC layout.

    Args:
        frozen: The graph, in its canonical form for ONNX.
        opset: The ONNX operator set to write; 17 runs on ONNX Runtime 1.12 and later.
        file: Where large tensors lie meanwhile, and stay if the model is too large to hold them; without it, it does.
        most: The bytes of a model that holds its tensors.

    Returns:
        A checked model; the same graph gives the same bytes.

    Raises:
        ConversionError: An op has no ONNX form (named, with its layer), or the result is not valid.
    """
    meanwhile = file or WeightFile()
    with large_in(meanwhile):
        model = call_tf2onnx(lambda: _converted(frozen, opset))
        left = foreign(model)
        if left:
            raise unsupported(left)
        name_endpoints(model, frozen.inputs, frozen.outputs)
        canonical(model, opset=opset)
    if file is None or whole_size(model) <= most:
        take_large(model)
    check(model)
    return model


def _converted(frozen: FrozenGraph, opset: int) -> tuple[ModelProto, None]:
    """Do what tf2onnx's `from_graph_def` does, with large weights in their file.

    They are hidden from the optimizer, which would compute with their zeros, and which copies a graph several times.
    """
    import tensorflow as tf
    from tf2onnx import convert, tf_loader

    inputs, outputs = [end.tensor for end in frozen.inputs], [end.tensor for end in frozen.outputs]
    proto = frozen.light()
    give_folded(proto)
    hidden = hide(proto)
    with tf.device("/cpu:0"), tf.Graph().as_default():
        tf.import_graph_def(proto, name="")
        proto = tf_loader.tf_optimize(inputs, outputs, proto)
    show(proto, hidden)
    made, _ = convert._convert_common(  # noqa: SLF001 - the public door optimizes again
        proto, name="edgecv", continue_on_error=True, opset=opset, input_names=inputs, output_names=outputs
    )
    return made, None
