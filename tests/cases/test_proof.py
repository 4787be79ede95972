"""What may be called passed: samples that prove nothing, pixels scaled twice, and samples that see each other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgecv_converters.source import load_source, save_live
from edgecv_runtime.preprocess import from_preset
from PIL import Image

from edgecv.prove.evidence import scaling_weakness
from tests.command import Result, edgecv

RNG = np.random.default_rng(4)
MEANS = np.array([123.7, 116.8, 103.9], np.float32)


def converted(folder: Path, model: Any, *options: object, samples: Any = None) -> Result:
    """`edgecv convert` to TFLite."""
    model.save(folder / "m.keras")
    arguments = ["convert", folder / "m.keras", "-o", folder / "m.edgecv", "-t", "tflite", *options]
    if samples is not None:
        np.savez(folder / "samples.npz", x=samples)
        arguments += ["--calibrate", folder / "samples.npz"]
    return edgecv(*arguments)


def dense(*, width: int = 4, activation: str | None = None) -> Any:
    import keras

    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(width, activation)]
    return keras.Sequential([keras.Input((6,), name="x"), *layers])


def test_samples_that_prove_nothing_are_weak_in_the_table(tmp_path: Path) -> None:
    int8 = ("-q", "int8", "--quantizer", "vendor")
    made = converted(tmp_path, dense(activation="softmax"), *int8, samples=np.zeros((20, 6), np.float32))
    assert made.code == 0
    assert made.message.count("all 20 calibration samples are zero") == 1
    assert "weak" in made.out
    assert "passed" not in made.out


def test_numbers_by_their_loss_are_no_classes_and_have_as_many_labels(tmp_path: Path) -> None:
    model = dense(width=2)
    model.compile(loss="huber")
    (tmp_path / "labels.txt").write_text("".join(f"name{k}\n" for k in range(9)))
    refused = converted(tmp_path, model, "--labels", tmp_path / "labels.txt")
    assert refused.code == 2
    assert re.search(r"--labels has 9 labels, and the output dense\w* has 2", refused.message)
    made = converted(tmp_path, model)
    assert made.code == 0, made.err
    assert "regression" in made.out
    assert "softmax" not in made.out + made.err


def test_pictures_that_are_scaled_twice_are_weak(tmp_path: Path) -> None:
    import keras

    image = keras.Input((8, 8, 3), name="x")
    scaled = keras.applications.resnet50.preprocess_input(image)
    x = keras.layers.Dense(2, "softmax")(keras.layers.GlobalAveragePooling2D()(scaled))
    for number in range(20):
        (tmp_path / "p" / str(number % 2)).mkdir(parents=True, exist_ok=True)
        picture = RNG.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(picture).save(tmp_path / "p" / str(number % 2) / f"{number}.png")
    int8 = ("-q", "int8", "--quantizer", "vendor", "-p", "caffe", "--calibrate", tmp_path / "p")
    made = converted(tmp_path, keras.Model(image, x), *int8)
    assert "the model already scales the pixels of x itself, and caffe scales them again" in made.message
    assert "passed" not in made.out


def batch_normalization(x: Any) -> Any:
    """One that holds the statistics of bytes, as it has after training on them."""
    import keras

    layer = keras.layers.BatchNormalization()
    made = layer(x)
    layer.set_weights([np.ones(3), np.zeros(3), np.full(3, 120.0), np.full(3, 5000.0)])
    return made


def inside(keras: Any, name: str, x: Any) -> Any:
    """Arithmetic that brings bytes to the range of a network, in one of the orders that people write."""
    made = {
        "centred": lambda: x / 127.5 - 1,
        "standardized": lambda: (x - MEANS) / np.float32(58),
        "reversed": lambda: x[..., ::-1] - MEANS[::-1],
        "operations": lambda: keras.ops.multiply(keras.ops.subtract(x, 128.0), 1 / 128),
        "resized": lambda: keras.layers.Rescaling(1 / 255)(keras.layers.Resizing(6, 6)(x)),
        "batch normalization": lambda: batch_normalization(x),
    }
    return made[name]()


@pytest.mark.parametrize(
    "name", ["centred", "standardized", "reversed", "operations", "resized", "batch normalization"]
)
def test_a_models_own_scaling_is_found_however_it_is_written(tmp_path: Path, name: str) -> None:
    import keras

    image = keras.Input((8, 8, 3), name="image")
    end = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(inside(keras, name, image)))
    scaling = load_source(save_live(keras.Model(image, end), tmp_path)).scalings["image"]
    wrong = "caffe" if name == "reversed" else "rescale"
    assert "scales them again" in str(scaling_weakness("image", from_preset(wrong), scaling))
    assert scaling_weakness("image", from_preset("none"), scaling) is None


Together = Callable[[Any, Any], Any]
TOGETHER: dict[str, Together] = {
    "maximum": lambda keras, x: x / keras.ops.max(x),
    "mean of a negative axis": lambda keras, x: x - keras.ops.mean(x, axis=-2, keepdims=True),
    "softmax": lambda keras, x: keras.ops.softmax(x, axis=0) * x,
    "sort": lambda keras, x: keras.ops.sort(x, axis=0),
    "sum so far": lambda keras, x: keras.ops.cumsum(x, axis=0),
    "attention among samples": lambda keras, x: keras.ops.matmul(
        keras.ops.softmax(keras.ops.matmul(x, keras.ops.transpose(x))), x
    ),
}


@pytest.mark.parametrize("name", [*TOGETHER, "none"])
def test_samples_that_see_each_other_are_answered_alone(tmp_path: Path, name: str) -> None:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    row = keras.Input((5,), name="x")
    seen = TOGETHER.get(name, lambda _, x: x)(keras, keras.layers.Dense(4)(row))
    source = load_source(save_live(keras.Model(row, keras.layers.Dense(3)(seen)), tmp_path))
    values = RNG.normal(size=(6, 5)).astype(np.float32)
    (answers,), alone = source.predict({"x": values}).values(), source.freeze().function()
    for number in range(6):
        (wanted,) = alone(tf.constant(values[number : number + 1]))
        np.testing.assert_allclose(answers[number : number + 1], wanted, atol=1e-5)
    assert bool(source.notes or source.remarks) == (name != "none")


def test_what_the_answering_showed_stands_in_the_report(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(1)
    row = keras.Input((5,), name="x")
    hidden = TOGETHER["attention among samples"](keras, keras.layers.Dense(4)(row))
    model = keras.Model(row, keras.layers.Dense(3)(hidden))
    samples = RNG.normal(size=(24, 5)).astype(np.float32)
    made = converted(tmp_path, model, samples=samples)
    assert made.code == 0, made.err
    notes = json.loads((tmp_path / "m.edgecv" / "report.json").read_bytes())["notes"]
    assert any("its samples see each other" in note for note in notes)
