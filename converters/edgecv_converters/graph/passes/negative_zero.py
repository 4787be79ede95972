"""Keras's treatment of -0.0 in argmax and argmin, left out.

Before it looks for the largest value, Keras 3 replaces -0.0 by the smallest negative number, which it finds by the sign
bit: Bitcast, BitwiseAnd, Less. No edge runtime has these, and where two values are zeros, only which of the two comes
first can change.
Needed by: any model with `keras.ops.argmax` or `argmin`, such as a segmentation that gives classes instead of scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.graph.edit import node_of, redirect
from edgecv_converters.graph.evaluate import constant_value

_MOST_STEPS = 4  # from the selection's condition to the bits: LogicalAnd, Less, BitwiseAnd, Bitcast


def rewrite(proto: Any) -> None:
    """Let every selection of a tiny number where a tensor is -0.0 give the tensor itself, in place."""
    by_name = {node.name: node for node in proto.node}
    for node in [node for node in proto.node if node.op == "SelectV2"]:
        condition, tiny, values = node.input
        if _asks_for_bits(by_name, condition, values) and _is_tiny(proto, tiny):
            redirect(proto, node.name, values)


def _asks_for_bits(by_name: dict[str, Any], condition: str, values: str) -> bool:
    """Tell whether a condition is computed from the bits of `values`."""
    reached = {node_of(condition)}
    for _ in range(_MOST_STEPS):
        nodes = [by_name[name] for name in reached]
        if any(node.op == "Bitcast" and node.input[0] == values for node in nodes):
            return True
        reached = {node_of(source) for node in nodes if node.op not in {"Const", "Bitcast"} for source in node.input}
    return False


def _is_tiny(proto: Any, reference: str) -> bool:
    value = constant_value(proto, reference)
    return value is not None and value.size == 1 and 0 < abs(float(value)) <= float(np.finfo(np.float32).tiny)
