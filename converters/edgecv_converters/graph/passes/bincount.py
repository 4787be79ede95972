"""A count of whole numbers as a sum of one-hot rows, where its length is known: no converter has a bincount.

Keras bounds the length from above and from below by the number of categories, which leaves it open to TensorFlow.
Needed by: `CategoryEncoding` and `Discretization` with output_mode="multi_hot" or "count", on every target.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edgecv_converters.graph.edit import constant, node_of, scalar, tensor_name, tensor_shapes
from edgecv_converters.graph.evaluate import constant_value


def rewrite(proto: Any) -> None:
    """Replace every DenseBincount of known length by a OneHot and a reduction over the values, in place."""
    nodes = [node for node in proto.node if node.op == "DenseBincount"]
    read = tensor_shapes(proto, [tensor_name(name) for node in nodes for name in node.input[::2]]) if nodes else []
    for node, (values, _), (weights, _) in zip(nodes, read[::2], read[1::2], strict=True):
        lowest, highest = _bounds(proto, node.input[1])
        if values is not None and len(values) in {1, 2} and weights == (0,) and lowest == highest:
            _count(proto, node, int(highest), len(values) - 1)


def _count(proto: Any, node: Any, length: int, axis: int) -> None:
    kind, whole, binary = node.attr["T"].type, node.attr["Tidx"].type, node.attr["binary_output"].b
    depth = constant(proto, f"{node.name}/depth", np.array(length, np.int32))
    on, off = (scalar(proto, f"{node.name}/{label}", value, kind) for label, value in (("on", 1), ("off", 0)))
    rows = proto.node.add(name=f"{node.name}/rows", op="OneHot", input=[node.input[0], depth, on, off])
    rows.attr["axis"].i, rows.attr["T"].type, rows.attr["TI"].type = -1, kind, whole
    along = constant(proto, f"{node.name}/along", np.array([axis], np.int32))
    node.op, node.input[:] = "Max" if binary else "Sum", [rows.name, along]
    node.attr.clear()
    node.attr["T"].type, node.attr["Tidx"].type = kind, _INT32


def _bounds(proto: Any, reference: str) -> tuple[float, float]:
    """The lowest and the highest value that a scalar may have."""
    node = next(node for node in proto.node if node.name == node_of(reference))
    if node.op in {"Minimum", "Maximum"}:
        choose = min if node.op == "Minimum" else max
        lows, highs = zip(*(_bounds(proto, name) for name in node.input), strict=True)
        return choose(lows), choose(highs)
    value = constant_value(proto, reference) if node.op in {"Const", "Identity"} else None
    return (-math.inf, math.inf) if value is None else (float(value), float(value))


_INT32 = 3  # TensorFlow's DT_INT32
