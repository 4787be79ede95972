"""The masks of one model while it is trained: grown on schedule, and put on after every update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import SourceError

from edgecv.compress.channels import Blocked
from edgecv.compress.masks import (
    RAMP,
    UPDATES,
    Mask,
    Target,
    magnitude_masks,
    nm_mask,
    nm_targets,
    sparsity_at,
    targets_of,
)
from edgecv.compress.options import Removal


class MaskSet:
    """A mask for every kernel that becomes sparse.

    Magnitude masks grow by Zhu and Gupta's schedule over the first 60 % of the training steps, in 100 updates; N:M
    masks are chosen once, before the training (Mishra et al. 2021). A weight once left out stays zero.
    """

    def __init__(self, model: Any, removal: Removal) -> None:
        import tensorflow as tf

        self.removal = removal
        self.refused: list[Blocked] = []
        self.targets: list[Target] = targets_of(model)
        if removal.method == "nm":
            self.targets, self.refused = nm_targets(self.targets, removal.pattern[1])
        if not self.targets:
            names = "; ".join(f"{item.layer}: {item.reason}" for item in self.refused[:5])
            raise SourceError(
                f"the model has no kernel that can become sparse{f' ({names})' if names else ''}",
                "Sparsity is for convolutions and dense layers",
            )
        self.masks: list[Mask] = [np.ones(tuple(target.weight.shape), bool) for target in self.targets]
        self._variables = [tf.Variable(mask.astype(np.float32), trainable=False) for mask in self.masks]
        self._final = removal.sparsity
        self._reached = 0.0

    @property
    def complete(self) -> bool:
        """Tell whether all zeros that were asked for are there."""
        return self.removal.method == "nm" or self._reached >= self._final

    @property
    def sparsity(self) -> float:
        """The share of zeros that the masks make now."""
        return 1 - sum(int(mask.sum()) for mask in self.masks) / sum(mask.size for mask in self.masks)

    def advance(self, step: int, total: int) -> None:
        """Grow the masks where the schedule says so, before training step `step` of `total`."""
        end = max(1, round(RAMP * total))
        every = max(1, end // UPDATES)
        if self.removal.method == "magnitude" and not self.complete and (step % every == 0 or step >= end):
            self.grow(sparsity_at(step, final=self._final, begin=0, end=end))

    def finish(self) -> None:
        """All zeros at once: where nothing is trained, and for N:M before the training."""
        if self.removal.method == "magnitude":
            self.grow(self._final)
            return
        keep, group = self.removal.pattern
        self._set([nm_mask(_values(t), keep, group, t.axis or 0) for t in self.targets])

    def grow(self, sparsity: float) -> None:
        """Leave out the smallest weights until the share of zeros is `sparsity`."""
        self._reached = sparsity
        values = [_values(target) for target in self.targets]
        self._set(magnitude_masks(values, sparsity, self.removal.scope, self.masks))

    def packed(self) -> list[npt.NDArray[Any]]:
        """The state that `restore` needs: how far the schedule is, and the masks as bits."""
        return [np.array([self._reached]), *(np.packbits(mask) for mask in self.masks)]

    def restore(self, packed: Sequence[npt.NDArray[Any]]) -> None:
        """Take the masks from a checkpoint."""
        self._reached = float(packed[0][0])
        pairs = zip(packed[1:], [mask.shape for mask in self.masks], strict=True)
        self._set([np.unpackbits(bits, count=int(np.prod(s))).astype(bool).reshape(s) for bits, s in pairs])

    def _set(self, masks: list[Mask]) -> None:
        self.masks = masks
        for variable, mask in zip(self._variables, masks, strict=True):
            variable.assign(mask.astype(np.float32))
        self.apply()

    def apply(self) -> None:
        """Set to zero what the masks leave out; also runs inside a compiled training step."""
        for target, variable in zip(self.targets, self._variables, strict=True):
            target.weight.assign(target.weight.value * variable)


def _values(target: Target) -> npt.NDArray[np.float32]:
    return np.asarray(target.weight, np.float32)
