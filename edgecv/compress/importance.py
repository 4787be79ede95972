"""The importance of each channel: how much the network would miss it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import UsageError

from edgecv.compress.channels import Channels, Slot

Array = npt.NDArray[Any]
Scores = npt.NDArray[np.float64]
Importance = Literal["l1", "l2", "gamma", "taylor"]
IMPORTANCES: tuple[Importance, ...] = get_args(Importance)
Gradients = Callable[[Any, list[Any]], Iterable[list[Array]]]
_KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")


def score(model: Any, channels: Channels, kind: Importance, gradients: Gradients | None = None) -> Scores:
    """The importance of every channel, by its atom; norms relative to the mean of its family, which share no unit.

    * l1, l2: the norm of all kernel weights that go with the channel (Li et al. 2017; Fang et al. 2023 for groups).
    * gamma: the size of its batch-norm scales (Liu et al. 2017); where a family has none, its l2.
    * taylor: |sum of w * dL/dw| over the weights that read the channel, summed over batches. For these weights the
      sum equals activation times gradient, the first-order change of the loss without the channel
      (Molchanov et al. 2017, 2019): the same unit everywhere, so it is not made relative.

    Args:
        model: A model of one level of layers.
        channels: What was read from it.
        kind: One of the above.
        gradients: For taylor: for each batch the gradients of the loss by the given weights.

    Raises:
        UsageError: gamma for a model without batch norm, or taylor without data.
    """
    if kind == "taylor":
        return _taylor(model, channels, gradients)
    found = _gamma(model, channels) if kind == "gamma" else _norm(model, channels, 1 if kind == "l1" else 2)
    for family in channels.families:
        mean = found[family.members].mean()
        found[family.members] /= mean if mean > 0 else 1
    return found


def weight_of(model: Any, slot: Slot) -> Any:
    """The variable that a slot is an axis of."""
    return next(weight for weight in model.get_layer(slot.layer).weights if weight.name == slot.weight)


def _per_position(values: Array, axis: int) -> Scores:
    rows = np.moveaxis(np.asarray(values, np.float64), axis, 0)
    return np.asarray(rows.reshape(len(rows), -1).sum(1))


def _norm(model: Any, channels: Channels, power: int) -> Scores:
    total = np.zeros(channels.count)
    for slot in channels.slots.values():
        if slot.weight in _KERNELS:
            values = np.abs(np.asarray(weight_of(model, slot), np.float64)) ** power
            np.add.at(total, slot.atoms, _per_position(values, slot.axis))
    return np.asarray(total ** (1 / power))


def _gamma(model: Any, channels: Channels) -> Scores:
    total, count = np.zeros(channels.count), np.zeros(channels.count)
    for slot in channels.slots.values():
        if slot.weight == "gamma":
            np.add.at(total, slot.atoms, np.abs(np.asarray(weight_of(model, slot), np.float64)))
            np.add.at(count, slot.atoms, 1)
    if not count.any():
        raise UsageError("--importance gamma needs batch norm, which the model does not have", "Give l2, l1 or taylor")
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), _norm(model, channels, 2)))


def _taylor(model: Any, channels: Channels, gradients: Gradients | None) -> Scores:
    if gradients is None:
        raise UsageError("--importance taylor needs --data to take gradients on", "Give --data, or l2, l1 or gamma")
    slots = [slot for slot in channels.slots.values() if slot.role == "in"]
    weights = [weight_of(model, slot) for slot in slots]
    values = [np.asarray(weight, np.float64) for weight in weights]
    total = np.zeros(channels.count)
    for batch in gradients(model, weights):
        change = np.zeros(channels.count)
        for slot, value, gradient in zip(slots, values, batch, strict=True):
            np.add.at(change, slot.atoms, _per_position(value * gradient, slot.axis))
        total += np.abs(change)
    return total
