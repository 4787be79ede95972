"""The length of a zero vector: min(1 / sqrt(x), c) becomes 1 / sqrt(max(x, 1 / c^2)), which is the same and never NaN.

XNNPACK's reciprocal square root of 0 is NaN, where TensorFlow's is infinite.
Needed by: UnitNormalization and `keras.ops.normalize` of what can be all zero, as after a ReLU.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.graph.edit import constant, node_of
from edgecv_converters.graph.evaluate import constant_value


def rewrite(proto: Any) -> None:
    """Bound the operand in place of the result, in place, where nothing else reads the unbounded result."""
    nodes = {node.name: node for node in proto.node}
    for node in [node for node in proto.node if node.op == "Minimum"]:
        sources = [nodes[node_of(reference)] for reference in node.input]
        root = next((source for source in sources if source.op == "Rsqrt"), None)
        bound = next((source for source in sources if source.op == "Const"), None)
        if root is None or bound is None or _readers(proto, root.name) != 1:
            continue
        largest = np.asarray(constant_value(proto, bound.name), np.float64)
        least = constant(proto, f"{node.name}/least", np.asarray(1 / np.square(largest), np.float32))
        kind = root.attr["T"].type
        bounded = proto.node.add(name=f"{root.name}/bounded", op="Maximum", input=[root.input[0], least])
        bounded.attr["T"].type = kind
        node.op = "Rsqrt"
        node.input[:] = [bounded.name]


def _readers(proto: Any, name: str) -> int:
    return sum(node_of(reference) == name for node in proto.node for reference in node.input)
