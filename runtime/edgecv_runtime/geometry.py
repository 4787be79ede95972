"""The fits: which part of a picture of any shape comes where in the input, in whole numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecv_runtime.errors import ImageError
from edgecv_runtime.schema import Fit, Preprocess

MAX_SCALED = 1 << 28  # pixels; a thread-thin picture scaled by its short side would need more memory than there is


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a fit, in pixels.

    Attributes:
        first, taken: The part of the picture that is scaled.
        scaled: How long that part becomes.
        skipped, shown: The part of the scaled one that is used.
        at, size: Where that begins in the input, and the input's own length.
    """

    first: int
    taken: int
    scaled: int
    skipped: int
    shown: int
    at: int
    size: int

    @property
    def source(self) -> slice:
        """The part of the picture that is scaled."""
        return slice(self.first, self.first + self.taken)

    @property
    def window(self) -> slice:
        """The part of the scaled picture that is used."""
        return slice(self.skipped, self.skipped + self.shown)

    @property
    def target(self) -> slice:
        """The place of the picture in the input."""
        return slice(self.at, self.at + self.shown)

    def back(self, places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return where places in the input, in its pixels, are in the picture, in the picture's: float64."""
        return (places + (self.skipped - self.at)) * self.taken / self.scaled + self.first

    def ahead(self, places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return where places in the picture are in the input: the other direction of `back`."""
        return (places - self.first) * self.scaled / self.taken - (self.skipped - self.at)


Axes = tuple[Axis, Axis]


@dataclass(frozen=True, slots=True)
class View:
    """The way from a model's input back to the picture that was fitted into it.

    Attributes:
        height, width: The size of the picture, upright, in pixels.
        down, across: The fit's two axes.
    """

    height: int
    width: int
    down: Axis
    across: Axis

    @classmethod
    def whole(cls, height: int, width: int) -> View:
        """Return the view of a picture that is the input itself."""
        return cls(height, width, _whole(height, height), _whole(width, width))

    @property
    def unchanged(self) -> bool:
        """Whether every place of the input is the same place in the picture."""
        axes = (self.down, self.across)
        return all(axis.taken == axis.scaled and axis.first + axis.skipped == axis.at for axis in axes)

    def back(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return points (x, y, x, y, ...) of the input in the picture's pixels: (n, even) float64, also outside."""
        found = np.empty_like(points)
        found[:, 0::2] = self.across.back(points[:, 0::2])
        found[:, 1::2] = self.down.back(points[:, 1::2])
        return found

    def ahead(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return points (x, y, x, y, ...) of the picture in the input's pixels: (n, even) float64, also outside."""
        found = np.empty_like(points)
        found[:, 0::2] = self.across.ahead(points[:, 0::2])
        found[:, 1::2] = self.down.ahead(points[:, 1::2])
        return found

    def clipped(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return points (x, y, x, y, ...) of the picture moved to its border where they are outside."""
        return points.clip(0, (self.width, self.height) * (points.shape[1] // 2))


def place(spec: Preprocess, height: int, width: int) -> Axes:
    """The vertical and the horizontal axis, for a picture of `height` x `width`.

    Raises:
        ImageError: The picture is so thin that its scaled form does not fit in memory.
    """
    return FITS[spec.fit.mode](spec.fit, (height, width), spec.size or (0, 0))


def _stretch(_: Fit, have: tuple[int, int], size: tuple[int, int]) -> Axes:
    return _whole(have[0], size[0]), _whole(have[1], size[1])


def _crop(fit: Fit, have: tuple[int, int], size: tuple[int, int]) -> Axes:
    side = max(1, math.floor(min(have) * (fit.fraction or 1.0) + 0.5))
    top, left = ((n - side) // 2 for n in have)
    return Axis(top, side, size[0], 0, size[0], 0, size[0]), Axis(left, side, size[1], 0, size[1], 0, size[1])


def _resize_crop(fit: Fit, have: tuple[int, int], size: tuple[int, int]) -> Axes:
    """Torchvision's `Resize(shorter)` and `CenterCrop(size)`: the long side truncated, the offset rounded half to even.

    Where the scaled picture is smaller than the crop, torchvision pads with zeros; so does this.
    """
    shorter = fit.shorter or min(size)
    height, width = have
    scaled = int(shorter * max(have) / min(have))
    if shorter * scaled > MAX_SCALED:
        raise ImageError(
            f"the picture of {width} x {height} pixels is too thin for fit.mode = 'resize_crop'",
            "Leave it out, or use another fit.mode",
        )
    tall, wide = (scaled, shorter) if width <= height else (shorter, scaled)
    return _centre_crop(height, tall, size[0]), _centre_crop(width, wide, size[1])


def _centre_crop(have: int, scaled: int, size: int) -> Axis:
    if scaled < size:
        return Axis(0, have, scaled, 0, scaled, (size - scaled) // 2, size)
    return Axis(0, have, scaled, round((scaled - size) / 2.0), size, 0, size)


def _letterbox(_: Fit, have: tuple[int, int], size: tuple[int, int]) -> Axes:
    """The largest size of the same shape that fits, rounded half up in integer arithmetic, at least one pixel."""
    (h, w), (height, width) = have, size
    if width * h <= height * w:
        inner = max(1, (2 * h * width + w) // (2 * w)), width
    else:
        inner = height, max(1, (2 * w * height + h) // (2 * h))
    tall, wide = (
        Axis(0, n, scaled, 0, scaled, (whole - scaled) // 2, whole)
        for n, scaled, whole in zip(have, inner, size, strict=True)
    )
    return tall, wide


def _whole(have: int, size: int) -> Axis:
    return Axis(0, have, size, 0, size, 0, size)


def view_of(spec: Preprocess, height: int, width: int) -> View:
    """Return the view of a picture of `height` x `width`, upright.

    Raises:
        ImageError: The picture is so thin that its scaled form does not fit in memory.
    """
    return View(height, width, *place(spec, height, width))


FITS = {"stretch": _stretch, "crop": _crop, "resize_crop": _resize_crop, "letterbox": _letterbox}
