"""Reshapes and transposes that change nothing (tf2onnx leaves them in squeeze-and-excite blocks) go away."""

from __future__ import annotations

from typing import Any

from edgecv_converters.onnx.edit import Index, OnnxPass, redirect, shapes

_SHAPE_OPS = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Expand"})


def apply(model: Any) -> Any:
    """Let the readers of a node that gives its input back, in shape and order, read the input.

    Between a quantized GlobalAveragePool and a Conv such a Reshape stops ONNX Runtime from moving its transposes to
    NHWC past it: it costs three nodes.
    """
    graph = model.graph
    known = shapes(model)
    outputs = Index.of(graph).outputs
    for node in graph.node:
        if _changes_nothing(node, known) and node.output[0] not in outputs:
            redirect(graph, node.output[0], node.input[0])
    return model


def _changes_nothing(node: Any, known: dict[str, tuple[int, ...]]) -> bool:
    if not node.input or node.input[0] not in known or node.output[0] not in known:
        return False
    before, after = known[node.input[0]], known[node.output[0]]
    if node.op_type in _SHAPE_OPS:
        return before == after
    if node.op_type == "Transpose":
        order = next((list(a.ints) for a in node.attribute if a.name == "perm"), [])
        return order == sorted(order) and bool(order)
    return False


SAME_SHAPE = OnnxPass("same_shape", apply)
