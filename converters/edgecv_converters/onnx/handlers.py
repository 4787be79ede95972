"""TensorFlow operations that tf2onnx writes down wrongly."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from edgecv_converters.graph.weights import tensor_values

_FROM_OPSET: Final = 13  # later than any of tf2onnx's own handlers of these operations
_RESIZES: Final = ("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic")
_TRANSPOSED: Final = ("Conv2DBackpropInput", "Conv3DBackpropInputV2")


def register() -> None:
    """Make tf2onnx use the handlers of this module. Calling it again changes nothing."""
    from tf2onnx import constants, tf_utils
    from tf2onnx.handler import tf_op

    for names, handler in ((_RESIZES, _resize), (_TRANSPOSED, _transposed_convolution)):
        tf_op.register_handler(handler, _FROM_OPSET, list(names), constants.ONNX_DOMAIN, {})
    tf_utils.get_tf_tensor_data = tensor_values  # large weights are in a file


def _resize(context: Any, node: Any, **more: Any) -> None:
    """Write the result's sizes where tf2onnx writes scales that are no whole numbers.

    ONNX rounds size times scale down, and 36 times the float32 that is nearest to 47 / 36 can be below 47.
    """
    from tf2onnx.onnx_opset.nn import Resize

    result, before, after = node.output[0], context.get_shape(node.input[0]), context.get_shape(node.output[0])
    Resize.version_11(context, node, **more)
    if None in (before, after) or -1 in (*before, *after) or after[1] % before[1] == 0 == after[2] % before[2]:
        return
    resize = context.get_node_by_output(result).inputs[0]
    sizes = context.make_const(f"{resize.name}_sizes", np.array([after[0], after[3], *after[1:3]], np.int64))
    context.replace_inputs(resize, [resize.input[0], "", "", sizes.output[0]])


def _transposed_convolution(context: Any, node: Any, **more: Any) -> None:
    """Write what the result has beyond the last place that a kernel reaches as output padding, not as negative padding.

    It is filled with zeros (and the bias): where the kernel is smaller than the stride, or the layer asks for it.
    """
    from tf2onnx.onnx_opset.nn import ConvTranspose

    result = node.output[0]
    ConvTranspose.version_11(context, node, **more)
    made = context.get_node_by_output(result)
    while made.type != "ConvTranspose":
        made = made.inputs[0]
    pads = made.get_attr_value("pads")
    if not pads or min(pads) >= 0:
        return
    axes = len(pads) // 2
    totals = [pads[axis] + pads[axis + axes] for axis in range(axes)]
    begins = [max(total, 0) // 2 for total in totals]
    made.set_attr("pads", [*begins, *(max(total, 0) - begin for total, begin in zip(totals, begins, strict=True))])
    made.set_attr("output_padding", [max(-total, 0) for total in totals])
