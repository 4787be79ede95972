"""Shapes that a graph computes from its tensors, written down as constants: all of them are static."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgecv_converters.onnx.edit import tidy


def write_shapes(model: Any, sizes: Mapping[str, tuple[int, ...]]) -> bool:
    """Replace every Shape, and what is computed from shapes and constants alone, by its value.

    Args:
        model: An `onnx.ModelProto`.
        sizes: The shapes of its tensors (`edit.shapes`).

    Returns:
        Whether there was any.
    """
    from onnx import numpy_helper

    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    found: dict[str, np.ndarray] = {}
    for node in list(graph.node):
        if node.op_type == "Shape" and node.input[0] in sizes and not node.attribute:
            found[node.output[0]] = np.asarray(sizes[node.input[0]], np.int64)
        elif any(name in found for name in node.input) and all(
            name in found or name in constants or not name for name in node.input
        ):
            given = {
                name: found[name] if name in found else numpy_helper.to_array(constants[name]) for name in node.input
            }
            found.update(zip(node.output, _computed(model, node, given), strict=True))
        else:
            continue
        graph.node.remove(node)
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in found.items())
    tidy(graph)
    return bool(found)


def _computed(model: Any, node: Any, given: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Run one node on constants, by ONNX's own reference implementation."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    inputs = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
              for name, value in given.items()]  # fmt: skip
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output]
    alone = helper.make_model(helper.make_graph([node], "alone", inputs, outputs), opset_imports=model.opset_import)
    return [np.asarray(value) for value in ReferenceEvaluator(alone).run(None, dict(given))]
