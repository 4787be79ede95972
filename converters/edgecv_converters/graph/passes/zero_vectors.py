"""The length of a zero vector: min(1 / sqrt(x), c) becomes 1 / sqrt(max(x, 1 / c^2)), which is the same and never NaN.

XNNPACK's reciprocal square root of 0 is NaN, where TensorFlow's is infinite.
Needed by: UnitNormalization and `keras.ops.normalize` of what can be all zero, as after a ReLU.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from edgecv_converters.graph.edit import constant, node_of
from edgecv_converters.graph.evaluate import constant_value

FLOATS: Final = np.finfo(np.float32)


def rewrite(proto: Any) -> None:
    """Bound the operand in place of the result, in place, where nothing else reads the unbounded result.

    A bound that is not over 0 is always the minimum, and one whose 1 / c^2 is no normal number bounds nothing: such
    minimums stay as they are.
    """
    nodes = {node.name: node for node in proto.node}
    for node in [node for node in proto.node if node.op == "Minimum"]:
        sources = [nodes[node_of(reference)] for reference in node.input]
        root = next((source for source in sources if source.op == "Rsqrt"), None)
        bound = next((source for source in sources if source.op == "Const"), None)
        if root is None or bound is None or _readers(proto, root.name) != 1:
            continue
        least = _least(np.asarray(constant_value(proto, bound.name)))
        if least is None:
            continue
        limit = constant(proto, f"{node.name}/least", least)
        bounded = proto.node.add(name=f"{root.name}/bounded", op="Maximum", input=[root.input[0], limit])
        bounded.attr["T"].CopyFrom(root.attr["T"])
        node.op = "Rsqrt"
        node.input[:] = [bounded.name]


def _least(largest: np.ndarray) -> np.ndarray | None:
    """1 / c^2; None where a c is not over 0, or the result is no normal number of float32."""
    if largest.dtype != np.float32 or not (largest > 0).all():
        return None
    least = 1 / np.square(largest, dtype=np.float64)
    return least.astype(np.float32) if ((least >= FLOATS.tiny) & (least <= FLOATS.max)).all() else None


def _readers(proto: Any, name: str) -> int:
    return sum(node_of(reference) == name for node in proto.node for reference in node.input)
