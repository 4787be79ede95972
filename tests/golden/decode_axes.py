"""The two axes of a fit once more, from docs/preprocessing.md and docs/decoding.md alone, in exact fractions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor

from edgecv_runtime.schema import Preprocess


@dataclass(frozen=True)
class Axis:
    """The numbers that a fit leaves for one axis; `canvas` is the input's length, `whole` the picture's."""

    first: int
    taken: int
    scaled: int
    skipped: int
    shown: int
    at: int
    canvas: int
    whole: int

    def back(self, place: float) -> float:
        """From the input to the picture."""
        return (place + (self.skipped - self.at)) * self.taken / self.scaled + self.first

    def ahead(self, place: float) -> float:
        """From the picture to the input."""
        return (place - self.first) * self.scaled / self.taken - (self.skipped - self.at)

    @property
    def unchanged(self) -> bool:
        """Whether nothing is computed along it."""
        return self.taken == self.scaled and self.first + self.skipped == self.at


def axes(preprocess: Preprocess, picture: tuple[int, int] | None) -> tuple[Axis, Axis]:
    """The vertical and the horizontal axis, by docs/preprocessing.md; without a picture it is the input itself."""
    assert preprocess.size is not None
    fit, canvas = preprocess.fit, preprocess.size
    sides = list(zip(picture or canvas, canvas, strict=True))
    if picture is None or fit.mode == "stretch":
        down, across = (Axis(0, n, c, 0, c, 0, c, n) for n, c in sides)
    elif fit.mode == "crop":
        side = max(1, floor(min(picture) * (1.0 if fit.fraction is None else fit.fraction) + 0.5))
        down, across = (Axis((n - side) // 2, side, c, 0, c, 0, c, n) for n, c in sides)
    elif fit.mode == "resize_crop":
        assert fit.shorter is not None
        down, across = (cropped(n, fit.shorter * n // min(picture), c) for n, c in sides)
    else:
        scale = min(Fraction(c, n) for n, c in sides)
        inner = [max(1, floor(n * scale + Fraction(1, 2))) for n in picture]
        down, across = (Axis(0, n, i, 0, i, (c - i) // 2, c, n) for i, (n, c) in zip(inner, sides, strict=True))
    return down, across


def cropped(whole: int, scaled: int, canvas: int) -> Axis:
    """The middle of a scaled axis, or all of it in the middle of the input."""
    if scaled < canvas:
        return Axis(0, whole, scaled, 0, scaled, (canvas - scaled) // 2, canvas, whole)
    return Axis(0, whole, scaled, round(Fraction(scaled - canvas, 2)), canvas, 0, canvas, whole)


def part(axis: Axis, length: int) -> tuple[int, int]:
    """The part of an output of so many pixels that shows the picture, at least one pixel."""
    start, end = (
        floor(Fraction(2 * at * length + axis.canvas, 2 * axis.canvas)) for at in (axis.at, axis.at + axis.shown)
    )
    start = min(start, length - 1)
    return start, max(end, start + 1)
