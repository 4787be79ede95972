"""Every part of a SplitV with its size.

TensorFlow lets one size be -1, "the rest"; coremltools takes it for a size.
Needed by: a Keras 2 GRU (its reset gate comes after the product) for Core ML.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.graph.edit import constant, tensor_shapes
from edgecv_converters.graph.evaluate import constant_value


def rewrite(proto: Any) -> None:
    """Replace -1 in the sizes of every SplitV by the number that is left, in place."""
    splits = [node for node in proto.node if node.op == "SplitV"]
    if not splits:
        return
    tensors = [node.input[0] if ":" in node.input[0] else f"{node.input[0]}:0" for node in splits]
    for node, (shape, _dtype) in zip(splits, tensor_shapes(proto, tensors), strict=True):
        sizes, axis = constant_value(proto, node.input[1]), constant_value(proto, node.input[2])
        if sizes is None or axis is None or shape is None or -1 not in sizes:
            continue
        total = shape[int(axis)]
        if total is not None:
            filled = np.where(sizes == -1, total - sizes[sizes >= 0].sum(), sizes).astype(sizes.dtype)
            node.input[1] = constant(proto, f"{node.name}/sizes", filled)
