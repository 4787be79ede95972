"""Answers and metrics as plain text: no layout, no colours, which are the command line's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

SHOWN_VALUES: Final = 8


@dataclass(frozen=True, slots=True)
class AnswerCell:
    """One part of an answer: a label (empty where a value stands alone), and its score or value."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Caption:
    """A line of text over the picture."""

    text: str


Drawn = Caption
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
