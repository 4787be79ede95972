"""A dilated transposed convolution as a plain one, whose kernel has zeros where the dilated one skips.

Needed by: `Conv2DTranspose` with `dilation_rate`, for TFLite, whose kernel has no dilation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.graph.edit import constant
from edgecv_converters.graph.evaluate import constant_value


def rewrite(proto: Any) -> None:
    """Spread the constant kernel of every dilated Conv2DBackpropInput over height and width, in place."""
    for node in [node for node in proto.node if node.op == "Conv2DBackpropInput"]:
        dilations = list(node.attr["dilations"].list.i)
        if len(dilations) != 4 or max(dilations) == 1 or node.attr["data_format"].s != b"NHWC":
            continue
        kernel = constant_value(proto, node.input[1])  # not before: it may be large, or take a run of the graph
        if kernel is None:
            continue
        rows, columns = dilations[1:3]
        kernel = np.asarray(kernel)
        height, width = ((size - 1) * by + 1 for size, by in zip(kernel.shape[:2], (rows, columns), strict=True))
        spread = np.zeros((height, width, *kernel.shape[2:]), kernel.dtype)
        spread[::rows, ::columns] = kernel
        node.input[1] = constant(proto, f"{node.name}/spread", spread)
        node.attr["dilations"].list.i[:] = [1, 1, 1, 1]
