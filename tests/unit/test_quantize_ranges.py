"""Least-error activation ranges, against closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.quantize.ranges import FACTORS, grid_of, histogram, least_error_grid, squared_error
from edgecv_converters.tflite.reader import Grid
from hypothesis import example, given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32 - 1)


def error(values, grid):
    return squared_error(values, np.ones_like(values), grid)


def binned(values):
    """What the search counts on: bins of the values, and the ends."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    return histogram(values, low, high), low, high


def drawn(seed, kind):
    rng = np.random.default_rng(seed)
    return {
        "normal": lambda: rng.normal(rng.uniform(-2, 2), 1, 3000),
        "relu": lambda: np.maximum(rng.normal(0, 3, 3000), 0),
        "heavy": lambda: rng.standard_t(2, 3000),
        "uniform": lambda: rng.uniform(-1, 5, 3000),
    }[kind]()


@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (0.5, 2.0), (-4.0, -1.0), (0.0, 1e-6), (-300.0, 7.0)])
def test_a_grid_covers_its_range_and_holds_zero(low, high):
    grid = grid_of(low, high)
    assert grid.low <= min(low, 0) + grid.scale / 2
    assert grid.high >= max(high, 0) - grid.scale / 2
    assert -128 <= grid.zero <= 127


def test_a_range_of_nothing_is_still_a_grid():
    assert grid_of(0.0, 0.0) == Grid(1.0, 0)
    assert least_error_grid(np.zeros(10), 0.0, 0.0) == Grid(1.0, 0)


def test_the_error_of_values_on_the_grid_is_zero():
    grid = Grid(0.5, 3)
    assert error((np.arange(-128, 128) - 3) * 0.5, grid) == 0


def test_the_error_of_clipped_values_is_their_distance():
    grid = Grid(1.0, -128)
    assert error(np.array([258.0, -2.0]), grid) == 9 + 4


def test_even_values_keep_the_whole_range():
    values = np.linspace(0, 10, 5000)
    assert least_error_grid(values, 0.0, 10.0) == grid_of(0.0, 10.0)


def test_one_outlier_does_not_set_the_range():
    values = np.append(np.linspace(0, 1, 2_000_000), 2.5)
    assert least_error_grid(values, 0.0, 2.5).high < 1.2


def test_exact_zeros_cost_nothing():
    values = np.zeros(1000)
    values[0] = 3.0
    centres, counts = histogram(values, 0.0, 3.0)
    assert counts[centres == 0] == 999
    assert counts.sum() == 1000


@settings(deadline=None, max_examples=40)
@example(18397, "normal")  # one end at a time stops 3 % short
@given(SEEDS, st.sampled_from(["normal", "relu", "heavy", "uniform"]))
def test_the_search_is_as_good_as_brute_force(seed, kind):
    values = drawn(seed, kind)
    bins, low, high = binned(values)
    least = min(squared_error(*bins, grid_of(low * a, high * b)) for a in FACTORS[::2] for b in FACTORS[::2])
    assert squared_error(*bins, least_error_grid(values, low, high)) <= 1.02 * least + 1e-12


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.sampled_from(["normal", "relu", "heavy", "uniform"]))
def test_the_search_is_never_worse_than_the_whole_range(seed, kind):
    values = drawn(seed, kind)
    bins, low, high = binned(values)
    whole = squared_error(*bins, grid_of(low, high))
    assert squared_error(*bins, least_error_grid(values, low, high)) <= whole


def test_a_value_that_is_counted_twice_is_there_twice():
    values = np.array([0.1, 0.1, 0.9, 1.0, 5.0])
    found = least_error_grid(np.array([0.1, 0.9, 1.0, 5.0]), 0.0, 5.0, np.array([2.0, 1.0, 1.0, 1.0]))
    assert found == least_error_grid(values, 0.0, 5.0)
