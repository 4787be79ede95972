"""Every part of a SplitV with its size.

TensorFlow lets one size be -1, "the rest"; coremltools takes it for a size.
Needed by: a Keras 2 GRU (its reset gate comes after the product) for Core ML.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from edgecv_converters.graph.edit import constant, tensor_shapes
from edgecv_converters.graph.evaluate import constant_value


def rewrite(proto: Any) -> None:
    """Replace -1 in the sizes of every SplitV by the number that is left, in place."""
    for node, sizes in list(sized_splits(proto)):
        if -1 in np.asarray(constant_value(proto, node.input[1])):
            node.input[1] = constant(proto, f"{node.name}/sizes", sizes)


def sized_splits(proto: Any) -> Iterator[tuple[Any, np.ndarray]]:
    """Find every SplitV whose sizes are known: the node, and the sizes of all its parts."""
    splits = [node for node in proto.node if node.op == "SplitV"]
    if not splits:
        return
    tensors = [node.input[0] if ":" in node.input[0] else f"{node.input[0]}:0" for node in splits]
    for node, (shape, _dtype) in zip(splits, tensor_shapes(proto, tensors), strict=True):
        sizes, axis = constant_value(proto, node.input[1]), constant_value(proto, node.input[2])
        if sizes is None or axis is None or shape is None:
            continue
        total = shape[int(axis)]
        if total is not None:
            yield node, np.where(sizes == -1, total - sizes[sizes >= 0].sum(), sizes).astype(sizes.dtype)
