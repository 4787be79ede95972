"""A map of one position becomes a row from its form with channels last, in which the pool before it is fast."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.onnx.edit import OnnxPass, add_constant, fresh, shapes

_CHANNELS = 4  # the pool of fewer is faster with channels first


def apply(model: Any) -> Any:
    """Write Reshape or Squeeze from (batch, channels, 1, 1) to (batch, channels) as Transpose, then Reshape.

    ONNX Runtime computes int8 maps with channels last, and lets a Transpose to that form end another one. Without it,
    it may pull the one to channels first before the average over the map, which takes three times as long there.
    """
    from onnx import helper

    graph = model.graph
    known = shapes(model)
    for node in [node for node in graph.node if node.op_type in {"Reshape", "Squeeze"}]:
        before, after = known.get(node.input[0], ()), known.get(node.output[0], ())
        if len(before) != 4 or before[1] < _CHANNELS or before[2:] != (1, 1) or after != before[:2]:
            continue
        last = fresh(graph, f"{node.name}_last")
        graph.node.append(helper.make_node("Transpose", [node.input[0]], [last], name=last, perm=[0, 2, 3, 1]))
        sizes = add_constant(graph, f"{node.name}_shape", np.array(after, np.int64))
        node.op_type = "Reshape"
        del node.input[:], node.attribute[:]
        node.input.extend([last, sizes])
    return model


FLATTENS = OnnxPass("flattens", apply)
