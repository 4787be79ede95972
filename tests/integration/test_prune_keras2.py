"""Models that only tf-keras reads: the same network in Keras 3, or a clear refusal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from edgecv_runtime.errors import SourceError

import edgecv
from edgecv.compress.keras2 import to_keras3
from edgecv.compress.load import load_flat
from tests import models

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def keras2_network():
    """Depthwise and separable layers, which Keras 3 refuses from .h5, and a nested model."""
    import tf_keras

    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input((12, 12, 3), name="image")
    x = layers.BatchNormalization()(layers.Conv2D(8, 3, kernel_regularizer="l2")(image))
    x = layers.SeparableConv2D(12, 3, activation="relu")(layers.ReLU(6.0)(layers.DepthwiseConv2D(3)(x)))
    inner = tf_keras.Sequential([layers.Conv2D(12, 1, input_shape=(6, 6, 12)), layers.LeakyReLU(0.2)], name="inner")
    pooled = layers.GlobalAveragePooling2D()(layers.Add()([x, inner(x)]))
    return tf_keras.Model(image, layers.Dense(4, activation="softmax")(pooled), name="old")


def test_a_keras_2_network_becomes_the_same_in_keras_3(tmp_path):
    old = keras2_network()
    models.save_h5(old, tmp_path / "old.h5")
    new = load_flat(tmp_path / "old.h5", input_shapes={}, allow_code=False, custom_objects=None)
    assert type(new).__module__.startswith("keras.src")
    sample = np.random.default_rng(0).normal(size=(4, 12, 12, 3)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(new(sample, training=False)), old(sample, training=False), atol=1e-6)
    made = edgecv.prune(tmp_path / "old.h5", None, tmp_path / "small.keras", target_macs=0.6, round_to=2)
    assert made.report.after.multiply_adds <= 0.6 * made.report.before.multiply_adds


def test_an_operation_without_its_like_is_refused_by_name():
    import tf_keras

    image = tf_keras.Input((4, 4, 3))
    model = tf_keras.Model(image, image * 2.0 + 1.0)
    with pytest.raises(SourceError, match="is a TFOpLambda, which Keras 3 does not have"):
        to_keras3(model)


@pytest.mark.skipif(not (SHARED / "models").is_dir(), reason="needs the shared models beside the checkout")
def test_resnet8_is_pruned_exactly(tmp_path):
    from tests.unit.test_compress_channels import gap

    path = SHARED / "models" / "resnet8_cifar10.h5"
    model = load_flat(path, input_shapes={}, allow_code=False, custom_objects=None)
    error, removed, _, _ = gap(model, seed=0)
    assert removed > 50
    assert error < 1e-5
    made = edgecv.prune(path, None, tmp_path / "small.keras", target_macs=0.5)
    assert made.report.after.multiply_adds <= 0.5 * made.report.before.multiply_adds
    assert made.report.untouched == ()
