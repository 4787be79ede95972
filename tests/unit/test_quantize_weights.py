"""Least-error weight scales, against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.quantize import weights
from edgecv_converters.quantize.weights import FACTORS, least_error_scales, on_grid
from hypothesis import given, settings
from hypothesis import strategies as st

TINY = np.finfo(np.float32).tiny


def drawn(seed, shape=(3, 3, 4, 5)):
    rng = np.random.default_rng(seed)
    return (rng.standard_t(3, shape) * rng.uniform(0.01, 3, shape[-1])).astype(np.float32)


def channel_errors(weight, scales, axis):
    real = on_grid(weight, scales, axis).real()
    others = tuple(i for i in range(weight.ndim) if i != axis % weight.ndim)
    return np.square(weight - real, dtype=np.float64).sum(axis=others)


def none(count):
    return np.full(count, TINY, np.float32)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_every_channel_has_the_least_error_of_all_factors(seed):
    weight = drawn(seed)
    widest = np.abs(weight).max(axis=(0, 1, 2)) / np.float32(127)
    tried = [channel_errors(weight, widest * factor, 3) for factor in FACTORS]
    found = channel_errors(weight, least_error_scales(weight, 3, none(5)), 3)
    np.testing.assert_allclose(found, np.min(tried, axis=0), rtol=1e-4)


@pytest.mark.parametrize("axis", [0, 3])
def test_channels_lie_along_the_axis(axis):
    weight = drawn(1, (5, 3, 3, 5))
    scales = least_error_scales(weight, axis, none(5))
    apart = [least_error_scales(np.take(weight, [i], axis), axis, none(1))[0] for i in range(5)]
    np.testing.assert_array_equal(scales, apart)


@pytest.mark.parametrize("part", [1, 40, 150])
def test_a_large_weight_in_parts_has_the_scales_of_the_whole(monkeypatch, part):
    weight = drawn(3)
    whole = least_error_scales(weight, 3, none(5))
    monkeypatch.setattr(weights, "PART", part)
    np.testing.assert_array_equal(least_error_scales(weight, 3, none(5)), whole)


def test_weights_on_their_grid_stay():
    integers = np.random.default_rng(0).integers(-127, 128, (40, 6)).astype(np.int8)
    integers[0] = 127
    scales = np.array([0.5, 0.25, 1, 2, 0.125, 8], np.float32)
    found = on_grid(integers * scales, least_error_scales(integers * scales, 1, none(6)), 1)
    np.testing.assert_array_equal(found.scales, scales)
    np.testing.assert_array_equal(found.integers, integers)


def test_integers_are_symmetric():
    weight = np.array([[-1.0, 1.0, 0.3]], np.float32)
    assert on_grid(weight, np.array([1 / 200], np.float32), 0).integers.tolist() == [[-127, 127, 60]]


def test_a_channel_of_zeros_and_one_with_a_large_bias_keep_their_smallest_scale():
    weight = drawn(2)
    weight[..., 1] = 0
    smallest = np.array([TINY, 0.7, 5.0, TINY, TINY], np.float32)
    scales = least_error_scales(weight, 3, smallest)
    assert scales[1] == np.float32(0.7)
    assert scales[2] == np.float32(5)
    assert not on_grid(weight, scales, 3).integers[..., 1].any()
