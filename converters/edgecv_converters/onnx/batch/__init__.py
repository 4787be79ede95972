"""A model that takes several samples at once, from one that takes one.

The source is frozen for one sample, so its shapes are written out in the graph. `with_batch` follows the batch axis
from the inputs through every node (`rules`) and rewrites the constants that hold its size. What it cannot follow, such
as a sum over the batch, is refused by name, never guessed.
"""

from __future__ import annotations

from typing import Any

from edgecv_runtime.errors import ConversionError

from edgecv_converters.graph.layers import layer_of
from edgecv_converters.onnx.batch.known_shapes import write_shapes
from edgecv_converters.onnx.batch.rules import RULES, unknown
from edgecv_converters.onnx.batch.step import Place, Step, UnfollowedError
from edgecv_converters.onnx.canonical import check
from edgecv_converters.onnx.edit import Index, shapes, tidy


def with_batch(model: Any, batch: int) -> None:
    """Let a model take `batch` samples at once, in place of one.

    Args:
        model: A valid `onnx.ModelProto` with static shapes, whose inputs and outputs have a first axis of 1.
        batch: At least 2.

    Raises:
        ConversionError: An operation mixes the samples of a batch, or cannot be followed; it is named, with its layer.
    """
    graph = model.graph
    while write_shapes(model, sizes := shapes(model)):
        pass  # more shapes are known once some are written down
    index = Index.of(graph)
    places = {value.name: Place(0) for value in graph.input}
    for node in list(graph.node):
        found = {position: places[name] for position, name in enumerate(node.input) if name in places}
        if found:
            made = list(node.output)
            after = _places(Step(node, found, sizes, index, batch))
            places.update(zip(made, [after] * len(made) if isinstance(after, Place) else after, strict=True))
    for value in (*graph.input, *graph.output):
        if places.get(value.name) != Place(0):
            raise ConversionError(
                f"output {value.name!r} has no value for each sample of a batch", "Leave --batch out, or this output"
            )
        value.type.tensor_type.shape.dim[0].dim_value = batch
    tidy(graph)
    check(model)


def _places(step: Step) -> Place | tuple[Place, ...]:
    try:
        return RULES.get(step.node.op_type, unknown)(step)
    except UnfollowedError as error:
        layer = layer_of(step.node.name.partition(";")[0])
        where = f"layer {layer}" if layer else step.node.name
        raise ConversionError(
            f"{step.node.op_type} ({where}) {error}, so the ONNX model cannot take {step.batch} samples at once",
            "Leave --batch out",
        ) from error
