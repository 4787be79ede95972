"""The preprocessing that a model carries beside its graph: followed to the pixel, or not taken."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from edgecv_converters.data.inputs import preprocessing
from edgecv_converters.source.beside import beside
from edgecv_converters.source.preparation import own_preprocessing
from edgecv_converters.workers import SourceSummary
from edgecv_runtime.errors import UsageError
from edgecv_runtime.preprocess import Preprocessor, from_preset, resolve
from edgecv_runtime.schema import SourceInfo, TensorSpec

from edgecv.convert.source import read_source
from edgecv.prove.evidence import preparation_weakness

SPEC = TensorSpec(name="images", shape=(1, 24, 24, 3), dtype="float32")
MODEL = SimpleNamespace(inputs=(SPEC,), has_preprocessing=False)
SCALED = {"scale": [1 / 255, 1 / 127.5, 0.01], "offset": [0.0, -1.0, 0.5]}


def carrying(**changed):
    """A model with a preprocessor as KerasHub's tasks have it."""
    usual = {"image_size": (24, 24), "scale": 1 / 255, "offset": None, "crop_to_aspect_ratio": True}
    usual |= {"pad_to_aspect_ratio": False, "interpolation": "bilinear", "antialias": False}
    return SimpleNamespace(preprocessor=SimpleNamespace(image_converter=SimpleNamespace(**usual | changed)))


@pytest.mark.parametrize("crops", [True, False])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_pictures_get_the_pixels_that_keras_gives(crops, interpolation):
    import keras

    own = own_preprocessing(carrying(crop_to_aspect_ratio=crops, interpolation=interpolation, **SCALED))
    picture = np.random.default_rng(0).integers(0, 256, (57, 40, 3), dtype=np.uint8)
    resized = keras.layers.Resizing(24, 24, interpolation, crop_to_aspect_ratio=crops)(picture.astype(np.float32))
    wanted = np.asarray(resized) * np.float32(SCALED["scale"]) + np.float32(SCALED["offset"])
    found = Preprocessor(resolve(own, SPEC.shape))(picture)[0]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize(
    "changed",
    [
        {"image_size": (24, 32)},
        {"antialias": True},
        {"interpolation": "lanczos5"},
        {"crop_to_aspect_ratio": False, "pad_to_aspect_ratio": True},
    ],
)
def test_what_cannot_be_followed_exactly_is_not_taken(changed):
    assert own_preprocessing(carrying(**changed)) is None


def test_a_model_without_a_preprocessor_says_nothing():
    assert own_preprocessing(None) is None
    assert own_preprocessing(SimpleNamespace(preprocessor=None)) is None
    with pytest.raises(UsageError, match="nobody says how pictures are prepared"):
        preprocessing(None, MODEL, print)


def test_a_live_model_says_it_although_its_saved_form_does_not():
    info = SourceInfo(format="savedmodel", loader="", sha256="0" * 64, parameters=1)
    summary = SourceSummary(
        info=info,
        inputs=(SPEC,),
        outputs=(),
        endings=(),
        trained_as=(),
        notes=(),
        has_preprocessing=False,
        scalings={},
    )
    store, observer = SimpleNamespace(put=lambda *_: None), SimpleNamespace(note=print)
    workers = SimpleNamespace(wait_for=lambda *_: summary, observer=observer, store=store)
    request = SimpleNamespace(preprocess=None, beside=beside(carrying()))
    phase = read_source(request, workers, None)
    assert phase.specs["images"].normalize.scale == (0.003921569,)


def test_the_models_own_is_taken_unless_another_is_given():
    notes = []
    own = own_preprocessing(carrying())
    assert preprocessing(None, MODEL, notes.append, own)["images"].normalize == own.normalize
    assert "own preprocessor" in notes[0]
    given = preprocessing(from_preset("tf"), MODEL, notes.append, own)["images"]
    assert given.normalize.preset == "tf"
    assert "x 0.00392 + 0" in preparation_weakness("images", given, own)
    assert preparation_weakness("images", resolve(from_preset("rescale"), SPEC.shape), own) is None
    assert preparation_weakness("images", given, None) is None
