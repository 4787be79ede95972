"""Counts of values that are seen bit by bit, against those of all values at once."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.quantize.observed import BINS, NotFiniteError, Observed, ValueCounts
from edgecv_converters.quantize.ranges import least_error_grid


def counted(parts):
    counts = ValueCounts()
    for part in parts:
        counts.add(np.asarray(part, np.float32))
    return counts.bins()


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
def test_every_value_is_counted_near_its_place_whatever_comes_later(scale):
    rng = np.random.default_rng(0)
    parts = [np.zeros(5000), *(rng.normal(0, spread * scale, 5000) for spread in (1e-3, 1, 40, 3))]
    centres, counts = counted(parts)
    values = np.concatenate(parts)
    width = np.ptp(values) / BINS
    assert counts.sum() == values.size
    assert counts[centres == 0] >= 5000
    order = np.repeat(centres, counts.astype(int))
    np.testing.assert_allclose(order, np.sort(values), atol=6 * width)


def test_nothing_but_zeros_is_one_bin():
    centres, counts = counted([np.zeros(10)])
    assert (centres.tolist(), counts.tolist()) == ([0.0], [10.0])


def test_the_grid_of_counted_values_is_that_of_the_values():
    rng = np.random.default_rng(1)
    parts = [np.maximum(rng.standard_t(3, (1, 8, 8, 16)), 0).astype(np.float32) for _ in range(50)]
    seen = Observed([4], len(parts), {})
    for part in parts:
        seen.add(4, part)
    values = np.concatenate([part.reshape(-1) for part in parts])
    found, wanted = seen.grid([4]), least_error_grid(values, 0.0, float(values.max()))
    assert found.zero == wanted.zero == -128
    assert found.scale == pytest.approx(wanted.scale, rel=0.03)
    assert seen.ends([4]) == (0.0, float(values.max()))


def test_of_a_large_tensor_all_channels_are_met_alike():
    channels = np.arange(1, 17, dtype=np.float32)
    seen = Observed(range(64), 1000, {})
    for _ in range(20):
        seen.add(0, np.broadcast_to(channels, (1, 64, 64, 16)))
    centres, counts = seen._counts[0].bins()
    assert counts.sum() < 20 * 64 * 64 * 16 / 4
    np.testing.assert_allclose(np.rint(centres), channels)
    assert counts.max() / counts.min() < 1.1


def test_rows_stay_whole():
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    seen = Observed([0], 2, {0: 3})
    seen.add(0, rows[:2])
    seen.add(0, rows[2:])
    np.testing.assert_array_equal(seen.rows(0), rows)


def test_ends_are_of_what_is_not_counted_too():
    seen = Observed([0], 1, {0: 2})
    seen.add(0, np.array([[1.0, 2.0]], np.float32))
    seen.add(0, np.array([[-3.0, 9.0]], np.float32), counted=False)
    assert seen.ends([0]) == (-3.0, 9.0)
    assert seen._counts[0].bins()[1].sum() == 2
    assert len(seen.rows(0)) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_range_holds_what_is_not_finite(value):
    seen = Observed([7], 1, {})
    with pytest.raises(NotFiniteError, match=f"tensor 7 gives {value}") as caught:
        seen.add(7, np.array([1.0, value, 2.0], np.float32))
    assert caught.value.tensor == 7
