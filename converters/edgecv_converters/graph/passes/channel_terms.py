"""A constant that is added to a transposed convolution, as one value for each channel.

TensorFlow's TFLite converter makes it the bias of the convolution, also where it is a single value: the kernel then
reads beyond its end, and the results are any numbers, NaN among them.
Needed by: hard_sigmoid after a Conv2DTranspose without a bias of its own, for TFLite.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.graph.edit import constant, node_of, tensor_name, tensor_shapes
from edgecv_converters.graph.evaluate import constant_value

_TRANSPOSED = frozenset({"Conv2DBackpropInput", "Conv3DBackpropInputV2"})
_FOLDED = frozenset({"BiasAdd", "Add", "AddV2", "Sub", "Mul", "RealDiv", "Identity"})
_SUMS = frozenset({"Add", "AddV2", "Sub"})


def rewrite(proto: Any) -> None:
    """Give the constant of every sum after a transposed convolution the length of its last axis, in place."""
    by_name = {node.name: node for node in proto.node}
    sums = [node for node in proto.node if node.op in _SUMS and _follows(by_name, node)]
    shapes = tensor_shapes(proto, [tensor_name(node.name) for node in sums]) if sums else []
    for node, (shape, _) in zip(sums, shapes, strict=True):
        for place, name in enumerate(node.input):
            value = constant_value(proto, name)
            if value is not None and value.size == 1 and shape and shape[-1]:
                wide = np.full(shape[-1], value.reshape(()), value.dtype)
                node.input[place] = constant(proto, f"{node.name}/term_{place}", wide)


def _follows(by_name: dict[str, Any], node: Any) -> bool:
    """Tell whether only operations that are folded into the convolution lie between it and a node."""
    waiting = [node]
    while waiting:
        sources = [by_name[node_of(name)] for name in waiting.pop().input]
        if any(source.op in _TRANSPOSED for source in sources):
            return True
        waiting += [source for source in sources if source.op in _FOLDED]
    return False
