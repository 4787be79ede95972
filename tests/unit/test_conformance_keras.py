"""Each preset is what the models of `keras.applications` that were trained with it do to their input; and the loader
`load_img` reads what `keras.utils.load_img` reads, to the bit, whatever kind of picture it is.

The presets are measured over every byte in every channel, in float32: `none` and `caffe` are equal to the bit. For
`tf` and `torch` Keras divides where edgecv multiplies and adds, so they are at most one unit in the last place of 1.0
away (1.5e-5 of a grey level), and at most two of their largest value (2.8e-5 of a grey level).
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
from edgecv_runtime.picture_files import PictureWarning
from edgecv_runtime.preprocess import Preprocessor, from_preset, resolve
from keras import applications
from PIL import Image

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


def colours(height=26, width=34):
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8))


def with_alpha():
    image = colours()
    image.putalpha(colours().convert("L").rotate(180))
    return image


def gray_values(dtype, highest):
    return Image.fromarray((np.random.default_rng(4).random((26, 34)) * highest).astype(dtype))


def turned():
    image = colours()
    image.getexif()[0x0112] = 6
    return image


KINDS = {
    "colour.png": colours,
    "colour.jpg": colours,
    "colour.jfif": colours,
    "colour.bmp": colours,
    "colour.webp": colours,
    "colour.tiff": colours,
    "colour.ppm": colours,
    "colour.avif": colours,
    "turned.jpg": turned,
    "alpha.png": with_alpha,
    "gray.png": lambda: colours().convert("L"),
    "gray_alpha.png": lambda: with_alpha().convert("LA"),
    "bilevel.png": lambda: colours().convert("1"),
    "palette.png": lambda: colours().quantize(16),
    "palette_alpha.png": lambda: with_alpha().quantize(16),
    "palette.gif": lambda: colours().quantize(16),
    "cmyk.jpg": lambda: colours().convert("CMYK"),
    "gray_16_bit.png": lambda: gray_values("uint16", 65535),
    "gray_12_bit.png": lambda: gray_values("uint16", 4095),
    "gray_9_bit.tiff": lambda: gray_values("uint16", 511),
    "gray_32_bit.tiff": lambda: gray_values("int32", 70000),
    "floats.tiff": lambda: gray_values("float32", 300),
}


@pytest.mark.filterwarnings("ignore::edgecv_runtime.picture_files.PictureWarning", "ignore:Palette images:UserWarning")
@pytest.mark.parametrize("name", KINDS)
def test_load_img_reads_what_keras_reads(name, tmp_path):
    image = KINDS[name]()
    kind = {"jfif": "JPEG"}.get(name.rpartition(".")[2])
    image.save(tmp_path / name, kind, exif=image.getexif())
    for size in ((26, 34), (13, 17), (40, 45)):
        wanted = keras.utils.img_to_array(keras.utils.load_img(tmp_path / name, target_size=size))
        got = Preprocessor(resolve(from_preset("load_img+none"), (1, *size, 3)))(tmp_path / name)[0]
        np.testing.assert_array_equal(got, wanted, strict=True)


def test_load_img_in_gray_is_kerass_but_for_sixteen_bits_which_it_says(tmp_path):
    colours().save(tmp_path / "colour.png")
    gray_values("uint16", 65535).save(tmp_path / "scan.png")
    read = Preprocessor(resolve(from_preset("load_img+none"), (1, 26, 34, 1)))
    wanted = keras.utils.img_to_array(keras.utils.load_img(tmp_path / "colour.png", color_mode="grayscale"))
    np.testing.assert_array_equal(read(tmp_path / "colour.png")[0], wanted, strict=True)
    with pytest.warns(PictureWarning, match="keeps all 16 bits with color_mode='grayscale'"):
        read(tmp_path / "scan.png")
