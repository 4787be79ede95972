"""When one int8 file counts as nearer to the float file than another."""

import numpy as np
import pytest
from edgecv_converters.quantize.score import nearer


def paired(gain, noise, count=400):
    """Distances of a file, of which the first is nearer by `gain` on average, the difference scattered by `noise`."""
    rng = np.random.default_rng(0)
    known = rng.gamma(2, 1, count)
    scatter = rng.normal(0, noise, count)
    return known - gain - (scatter - scatter.mean()), known


@pytest.mark.parametrize(("gain", "expected"), [(0.11, True), (0.09, False), (0.0, False), (-0.2, False)])
def test_a_gain_counts_from_two_standard_errors_on(gain, expected):
    found, known = paired(gain, noise=1.0)
    assert nearer(found, known) is expected


def test_what_all_samples_share_counts_however_small_it_is():
    found, known = paired(1e-6, noise=0.0)
    assert nearer(found, known)
    assert not nearer(known, known)


def test_one_sample_has_no_scatter():
    assert nearer(np.array([1.0]), np.array([2.0]))
    assert not nearer(np.array([2.0]), np.array([2.0]))
