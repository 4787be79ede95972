"""Nearest-neighbour resizing as a choice of rows and columns, where it is no whole multiple.

coremltools takes a reduction for a bilinear one, and leaves open which of two neighbours is the nearest one of the
others; which rows and columns TensorFlow reads is known.
Needed by: `Resizing` with interpolation="nearest" by a fraction, for Core ML.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_converters.graph.edit import constant, tensor_name, tensor_shapes
from edgecv_converters.graph.evaluate import constant_value


def rewrite(proto: Any) -> None:
    """Replace every ResizeNearestNeighbor that is no whole multiple by two GatherV2, in place."""
    resizes = [node for node in proto.node if node.op == "ResizeNearestNeighbor"]
    shapes = tensor_shapes(proto, [tensor_name(node.input[0]) for node in resizes]) if resizes else []
    for node, (shape, _) in zip(resizes, shapes, strict=True):
        wanted = constant_value(proto, node.input[1])
        if shape is None or wanted is None or shape[1] is None or shape[2] is None:
            continue
        corners, centres = (node.attr[key].b for key in ("align_corners", "half_pixel_centers"))
        if corners or int(wanted[0]) % shape[1] or int(wanted[1]) % shape[2]:
            rows, columns = (
                nearest(before, int(after), corners=corners, centres=centres)
                for before, after in zip(shape[1:3], wanted, strict=True)
                if before is not None
            )
            _gather_both(proto, node, rows, columns)


def nearest(before: int, after: int, *, corners: bool, centres: bool) -> npt.NDArray[np.int32]:
    """The places that TensorFlow reads when it resizes an axis, computed in float32 as there."""
    places = np.arange(after, dtype=np.float32)
    if corners and after > 1:
        found = np.round(places * (np.float32(before - 1) / np.float32(after - 1)))
    else:
        found = np.floor((places + np.float32(0.5 if centres else 0)) * (np.float32(before) / np.float32(after)))
    return np.clip(found, 0, before - 1).astype(np.int32)


def _gather_both(proto: Any, node: Any, rows: npt.NDArray[np.int32], columns: npt.NDArray[np.int32]) -> None:
    kind = node.attr["T"].type
    first = proto.node.add(name=f"{node.name}/rows", op="GatherV2")
    node.op = "GatherV2"
    source, node.input[:] = node.input[0], []
    node.attr.clear()
    for gather, read, places, axis in ((first, source, rows, 1), (node, first.name, columns, 2)):
        indices = constant(proto, f"{gather.name}/indices", places)
        along = constant(proto, f"{gather.name}/axis", np.array(axis, np.int32))
        gather.input[:] = [read, indices, along]
        gather.attr["Tparams"].type = kind
        gather.attr["Tindices"].type = gather.attr["Taxis"].type = _INT32


_INT32 = 3  # TensorFlow's DT_INT32
