"""Activation ranges of least squared error.

The widest range clips nothing and rounds coarsely; a narrower one clips some and rounds finely. Both errors are
counted on a sample of each tensor's values, as in L. Choukroun & al., Low-bit quantization of neural networks for
efficient inference (2019).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_converters.quantize.execute import activations
from edgecv_converters.quantize.network import Network
from edgecv_converters.quantize.shared import Group
from edgecv_converters.tflite.reader import Array, Grid

Values = npt.NDArray[Any]
FACTORS = np.linspace(1.0, 0.3, 36)
BINS = 8192
SAMPLED = 1 << 18  # values of each tensor
TURNS = 2
SMALLEST = float(np.finfo(np.float32).tiny)


def grid_of(low: float, high: float) -> Grid:
    """The int8 grid of a range, with 0 inside and on it (TFLite's quantization specification)."""
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    scale = float(np.float32((high - low) / 255))
    if scale <= 0.0:
        return Grid(1.0, 0)
    return Grid(scale, int(np.clip(np.rint(-128 - low / scale), -128, 127)))


def squared_error(values: Values, weights: Values, grid: Grid) -> float:
    """Compute the cost of rounding to a grid: sum of weight * (value - its rounded value)^2."""
    return float(np.dot(weights, np.square(values - grid.nearest(values))))


def histogram(values: Values, low: float, high: float) -> tuple[Values, Values]:
    """Centres and counts of the bins that are not empty; 0 is a centre, so that exact zeros stay exact."""
    width = max((high - low) / (BINS - 2), SMALLEST)
    first = int(np.floor(low / width))
    counts = np.bincount((np.rint(values / width).astype(np.int64) - first).clip(0, BINS), minlength=BINS + 1)
    filled = np.flatnonzero(counts)
    return (filled + first) * width, counts[filled].astype(np.float64)


def least_cost_grid(low: float, high: float, cost: Callable[[Grid], float], factors: Values = FACTORS) -> Grid:
    """The grid of least cost among ranges of `factors` times `low` and `high`, which 0 lies between."""

    def best(candidates: Iterable[tuple[float, float]]) -> tuple[float, float]:
        return min(candidates, key=lambda ends: cost(grid_of(*ends)))

    chosen = best((low * factor, high * factor) for factor in factors)
    for _ in range(TURNS if low and high else 0):
        chosen = best((chosen[0], high * factor) for factor in factors)
        chosen = best((low * factor, chosen[1]) for factor in factors)
    if low and high:  # moving one end at a time can stop short of the best pair
        pairs = ((low * one, high * other) for one in factors[::2] for other in factors[::2])
        chosen = best((chosen, best(pairs)))
    return grid_of(*chosen)


def least_error_grid(values: Values, low: float, high: float) -> Grid:
    """The grid of least squared error among ranges of 0.3 to 1 times `low` and `high`.

    Args:
        values: A sample of the tensor's values, any shape.
        low: The smallest of all values.
        high: The largest.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return grid_of(low, high)
    centres, counts = histogram(np.asarray(values, np.float64).reshape(-1), low, high)
    return least_cost_grid(low, high, lambda grid: squared_error(centres, counts, grid))


class Observed:
    """The smallest and largest value of some tensors, and a sample of their values drawn by a seed.

    Args:
        tensors: Their numbers.
        batches: How many will be added.
        seed: Of the draws.
        together: How many values in a row are drawn together, for tensors whose neighbours belong together.
    """

    def __init__(self, tensors: Iterable[int], batches: int, seed: int, together: Mapping[int, int]) -> None:
        self._rng = np.random.default_rng(seed)
        self._share = -(-SAMPLED // max(batches, 1))
        self._together = together
        self._ends: dict[int, tuple[float, float]] = {}
        self._values: dict[int, list[Array]] = {number: [] for number in tensors}

    def add(self, number: int, values: Array) -> None:
        """Take a batch of one tensor in."""
        width = self._together.get(number, 1)
        rows = values.reshape(-1, width)
        low, high = self._ends.get(number, (0.0, 0.0))
        self._ends[number] = min(low, float(rows.min())), max(high, float(rows.max()))
        kept = rows if rows.size <= self._share else rows[self._rng.integers(0, len(rows), -(-self._share // width))]
        self._values[number].append(kept.copy())

    def rows(self, number: int) -> Array:
        """The sample of one tensor, (count, values together)."""
        return np.concatenate(self._values[number])

    def grid(self, tensors: Sequence[int]) -> Grid:
        """The least-error grid for all of these tensors together."""
        ends = [self._ends[number] for number in tensors]
        values = np.concatenate([self.rows(number).reshape(-1) for number in tensors])
        return least_error_grid(values, min(low for low, _ in ends), max(high for _, high in ends))


def observe(
    network: Network,
    tensors: Sequence[int],
    batches: Sequence[Mapping[int, Array]],
    seed: int,
    together: Mapping[int, int],
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Observed:
    """The float network's values of some tensors for the calibration samples."""
    seen, compute = Observed(tensors, len(batches), seed, together), activations(network, frozenset(tensors))
    for number, feeds in enumerate(batches):
        for tensor, values in sorted(compute(feeds).items()):
            seen.add(tensor, values)
        on_progress(number + 1, len(batches))
    return seen


def least_error_grids(
    seen: Observed, groups: Sequence[Group], on_progress: Callable[[int, int], None] = lambda _done, _total: None
) -> dict[int, Grid]:
    """A grid for every tensor of the groups."""
    grids: dict[int, Grid] = {}
    for number, group in enumerate(groups):
        grids |= dict.fromkeys(group.tensors, seen.grid(group.tensors))
        on_progress(number + 1, len(groups))
    return grids
