"""Tells whether an int8 file's values have anything left of the float file's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgecv_converters.tflite.reader import Array

LEAST: Final = 0.1  # of the signal: more noise than that (10 dB) is no rounding any more
INFINITE: Final = 1e9  # a number beyond it stands for infinity
VARIES: Final = 1e-4  # of the largest value: what differs by less is the same number
LIST_AXES: Final = 3  # of one sample of a tensor (1, n, m), such as n boxes of m numbers, or m of n


def ruined(expected: Iterable[Array], got: Iterable[Array], *, by_column: bool) -> int:
    """Count the ruined columns, along the last axis and of a list (1, n, m) along both, and the whole as one more.

    A column is ruined where it is more noise than a tenth, or constant where it varies.

    Args:
        expected: The values of each sample, whose first axis is the file's batch.
        got: What an int8 file has in their place.
        by_column: Whether columns are looked at.
    """
    whole, columns = _Sums(None), list[_Sums]()
    for wanted, found in zip(expected, got, strict=True):
        if wanted.dtype.kind != "f" or wanted.size == 0:
            return 0
        if by_column and not columns:
            columns = [_Sums(axis) for axis in _column_axes(wanted.ndim)]
        real = np.abs(wanted) < INFINITE
        values, rounded = np.where(real, wanted, 0).astype(np.float64), np.where(real, found, 0)
        for sums in (whole, *columns):
            sums.add(values, rounded)
    return int(np.sum(whole.noisy)) + sum(int(np.sum(sums.varies & (sums.noisy | sums.constant))) for sums in columns)


def _column_axes(axes: int) -> tuple[int, ...]:
    if axes == LIST_AXES:
        return 1, 2
    return (axes - 1,) if axes else ()


@dataclass(slots=True)
class _Sums:
    """Sums over all samples, for each place along an axis, or for all of them together."""

    axis: int | None
    count: int = 0
    noise: Array | float = 0.0
    total: Array | float = 0.0
    signal: Array | float = 0.0
    largest: Array | float = 0.0
    low: Array | float = np.inf
    high: Array | float = -np.inf

    def add(self, wanted: Array, found: Array) -> None:
        """Add one sample."""
        rest = tuple(axis for axis in range(wanted.ndim) if axis != self.axis)
        self.count += int(np.prod([wanted.shape[axis] for axis in rest]))
        self.noise += np.square(found - wanted).sum(rest)
        self.total += wanted.sum(rest)
        self.signal += np.square(wanted).sum(rest)
        self.largest = np.maximum(self.largest, np.abs(wanted).max(rest))
        self.low, self.high = np.minimum(self.low, found.min(rest)), np.maximum(self.high, found.max(rest))

    @property
    def noisy(self) -> Array:
        """Tell where there is more noise than a rounding makes."""
        return np.asarray(self.noise > LEAST * self.signal)

    @property
    def varies(self) -> Array:
        """Tell where the values are different ones."""
        variance = self.signal / self.count - np.square(self.total / self.count)
        return np.asarray(variance > np.square(VARIES * self.largest))

    @property
    def constant(self) -> Array:
        """Tell where the int8 file has one number."""
        return np.asarray(self.low == self.high)
