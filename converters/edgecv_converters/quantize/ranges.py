"""Activation ranges of least squared error.

The widest range clips nothing and rounds coarsely; a narrower one clips some and rounds finely. Both errors are
counted on a sample of each tensor's values, as in L. Choukroun & al., Low-bit quantization of neural networks for
efficient inference (2019).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_converters.tflite.reader import Grid

Values = npt.NDArray[Any]
FACTORS = np.linspace(1.0, 0.3, 36)
WIDE_FACTORS = np.linspace(1.0, 0.05, 39)  # for values of which most may be of no use to anybody
BINS = 8192
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
    error = grid.nearest(values)
    np.subtract(values, error, out=error)
    return float(np.dot(weights, np.square(error, out=error)))


def histogram(values: Values, low: float, high: float, counts: Values | None = None) -> tuple[Values, Values]:
    """Centres and counts of the bins that are not empty; 0 is a centre, so that exact zeros stay exact.

    Args:
        values: Of one axis.
        low: The smallest value.
        high: The largest.
        counts: How often there is each of the values; once where this is left out.
    """
    width = max((high - low) / (BINS - 2), SMALLEST)
    first = int(np.floor(low / width))
    places = (np.rint(values / width).astype(np.int64) - first).clip(0, BINS)
    found = np.bincount(places, counts, minlength=BINS + 1)
    filled = np.flatnonzero(found)
    return (filled + first) * width, found[filled].astype(np.float64)


def least_cost_grid(low: float, high: float, cost: Callable[[Grid], float], factors: Values = FACTORS) -> Grid:
    """The grid of least cost among ranges of `factors` times `low` and `high`, which 0 lies between."""
    if low == high:
        return grid_of(low, high)

    costs = cache(lambda ends: cost(grid_of(*ends)))  # many ends are met again

    def best(candidates: Iterable[tuple[float, float]]) -> tuple[float, float]:
        return min(candidates, key=costs)

    chosen = best((low * factor, high * factor) for factor in factors)
    for _ in range(TURNS if low and high else 0):
        chosen = best((chosen[0], high * factor) for factor in factors)
        chosen = best((low * factor, chosen[1]) for factor in factors)
    if low and high:  # moving one end at a time can stop short of the best pair
        pairs = ((low * one, high * other) for one in factors[::2] for other in factors[::2])
        chosen = best((chosen, best(pairs)))
    return grid_of(*chosen)


def least_error_grid(values: Values, low: float, high: float, counts: Values | None = None) -> Grid:
    """The grid of least squared error among ranges of 0.3 to 1 times `low` and `high`.

    Args:
        values: A sample of the tensor's values, of one axis.
        low: The smallest of all values.
        high: The largest.
        counts: How often there is each of the values; once where this is left out.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return grid_of(low, high)
    centres, found = histogram(np.asarray(values, np.float64), low, high, counts)
    return least_cost_grid(low, high, lambda grid: squared_error(centres, found, grid))
