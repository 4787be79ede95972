"""An app's view of a Core ML model: its inputs, its outputs, the systems that it runs on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgecv_runtime.errors import UsageError
from edgecv_runtime.heads.kinds import KINDS, kind_words
from edgecv_runtime.schema import HeadSpec, Preprocess, TensorSpec

from edgecv_converters.coreml.options import Interface
from edgecv_converters.coreml.recipes import MINIMUMS, RECIPES, Minimum
from edgecv_converters.graph.frozen import Endpoint

if TYPE_CHECKING:
    from edgecv_converters.model_metadata import ModelMetadata

EARLIEST: Minimum = "iOS16"  # the first with float16 inputs and compressed weights in ML programs
IMAGE_AXES = 4  # batch, height, width, channels: Core ML has no image without channels
UNLABELLED = ("needs labels", "Give --labels FILE, one a line, in the order of the outputs")
INTEGERS_FROM: Minimum = "iOS17"
INTEGERS_BECAUSE = "Core ML computes with int8 activations from iOS 17 on"


def minimum_target(precision: str, interface: Interface) -> Minimum:
    """The first system that reads the model: what the precision needs, or a later one that was asked for."""
    needed, _ = needs(precision)
    return max(needed, interface.minimum or EARLIEST, key=MINIMUMS.index)


def needs(precision: str) -> tuple[Minimum, str | None]:
    """The first system that reads a precision, and why it is no earlier one (None for the earliest of all)."""
    if precision in {"int8", "mixed"}:
        return INTEGERS_FROM, INTEGERS_BECAUSE
    recipe = RECIPES.get(precision)
    return (EARLIEST, None) if recipe is None else (recipe.minimum_target, recipe.reason)


def check_fit(
    interface: Interface, metadata: ModelMetadata, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> None:
    """Refuse an interface that the model cannot have, before anything is converted.

    Raises:
        UsageError: See `pictures` and `classifier`.
    """
    pictures(interface, metadata, inputs)
    classifier(interface, metadata, outputs)


def pictures(
    interface: Interface, metadata: ModelMetadata | None, inputs: Sequence[Endpoint | TensorSpec]
) -> dict[str, Preprocess]:
    """The inputs that become images, with what they go through.

    Raises:
        UsageError: Images were asked for, and no input is one, or one has no channel axis.
    """
    if interface.input == "tensor":
        return {}
    specs = {} if metadata is None else metadata.preprocess
    for endpoint in inputs:
        if endpoint.name in specs and specs[endpoint.name].kind == "image" and len(endpoint.shape) != IMAGE_AXES:
            raise UsageError(
                f"--coreml-input image needs a channel axis, and the input {endpoint.name!r} has the shape "
                f"{endpoint.shape}",
                "Leave it out: the model then takes the preprocessed numbers",
            )
    found = {
        endpoint.name: specs[endpoint.name]
        for endpoint in inputs
        if endpoint.name in specs and specs[endpoint.name].kind == "image"
    }
    if not found:
        raise UsageError(
            "--coreml-input image needs an input that is a picture, and this model has none",
            "Leave it out, or say with --preprocess what a picture goes through",
        )
    return found


def classifier(
    interface: Interface, metadata: ModelMetadata | None, outputs: Sequence[Endpoint | TensorSpec]
) -> HeadSpec | None:
    """The head whose labels and probabilities the model ends with, as a classifier; None where it ends with tensors.

    Raises:
        UsageError: A classifier was asked for, and the model can be none; or two labels are the same.
    """
    if interface.output == "tensor" or (interface.output is None and interface.input == "tensor"):
        return None
    head = None if metadata is None else exclusive_head(metadata.heads)
    problem = _hindrance(metadata, head, outputs)
    if problem is not None and interface.output == "classifier":
        raise UsageError(f"--coreml-output classifier {problem[0]}", problem[1])
    if problem is not None or head is None or head.labels is None:
        return None
    twice = next((label for label in head.labels if head.labels.count(label) > 1), None)
    if twice is not None:
        raise UsageError(
            f"the label {twice!r} is there twice, and a Core ML classifier needs each once",
            "Rename one of them, or give --coreml-output tensor",
        )
    return head


def exclusive_head(heads: Sequence[HeadSpec]) -> HeadSpec | None:
    """The first head that chooses one of its labels, or None."""
    return next((head for head in heads if KINDS[head.kind].exclusive), None)


def _hindrance(
    metadata: ModelMetadata | None, head: HeadSpec | None, outputs: Sequence[Endpoint | TensorSpec]
) -> tuple[str, str] | None:
    """Say why the model cannot end as a classifier, and what to do."""
    if metadata is not None and head is None and any(one.labels is not None for one in metadata.heads):
        leave = "Leave it out: the app reads the output itself"
        kinds = kind_words(metadata.heads)
        return f"needs a model that chooses one of its labels, and this one's task is {kinds}", leave
    if head is None or head.labels is None:
        return UNLABELLED
    count = next(math.prod(output.shape) for output in outputs if output.name == head.outputs[0])
    if count != len(head.labels):
        return f"needs a label for each of {count} values, got {len(head.labels)}", "Give all of them with --labels"
    if head.activation == "sigmoid":
        return "needs probabilities that add up to 1", "Give --activation softmax or none, or leave it out"
    return None
