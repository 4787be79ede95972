"""Resizing by kernels that converters lack, as two matrix products: of the rows, and of the columns.

What such a resize does to one axis is a matrix; TensorFlow's own operation, applied to the unit vectors, gives it.
tf2onnx writes a bicubic Resize whose weights are others than TensorFlow's (63 dB), the other converters know none.
Needed by: `Resizing` with interpolation="bicubic", and with antialias=True.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_converters.graph.edit import add_reshape, constant, make_reshape, tensor_name, tensor_shapes
from edgecv_converters.graph.evaluate import constant_value

_ATTRIBUTES: Final = {
    "ResizeBicubic": ("align_corners", "half_pixel_centers"),
    "ResizeArea": ("align_corners",),
    "ScaleAndTranslate": ("kernel_type", "antialias"),
}
Array = npt.NDArray[Any]


def rewrite(proto: Any) -> None:
    """Replace every such resize of one picture by two BatchMatMulV2, in place."""
    resizes = [node for node in proto.node if node.op in _ATTRIBUTES]
    names = [tensor_name(name) for node in resizes for name in (node.input[0], node.name)]
    shapes = tensor_shapes(proto, names) if names else []
    for node, (before, kind), (after, _) in zip(resizes, shapes[::2], shapes[1::2], strict=True):
        if before is None or after is None or None in (*before, *after) or before[0] != 1 or kind != "float32":
            continue
        arguments = [constant_value(proto, name) for name in node.input[1:]]
        if not any(argument is None for argument in arguments):
            _replace(proto, node, arguments, [int(size or 0) for size in before], [int(size or 0) for size in after])


def _replace(proto: Any, node: Any, arguments: list[Any], before: list[int], after: list[int]) -> None:
    (_, height, width, channels), (_, rows, columns, _) = before, after
    kind = node.attr["T"].type
    lines = add_reshape(proto, f"{node.name}/lines", node.input[0], [1, height, width * channels], kind)
    down = _product(proto, f"{node.name}/rows", _matrix(node, arguments, 0, height), lines, kind)
    pictures = add_reshape(proto, f"{node.name}/columns/lines", down, [rows, width, channels], kind)
    across = _product(proto, f"{node.name}/columns", _matrix(node, arguments, 1, width), pictures, kind)
    make_reshape(proto, node, across, [1, rows, columns, channels])


def _matrix(node: Any, arguments: list[Any], axis: int, size: int) -> Array:
    """The matrix (1, after, before) of a resize along one axis."""
    import tensorflow as tf

    units = np.eye(size, dtype=np.float32).reshape(1, size, 1, size)
    names = ("size", "scale", "translation")
    others = ((1, np.int32), (1, np.float32), (0, np.float32))  # what leaves the other axis as it is
    given = {
        name: np.array([argument[axis], other], dtype)
        for name, argument, (other, dtype) in zip(names, arguments, others, strict=False)
    }
    options = {key: _plain(node.attr[key]) for key in _ATTRIBUTES[node.op]}
    with tf.device("/CPU:0"):
        found = getattr(tf.raw_ops, node.op)(images=units, **given, **options)
    return np.asarray(found)[:, :, 0, :]


def _plain(value: Any) -> Any:
    return value.s if value.WhichOneof("value") == "s" else value.b


def _product(proto: Any, name: str, matrix: Array, values: str, kind: int) -> str:
    node = proto.node.add(name=name, op="BatchMatMulV2", input=[constant(proto, f"{name}/matrix", matrix), values])
    node.attr["T"].type = kind
    return name
