"""Exact channel removal on models that people bring; the whole list is in docs/pruning.md."""

from __future__ import annotations

import pytest
from edgecv_runtime.errors import SourceError

import edgecv
from benchmarks import zoo_models
from tests.unit.test_compress_channels import gap

SMALL = ("mnist_mlp", "mnist_cnn", "shapes_cnn", "cifar_cnn", "imagenette_cnn", "bn_dropout_binary", "spectrogram_cnn")
DEEP = ("MobileNetV2", "EfficientNetB0")


@pytest.mark.parametrize("name", SMALL)
def test_small_models_lose_unread_channels_without_a_change(name):
    error, removed, _, _ = gap(getattr(zoo_models, name)(), seed=4)
    assert removed > 0
    assert error < 1e-5


@pytest.mark.parametrize("name", DEEP)
def test_deep_models_do_too(name):
    error, removed, _, _ = gap(zoo_models.application(name), seed=5)
    assert removed > 1000
    assert error < 1e-5


def test_a_recurrent_model_is_refused_by_layer_name(tmp_path):
    with pytest.raises(SourceError, match=r"nothing to prune: time_distributed\w* \(TimeDistributed\): what it does"):
        edgecv.prune(zoo_models.cnn_lstm_clip(), None, tmp_path / "s.keras")
    assert list(tmp_path.iterdir()) == []
