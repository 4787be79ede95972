"""One picture in the form that a model takes, and its changed copies: pixels taken away, by part or wholly.

A raw tensor is an affine function of the pixels whatever its dtype is, so that a mixture of two pictures is the mixture
of their tensors, rounded where they are integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edgecv_converters.explain.records import Floats, Scores, Tensor
from edgecv_converters.explain.settings import Baseline

Score = Callable[[Tensor], Scores]  # raw tensors, (n, ...), to one number each
BLUR = 0.08  # the blur's standard deviation, as a share of the picture's shorter side


@dataclass(frozen=True)
class Canvas:
    """A picture as a raw tensor.

    Attributes:
        raw: (height, width, channels), (channels, height, width) where `planar`, or (height, width).
        planar: Whether channels come first.
        baseline: What stands in for pixels that are taken away.
        zeros: The raw tensor of a prepared picture of zeros; None where that is zeros, too.
    """

    raw: Tensor
    planar: bool = False
    baseline: Baseline = "mean"
    zeros: Tensor | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.raw.shape[1:] if self.planar else self.raw.shape[:2]
        return height, width

    @cached_property
    def base(self) -> Floats:
        """The tensor of a picture that has nothing of this one to see, of the shape of `raw`."""
        if self.baseline == "blur":
            return self.blurred
        if self.baseline == "zero":
            return np.zeros(self.raw.shape, np.float32) if self.zeros is None else self.zeros.astype(np.float32)
        axes = (1, 2) if self.planar else (0, 1)
        mean = self.raw.mean(axis=axes, dtype=np.float64, keepdims=True)
        return np.array(np.broadcast_to(mean, self.raw.shape), np.float32)

    @cached_property
    def blurred(self) -> Floats:
        """The picture, blurred."""
        height, width = self.size
        sigma = max(1.0, BLUR * min(height, width))
        down, across = _gaussian(height, sigma), _gaussian(width, sigma)
        planes = self.raw.astype(np.float32) if self.planar else np.moveaxis(self._deep, -1, 0)
        soft = np.matmul(np.matmul(down, planes), across.T)
        shown = soft if self.planar else np.moveaxis(soft, 0, -1)
        return np.ascontiguousarray(shown.reshape(self.raw.shape), np.float32)

    @property
    def _deep(self) -> Floats:
        """The tensor with its channels last, whether it has an axis of them or not."""
        values = self.raw.astype(np.float32)
        return np.asarray(values if values.ndim == 3 else values[..., None], np.float32)

    def rows(self, shares: Floats) -> Floats:
        """Return masks, (n, height, width), in the form that multiplies tensors."""
        if self.planar:
            return shares[:, None]
        return shares if self.raw.ndim == 2 else shares[..., None]

    def mixed(self, shares: Floats, base: Floats | None = None) -> Tensor:
        """Return the picture where a mask is 1, what stands in for it where the mask is 0, and a mixture between.

        Args:
            shares: (n, height, width) in 0..1.
            base: What stands in; by default that of the canvas.
        """
        under = self.base if base is None else base
        return self.finished(np.asarray(under + self.rows(shares) * (self.raw - under), np.float32))

    def finished(self, values: Floats) -> Tensor:
        """Return float tensors in the dtype of the picture's, rounded where that is one of integers."""
        if np.issubdtype(self.raw.dtype, np.integer):
            values = np.rint(values, out=values)
        return values.astype(self.raw.dtype, copy=False)


def _gaussian(size: int, sigma: float) -> npt.NDArray[np.float32]:
    """The matrix that blurs one axis; what is outside is as the border."""
    places = np.arange(size)
    reach = int(3 * sigma) + 1
    matrix = np.zeros((size, size))
    for offset in range(-reach, reach + 1):
        near = np.clip(places + offset, 0, size - 1)
        np.add.at(matrix, (places, near), np.exp(-0.5 * (offset / sigma) ** 2))
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True), np.float32)
