"""Pictures made from calibration pictures."""

from __future__ import annotations

import numpy as np
from edgecv_converters.quantize.augment import augmented
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3]))
def test_pictures_keep_their_form_and_range(seed, count, height, width, channels):
    rng = np.random.default_rng(seed)
    pictures = rng.uniform(-1, 2, (count, height, width, channels)).astype(np.float32)
    made = augmented(pictures, -1.0, 2.0, rng)
    assert made.shape == pictures.shape
    assert made.dtype == np.float32
    assert made.min() >= -1
    assert made.max() <= 2


def test_a_seed_gives_the_same_pictures_and_another_gives_others():
    pictures = np.random.default_rng(0).uniform(0, 255, (8, 16, 16, 3)).astype(np.float32)
    one, two, three = (augmented(pictures, 0.0, 255.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - three).mean() > 1
    assert np.abs(one - pictures).mean() > 1
