"""Answers and metrics as plain text: no layout, no colours, which are the command line's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

SHOWN_VALUES: Final = 8


class AnswerCell(msgspec.Struct, frozen=True):
    """One part of an answer: a label (empty where a value stands alone), and its score or value."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Caption:
    """A line of text over the picture."""

    text: str


@dataclass(frozen=True, slots=True)
class BoxMark:
    """A box with a line of text: `place` is left, top, right and bottom in pixels, `index` chooses its colour."""

    place: tuple[float, ...]
    index: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class MaskLayer:
    """A class for each pixel: (height, width) uint8; `labels` name them, 255 is none.

    `background` is the class that is not painted, where there is one.
    """

    classes: np.ndarray
    labels: tuple[str, ...]
    background: int | None = None


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Points (x, y) in pixels, None where one is not shown, and the pairs between which lines are drawn."""

    points: tuple[tuple[float, float] | None, ...]
    lines: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class MadePicture:
    """A picture that is shown beside the one that it was made from: (height, width, 1 or 3) uint8."""

    pixels: np.ndarray


Drawn = Caption | BoxMark | MaskLayer | Skeleton | MadePicture
"""Anything that a head may want drawn on a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A table of text: the first column is to the left, the others to the right; `total` is a last row set apart."""

    title: str | None = None
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] | None = None


def score_words(score: float) -> str:
    """Return a share in percent; what is no share as it is."""
    return f"{100 * score:.1f} %" if 0 <= score <= 1 else f"{score:.3g}"


def value_words(values: np.ndarray, unit: str | None) -> str:
    """Return the first values in four digits, with their unit, and how many there are where not all are shown."""
    rest = "" if values.size <= SHOWN_VALUES else f"  ... ({values.size} values)"
    of = "" if unit is None else f" {unit}"
    return "  ".join(f"{value:.4g}{of}" for value in values.ravel()[:SHOWN_VALUES].tolist()) + rest


def rounded(score: float | None) -> float | None:
    """Return a score in the six digits that JSON output has of it."""
    return None if score is None else float(f"{score:.6g}")
