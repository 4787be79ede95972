"""Each preset is what the models of `keras.applications` that were trained with it do to their input.

Measured over every byte in every channel, in float32: `none` and `caffe` are equal to the bit. For `tf` and `torch`
Keras divides where edgecv multiplies and adds, so they are at most one unit in the last place of 1.0 away (1.5e-5 of a
grey level), and at most two of their largest value (2.8e-5 of a grey level).
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
from edgecv_runtime.preprocess import Preprocessor, from_preset, resolve
from keras import applications

PRESET_OF = {
    "convnext": "none",
    "densenet": "torch",
    "efficientnet": "none",
    "efficientnet_v2": "none",
    "inception_resnet_v2": "tf",
    "inception_v3": "tf",
    "mobilenet": "tf",
    "mobilenet_v2": "tf",
    "mobilenet_v3": "none",
    "nasnet": "tf",
    "resnet": "caffe",
    "resnet50": "caffe",
    "resnet_v2": "tf",
    "vgg16": "caffe",
    "vgg19": "caffe",
    "xception": "tf",
}
FARTHEST = {"none": 0.0, "caffe": 0.0, "tf": 2.0**-23, "torch": 2.0**-21}
PIXELS = np.stack([np.arange(256), np.arange(256)[::-1], np.arange(256) * 167 % 256], -1).astype(np.uint8)[None]


def by_edgecv(preset: str) -> np.ndarray:
    return Preprocessor(resolve(from_preset(preset), (1, *PIXELS.shape)))(PIXELS)[0]


def test_every_family_of_keras_applications_has_its_preset():
    families = {name for name, module in vars(applications).items() if hasattr(module, "preprocess_input")}
    assert families - {"imagenet_utils"} == set(PRESET_OF)


@pytest.mark.parametrize("family", PRESET_OF)
def test_a_preset_is_the_familys_preprocess_input(family, record_property):
    preset = PRESET_OF[family]
    wanted = getattr(applications, family).preprocess_input(PIXELS.astype(np.float32))
    got = by_edgecv(preset)
    assert got.dtype == wanted.dtype == np.float32
    farthest = float(np.abs(got.astype(np.float64) - wanted).max())
    record_property("farthest", farthest)
    print(f"{family}: {preset}, at most {farthest:.2e} away")
    assert farthest <= FARTHEST[preset]


def test_rescale_is_kerass_rescaling_layer_to_the_bit():
    wanted = np.asarray(keras.layers.Rescaling(1 / 255)(PIXELS.astype(np.float32)))
    np.testing.assert_array_equal(by_edgecv("rescale"), wanted, strict=True)
