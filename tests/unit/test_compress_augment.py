"""Mixing samples: shares, partners, and the same ones for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from edgecv.compress.augment import augmenter, mixed


@pytest.fixture
def batch():
    """Sixteen samples of one value each, so that a mixture tells what it is made of."""
    return np.arange(16, dtype=np.float32)[:, None, None, None] * np.ones((1, 3, 3, 2), np.float32)


def test_a_mixture_is_what_its_share_and_partner_say(batch):
    import tensorflow as tf

    extra = tf.constant(np.arange(16, dtype=np.float32)[:, None])
    (pictures, numbers), own, others = mixed((tf.constant(batch), extra), (3, 7))
    own, others = np.asarray(own), np.asarray(others)
    assert sorted(others) == list(range(16))
    assert (own >= 0.5).all()
    assert (own <= 1).all()
    assert own.std() > 0.05
    wanted = own * np.arange(16) + (1 - own) * others
    np.testing.assert_allclose(np.asarray(numbers)[:, 0], wanted, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(pictures)[:, 1, 2, 0], wanted, rtol=1e-5)


def test_the_seed_decides(batch):
    def shares(*seed):
        return np.asarray(mixed((batch,), seed)[1])

    assert (shares(1, 5) == shares(1, 5)).all()
    assert (shares(1, 5) != shares(1, 6)).any()
    assert (shares(1, 5) != shares(2, 5)).any()


def test_mixup_alone_needs_no_layer_and_no_picture():
    assert augmenter(("mixup",), np.zeros((4, 10), np.float32), 0) is None
