"""Weights set to zero: which, how many of them when, and how they stay so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from edgecv.compress.channels import Blocked

Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]
KERNELS: Final = frozenset({"kernel", "depthwise_kernel", "pointwise_kernel", "recurrent_kernel"})
RAMP: Final = 0.6  # of all training steps; the rest is for the weights that are left
UPDATES: Final = 100  # how often the masks grow on the way


@dataclass(frozen=True, slots=True)
class Target:
    """One weight that gets a mask: its layer's name, the variable, and the axis of its input channels (or None)."""

    layer: str
    weight: Any
    axis: int | None

    @property
    def name(self) -> str:
        """Layer and weight."""
        return f"{self.layer}/{self.weight.name}"


def sparsity_at(step: int, *, final: float, begin: int, end: int) -> float:
    """The share of zeros at a training step: final * (1 - (1 - t)^3), t from 0 at `begin` to 1 at `end`.

    Zhu and Gupta 2017 ("To prune, or not to prune"), equation 1, from an initial sparsity of zero.
    """
    if step >= end:
        return final
    share = max(0.0, (step - begin) / max(1, end - begin))
    return final * (1 - (1 - share) ** 3)


def targets_of(model: Any) -> list[Target]:
    """Every kernel of the model, in order; biases and normalization stay as they are."""
    return [
        Target(layer.name, weight, _input_axis(layer, weight))
        for layer in model.layers
        for weight in layer.weights
        if weight.name in KERNELS and len(weight.shape) >= 2
    ]


def _input_axis(layer: Any, weight: Any) -> int | None:
    kind = type(layer).__name__
    if "Depthwise" in kind or weight.name == "depthwise_kernel" or getattr(layer, "groups", 1) != 1:
        return None
    return -1 if kind.endswith("Transpose") else -2


def magnitude_masks(
    values: Sequence[Array], sparsity: float, scope: Literal["global", "layer"], held: Sequence[Mask] | None = None
) -> list[Mask]:
    """Masks (True stays) that leave out the smallest weights of each array, or of all together.

    Exactly round(sparsity * size) are left out; those that `held` leaves out already come first.
    """
    sizes = [np.abs(value).astype(np.float64) for value in values]
    if held is not None:
        sizes = [np.where(mask, size, -1.0) for size, mask in zip(sizes, held, strict=True)]
    if scope == "layer":
        return [_largest(size, sparsity) for size in sizes]
    joined = _largest(np.concatenate([size.reshape(-1) for size in sizes]), sparsity)
    places = np.cumsum([size.size for size in sizes])[:-1]
    return [part.reshape(size.shape) for part, size in zip(np.split(joined, places), sizes, strict=True)]


def _largest(size: Array, sparsity: float) -> Mask:
    mask = np.ones(size.size, bool)
    mask[np.argsort(size, axis=None, kind="stable")[: round(sparsity * size.size)]] = False
    return mask.reshape(size.shape)


def nm_mask(value: Array, keep: int, group: int, axis: int) -> Mask:
    """A mask with the `keep` largest of every `group` neighbours along `axis`, whose length `group` divides."""
    rows = np.moveaxis(np.abs(value), axis, -1)
    blocks = rows.reshape(*rows.shape[:-1], -1, group)
    order = np.argsort(-blocks, axis=-1, kind="stable")
    mask = np.zeros(blocks.shape, bool)
    np.put_along_axis(mask, order[..., :keep], values=True, axis=-1)
    return np.moveaxis(mask.reshape(rows.shape), -1, axis)


def nm_targets(targets: Sequence[Target], group: int) -> tuple[list[Target], list[Blocked]]:
    """The weights that N:M sparsity fits, and the layers that it does not, with the reason."""
    fitting: list[Target] = []
    refused: list[Blocked] = []
    for target in targets:
        reason = _misfit(target, group)
        if reason is None:
            fitting.append(target)
        else:
            kind = f"{target.weight.name} {'x'.join(str(size) for size in target.weight.shape)}"
            refused.append(Blocked(layer=target.layer, kind=kind, reason=reason))
    return fitting, refused


def _misfit(target: Target, group: int) -> str | None:
    if target.axis is None:
        return "it has no axis of input channels"
    width = int(target.weight.shape[target.axis])
    return f"its {width} input channels are no multiple of {group}" if width % group else None
