"""Remembers the ends of activations and counts of their values, in a space that does not grow with the samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import gcd, isfinite

import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import ConversionError

from edgecv_converters.quantize.ranges import least_error_grid
from edgecv_converters.tflite.reader import Array, Grid

BINS = 1 << 14
WAITING = 1 << 12  # values of a tensor that are counted together
COUNTED = 1 << 23  # values of each tensor
COUNTED_IN_ALL = 1 << 27
ROWS = 1 << 18  # values of each tensor whose neighbours belong together
STRIDE = 7919  # a prime: where the values of the next sample are taken from


class NotFiniteError(ConversionError):
    """A value of a tensor is infinite or no number, so that no range holds it."""

    def __init__(self, tensor: int, value: float) -> None:
        super().__init__(f"tensor {tensor} gives {value}")
        self.tensor, self.value = tensor, value


def finite_ends(tensor: int, values: Array) -> tuple[float, float]:
    """The smallest and the largest of some values.

    Raises:
        NotFiniteError: One of them is infinite or no number.
    """
    low, high = float(values.min()), float(values.max())
    if not (isfinite(low) and isfinite(high)):
        raise NotFiniteError(tensor, low if isfinite(high) else high)
    return low, high


class ValueCounts:
    """The counts of one tensor's values in bins of one width, which doubles where a value lies outside of all bins.

    One bin's centre is 0, so that exact zeros stay exact.
    """

    def __init__(self) -> None:
        self._width = 0.0
        self._first = 0
        self._counts: npt.NDArray[np.int64] = np.zeros(BINS, np.int64)
        self._waiting: list[Array] = []
        self._waits = 0

    def add(self, values: Array) -> None:
        """Count some values, of one axis; they are copied."""
        self._waiting.append(values.copy())
        self._waits += values.size
        if self._waits >= WAITING:
            self._count()

    def bins(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The centres of the bins that are not empty, and their counts."""
        self._count()
        filled = np.flatnonzero(self._counts)
        centres: npt.NDArray[np.float64] = (filled + self._first) * np.float64(self._width)
        return centres, self._counts[filled].astype(np.float64)

    def _count(self) -> None:
        if not self._waits:
            return
        values = np.concatenate(self._waiting)
        self._waiting, self._waits = [], 0
        self._make_room(min(float(values.min()), 0.0), max(float(values.max()), 0.0))
        places = np.rint(values * (1 / self._width if self._width else 1.0)).astype(np.intp) - self._first
        self._counts += np.bincount(places, minlength=BINS)

    def _make_room(self, low: float, high: float) -> None:
        """Choose the bins so that they hold these values as well."""
        if low == high:
            return
        if not self._width:
            self._width = max(2 * (high - low) / BINS, float(np.finfo(np.float32).tiny))
            self._place(low, high, int(self._counts[0]), np.zeros(1, np.intp))
            return
        if self._first <= np.rint(low / self._width) and np.rint(high / self._width) < self._first + BINS:
            return
        filled = np.flatnonzero(self._counts)
        held, places = self._counts[filled], filled + self._first
        ends = (places.min(initial=0), places.max(initial=0))
        while self._width * (BINS - 2) < max(high, ends[1] * self._width) - min(low, ends[0] * self._width):
            self._width *= 2
            places = np.rint(places / 2).astype(np.intp)
            ends = (places.min(initial=0), places.max(initial=0))
        self._place(min(low, ends[0] * self._width), max(high, ends[1] * self._width), held, places)

    def _place(self, low: float, high: float, held: npt.NDArray[np.int64] | int, places: npt.NDArray[np.intp]) -> None:
        """Put the range in the middle of the bins, with the counts that there are."""
        spare = BINS - 1 - round((high - low) / self._width)
        self._first = round(low / self._width) - max(spare // 2, 0)
        self._counts = np.zeros(BINS, np.int64)
        np.add.at(self._counts, places - self._first, held)


class Observed:
    """The ends and the counted values of some tensors; of some of them also rows of values as they are.

    Of a large tensor every n-th value is counted.

    Args:
        tensors: Their numbers.
        samples: How many times values of each will be counted.
        together: How many values in a row belong together, for tensors whose rows are wanted.
    """

    def __init__(self, tensors: Iterable[int], samples: int, together: Mapping[int, int]) -> None:
        self._together = together
        self._counts = {number: ValueCounts() for number in tensors}
        self._ends: dict[int, tuple[float, float]] = {}
        self._rows: dict[int, list[Array]] = {number: [] for number in together}
        most = min(COUNTED, COUNTED_IN_ALL // max(len(self._counts), 1))
        self._share, self._row_share = (-(-number // max(samples, 1)) for number in (most, ROWS))
        self._added = 0

    def add(self, number: int, values: Array, *, counted: bool = True) -> None:
        """Take one sample's values of a tensor in; they are copied.

        Args:
            number: The tensor's.
            values: Of one sample, or of several.
            counted: Whether they are counted as well; else only their ends are remembered.

        Raises:
            NotFiniteError: One of them is infinite or no number.
        """
        low, high = finite_ends(number, values)
        before = self._ends.get(number, (0.0, 0.0))
        self._ends[number] = min(before[0], low), max(before[1], high)
        if not counted:
            return
        self._added += STRIDE
        step = stride(values.size, self._share, values.shape[-1] if values.ndim else 1)
        self._counts[number].add(values.reshape(-1)[self._added % step :: step])
        if number in self._together:
            rows = values.reshape(-1, self._together[number])
            step = stride(len(rows), max(self._row_share // rows.shape[1], 1), 1)
            self._rows[number].append(rows[self._added % step :: step].copy())

    def holds(self, tensors: Iterable[int]) -> bool:
        """Tell whether values of all these tensors were taken in."""
        return self._ends.keys() >= set(tensors)

    def rows(self, number: int) -> Array:
        """The rows of one tensor, (count, values together)."""
        return np.concatenate(self._rows[number])

    def ends(self, tensors: Iterable[int]) -> tuple[float, float]:
        """The smallest and the largest value of these tensors together, 0 among them."""
        ends = [self._ends[number] for number in tensors]
        return min(low for low, _ in ends), max(high for _, high in ends)

    def grid(self, tensors: Iterable[int]) -> Grid:
        """The least-error grid for all of these tensors together."""
        numbers = sorted(set(tensors))
        low, high = self.ends(numbers)
        centres, counts = (np.concatenate(parts) for parts in zip(*map(self.bins, numbers), strict=True))
        return least_error_grid(centres, low, high, counts)

    def bins(self, number: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The values that were counted of a tensor, as the centres of bins, and their counts."""
        return self._counts[number].bins()


def stride(size: int, share: int, channels: int) -> int:
    """Every how many values are taken to have no more than a share of them, and all channels alike."""
    step = max(-(-size // share), 1)
    while step > 1 and gcd(step, channels) > 1:
        step += 1
    return step
