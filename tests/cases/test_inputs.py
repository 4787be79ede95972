"""Inputs that real models have: gray pictures without a channel axis, open sizes, and numbers of categories."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from edgecv_converters.source import load_source
from PIL import Image

from tests.cases.test_files import agrees
from tests.command import edgecv


def test_a_plane_is_a_gray_picture_from_a_folder_to_an_answer(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(1)
    hidden = [keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    keras.Sequential([keras.Input((12, 12)), *hidden]).save(tmp_path / "digits.keras")
    for number in range(20):
        picture = np.random.default_rng(number).integers(0, 256, (12, 12), np.uint8)
        (tmp_path / "p" / f"c{number % 10}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "p" / f"c{number % 10}" / f"{number}.png")
    bundle = tmp_path / "digits.edgecv"
    int8 = ("-q", "int8", "--quantizer", "vendor", "-t", "tflite", "--calibrate", tmp_path / "p")
    made = edgecv("convert", tmp_path / "digits.keras", "-o", bundle, "-p", "rescale", *int8)
    assert made.code == 0, made.err
    answer = edgecv("run", bundle, tmp_path / "p" / "c3" / "3.png")
    assert answer.code == 0, answer.err
    assert "3.png" in answer.out


def test_a_picture_of_any_size_is_taken_at_the_size_that_is_given(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    image = keras.Input((None, None, 3), name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    model = keras.Model(image, layers.Conv2D(3, 1)(layers.UpSampling2D(2, interpolation="bilinear")(x)))
    model.save(tmp_path / "m.keras")
    source = agrees(tmp_path / "m.keras", model, input_shapes={"": (1, 30, 46, 3)})
    assert source.outputs[0].shape == (1, 30, 46, 3)


def test_categories_are_counted_at_a_fixed_length(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    layers = keras.layers
    ids = keras.Input((6,), dtype="int32", name="ids")
    modes = [layers.CategoryEncoding(8, output_mode=mode)(ids) for mode in ("multi_hot", "count")]
    model = keras.Model(ids, [layers.Dense(3)(layers.Concatenate()(modes)), *modes])
    model.save(tmp_path / "m.keras")
    source = load_source(tmp_path / "m.keras")
    assert [spec.shape for spec in source.outputs] == [(1, 3), (1, 8), (1, 8)]
    values = np.array([[0, 7, 7, 2, 3, 0], [5, 5, 5, 5, 5, 5]], np.int32)
    frozen = source.freeze().function()
    for row in (values[:1], values[1:]):
        for wanted, found in zip(model(row), frozen(tf.constant(row)), strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-6)
