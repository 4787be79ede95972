"""The kind of an output, as its loss and its size tell it where its end does not: numbers, or scores of classes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from edgecv_runtime.heads.base import Ending, Training, is_whole
from edgecv_runtime.heads.kinds import KINDS, shown_head, trained_kind
from edgecv_runtime.schema import HeadSpec, TensorSpec

_FEWEST_GIVEN_BACK: Final = 16  # values; below, an output has as many as the input by chance
_NUMBERS: Final = frozenset(
    {"mse", "mae", "mape", "msle", "rmse", "huber", "logcosh", "cosinesimilarity", "poisson", "tversky"}
    | {"meansquarederror", "meanabsoluteerror", "meanabsolutepercentageerror", "meansquaredlogarithmicerror"}
)
_ONE_CLASS: Final = frozenset(
    {"categoricalcrossentropy", "sparsecategoricalcrossentropy", "categoricalfocalcrossentropy"}
    | {"categoricalhinge", "kullbackleiblerdivergence", "kldivergence", "kld"}
)
_LABELS: Final = frozenset({"binarycrossentropy", "binaryfocalcrossentropy", "hinge", "squaredhinge"})


def output_kind(
    output: TensorSpec, inputs: Sequence[TensorSpec], ending: Ending, loss: Training | None, *, classes: bool
) -> str | None:
    """Tell an output's kind where its shape and its end do not: by its loss, or because it gives its input back.

    Several numbers that no softmax or sigmoid makes are scores of classes only where the loss says so, or the caller
    knows it from labels or samples (`classes`); else they are numbers: a softmax that the model does not show is never
    added, and boxes beside scores are not one of n classes. Whole numbers are no scores.

    Returns:
        The kind, or None where the shape and the end tell it.
    """
    one_class = ending == "softmax" or loss == "one_class"
    if loss == "numbers" or (gives_back(output, inputs) and not one_class):
        return trained_kind("numbers", output.shape)
    if is_whole(output.dtype):
        return trained_kind("numbers", output.shape)
    if ending in {"sigmoid", "softmax"} or not KINDS[shown_head([output], ending).kind].decides:
        return None
    if loss is not None:
        return trained_kind(loss, output.shape)
    return None if classes else trained_kind("numbers", output.shape)


def shown_heads(
    outputs: Sequence[TensorSpec],
    inputs: Sequence[TensorSpec],
    endings: Sequence[Ending],
    trained: Sequence[Training | None],
) -> tuple[HeadSpec, ...]:
    """The head of each output, told by its shape, by how it ends and by its loss."""
    told = zip(outputs, endings, trained, strict=True)
    return tuple(
        shown_head([output], ends, output_kind(output, inputs, ends, loss, classes=False))
        for output, ends, loss in told
    )


def gives_back(output: TensorSpec, inputs: Sequence[TensorSpec]) -> bool:
    """Tell whether an output has as many values as the only input, as that of an autoencoder has."""
    size = math.prod(output.shape[1:])
    return len(inputs) == 1 and size >= _FEWEST_GIVEN_BACK and size == math.prod(inputs[0].shape[1:])


def trained_as(config: Any, outputs: Sequence[str]) -> tuple[Training | None, ...]:
    """Read what each output was trained towards.

    Args:
        config: The `compile_config` of a `.keras` file or the `training_config` of an `.h5` file, of any form.
        outputs: The model's outputs in order.

    Returns:
        For each output "numbers", "one_class" or "labels"; None where the file does not say, or names a loss of the
        author's own.
    """
    found = config.get("loss") if isinstance(config, Mapping) else None
    return tuple(_kind(_of_output(found, place, name)) for place, name in enumerate(outputs))


def _of_output(losses: Any, place: int, name: str) -> Any:
    if isinstance(losses, Mapping) and "class_name" not in losses:
        return losses.get(name)
    if isinstance(losses, list | tuple):
        return losses[place] if place < len(losses) else None
    return losses


def _kind(loss: Any) -> Training | None:
    if isinstance(loss, Mapping):  # serialized: a class by its name, a function by its own or in a wrapper
        config = loss.get("config")
        wrapped = config.get("fn") if isinstance(config, Mapping) else config
        loss = wrapped if isinstance(wrapped, str) else loss.get("class_name")
    if not isinstance(loss, str):
        return None
    name = re.sub(r"[^a-z]", "", loss.lower())
    known: tuple[tuple[Training, frozenset[str]], ...] = (
        ("numbers", _NUMBERS),
        ("one_class", _ONE_CLASS),
        ("labels", _LABELS),
    )
    return next((kind for kind, names in known if name in names), None)
