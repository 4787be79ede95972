"""The losses that a Keras file says its outputs were trained with: they tell numbers from classes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from edgecv_runtime.heads.base import Training

_NUMBERS: Final = frozenset(
    {"mse", "mae", "mape", "msle", "rmse", "huber", "logcosh", "cosinesimilarity", "poisson", "tversky"}
    | {"meansquarederror", "meanabsoluteerror", "meanabsolutepercentageerror", "meansquaredlogarithmicerror"}
)
_ONE_CLASS: Final = frozenset(
    {"categoricalcrossentropy", "sparsecategoricalcrossentropy", "categoricalfocalcrossentropy"}
    | {"categoricalhinge", "kullbackleiblerdivergence", "kldivergence", "kld"}
)
_LABELS: Final = frozenset({"binarycrossentropy", "binaryfocalcrossentropy", "hinge", "squaredhinge"})


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
