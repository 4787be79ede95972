"""Sketches tell how far a tensor is from another; samples are spread over a set."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from edgecv_converters.graph.sketch import AT_ONCE, PROJECTIONS, SEED, deviation, norm, sketch
from edgecv_converters.parity.methods import LEAST, WORK, most_samples, spread
from hypothesis import given
from hypothesis import strategies as st


@given(size=st.integers(100, 3000), off=st.floats(1e-4, 2.0), seed=st.integers(0, 2**32 - 1))
def test_the_deviation_is_estimated(size, off, seed):
    """A chi-square of 16 degrees of freedom lies within 0.13 to 3.2 of its mean but for one case in 100,000."""
    rng = np.random.default_rng(seed)
    ours = rng.normal(size=size)
    change = rng.normal(size=size)
    theirs = ours + off * change * np.linalg.norm(ours) / np.linalg.norm(change)
    found = deviation(sketch(theirs), sketch(ours), norm(ours))
    assert math.sqrt(0.13) * off - 1e-5 < found < math.sqrt(3.2) * off + 1e-5


def test_swapped_channels_and_a_moved_value_are_seen():
    values = np.random.default_rng(1).normal(size=(1, 8, 8, 6))
    swapped = values[..., [1, 0, 2, 3, 4, 5]]
    moved = values.copy()
    moved[0, 3, 3, 2] += np.linalg.norm(values)
    for other in (swapped, moved, -values):
        assert deviation(sketch(other), sketch(values), norm(values)) > 0.2
    assert deviation(sketch(values), sketch(values.astype(np.float32)), norm(values)) < 1e-6


def test_a_large_tensor_is_sketched_in_parts_with_little_memory():
    values = np.random.default_rng(2).normal(size=1_000_003)
    tracemalloc.start()
    found = sketch(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * values.nbytes
    np.testing.assert_allclose(found, signs(values.size) @ values, rtol=2e-7, atol=1e-6 * norm(values))


def signs(count):
    """All of the signs, from the documented stream of bits."""
    words = np.random.PCG64(SEED).random_raw(-(-PROJECTIONS * count // 64))
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), count=PROJECTIONS * count)
    return bits.reshape(PROJECTIONS, count) * 2.0 - 1


@pytest.mark.parametrize("count", [1, 63, 64, 65, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE - 7])
def test_the_signs_of_a_part_are_those_of_the_whole(count):
    values = np.zeros(count)
    values[[0, count // 2, -1]] = 1, 10, 100
    assert sketch(values) == tuple(signs(count) @ values)


def test_a_sketch_is_the_same_everywhere():
    """The first projections of a known tensor, as NumPy's documented bit stream gives them."""
    found = sketch(np.arange(5))
    assert len(found) == PROJECTIONS
    assert found == sketch(np.arange(5, dtype=np.float16))
    assert [abs(value) % 2 for value in found] == [0] * PROJECTIONS
    assert max(map(abs, found)) <= 10


@pytest.mark.parametrize(("value", "size", "wanted"), [(math.inf, 1.0, math.inf), (math.nan, 1.0, math.inf)])
def test_what_is_not_finite_is_infinitely_far(value, size, wanted):
    assert deviation((value,) * PROJECTIONS, (0.0,) * PROJECTIONS, size) == wanted


def test_of_nothing_only_nothing_is_near():
    zero = (0.0,) * PROJECTIONS
    assert deviation(zero, zero, 0.0) == 0
    assert deviation((1.0,) * PROJECTIONS, zero, 0.0) == math.inf


@given(count=st.integers(0, 500), most=st.none() | st.integers(1, 600))
def test_chosen_samples_are_different_ones_from_all_over(count, most):
    chosen = spread(count, most)
    assert len(chosen) == min(count, count if most is None else most)
    assert len(set(chosen.tolist())) == len(chosen)
    if len(chosen) > 1:
        gaps = np.diff(chosen)
        assert gaps.max() - gaps.min() <= 1
        assert count - chosen[-1] <= gaps.max() + 1


def test_large_networks_are_evaluated_on_fewer_samples():
    assert most_samples("runtime", 10**12) is None
    assert most_samples("reference", 12_500_000) == WORK // 12_500_000
    assert most_samples("reference", 10**12) == LEAST
    assert most_samples("reference", None) == 100
