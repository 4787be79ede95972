"""prune opens the nested models that convert takes, and labels files may number their lines."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.data.inputs import read_labels

import edgecv
from edgecv.compress.load import load_flat


def body(keras):
    """A convolution, batch norm and a depthwise block with its shortcut: (32, 32, 3) to (16, 16, 16)."""
    layers = keras.layers
    image = keras.Input((32, 32, 3))
    x = layers.BatchNormalization()(layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(image))
    x = layers.ReLU(6.0)(x)
    y = layers.Conv2D(16, 1)(layers.DepthwiseConv2D(3, padding="same")(x))
    return keras.Model(image, layers.Add()([x, y]))


def web_trainer(keras):
    """Sequential of a Sequential around a functional body and a Sequential head, as Teachable Machine writes it."""
    layers = keras.layers
    features = keras.Sequential([body(keras), layers.GlobalAveragePooling2D()])
    hidden = layers.Dense(100, activation="relu", input_shape=(16,))
    model = keras.Sequential(
        [features, keras.Sequential([hidden, layers.Dense(3, activation="softmax", use_bias=False)])]
    )
    model.build((None, 32, 32, 3))
    return model


def four_deep(keras):
    layers = keras.layers
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(16, 3, strides=4)])
    for more in ([layers.ReLU()], [layers.Flatten()], [layers.Dense(24, activation="relu"), layers.Dense(2)]):
        model = keras.Sequential([model, *more])
    model.build((None, 32, 32, 3))
    return model


def functional_of_sequentials(keras):
    layers = keras.layers
    image = keras.Input((32, 32, 3))
    x = keras.Sequential([layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D()])(image)
    x = keras.Sequential([layers.Conv2D(16, 3), layers.GlobalMaxPooling2D()])(x)
    return keras.Model(image, layers.Dense(4)(x))


def two_branches(keras):
    """A body that is called twice, and a nested model with two outputs."""
    layers = keras.layers
    images = [keras.Input((32, 32, 3)) for _ in range(2)]
    shared, inner = body(keras), keras.Input((16, 16, 16))
    twofold = keras.Model(inner, [layers.Conv2D(16, 3)(inner), layers.Conv2D(16, 3)(inner)])
    ends = twofold(layers.Subtract()([shared(image) for image in images]))
    return keras.Model(images, layers.Dense(2)(layers.GlobalAveragePooling2D()(layers.Concatenate()(ends))))


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("build", [web_trainer, four_deep, functional_of_sequentials, two_branches])
def test_nested_models_of_keras_2_are_opened_with_their_answers(build, tmp_path):
    import tf_keras

    model = build(tf_keras)
    model.save(tmp_path / "model.h5")
    flat = load_flat(tmp_path / "model.h5", input_shapes={}, allow_code=False, custom_objects=None)
    assert not any(hasattr(layer, "layers") for layer in flat.layers)
    rng = np.random.default_rng(0)
    samples = [rng.random((3, 32, 32, 3), np.float32) for _ in model.inputs]
    given = samples if len(samples) > 1 else samples[0]
    np.testing.assert_allclose(np.asarray(flat(given)), np.asarray(model(given)), rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_what_a_web_trainer_writes_is_pruned(tmp_path):
    import tf_keras

    web_trainer(tf_keras).save(tmp_path / "keras_model.h5")
    made = edgecv.prune(tmp_path / "keras_model.h5", out=tmp_path / "small.keras")
    assert (tmp_path / "small.keras").exists()
    assert made.report.after.multiply_adds < made.report.before.multiply_adds


NUMBERED = {
    "a space": ("0 Rock\n1 Paper\n2 Scissors\n", ("Rock", "Paper", "Scissors")),
    "from one": ("1 Rock\n2 Paper\n", ("Rock", "Paper")),
    "colons": ("0: red fox\n1: arctic fox\n", ("red fox", "arctic fox")),
    "commas": ("0,cat\n1,dog\n", ("cat", "dog")),
    "tabs and zeros": ("00\tcat\n01\tdog\n", ("cat", "dog")),
    "brackets": ("0) cat\n1) dog\n", ("cat", "dog")),
    "in another order": ("1 dog\n0 cat\n", ("cat", "dog")),
    "eleven": ("".join(f"{k} c{k}\n" for k in range(11)), tuple(f"c{k}" for k in range(11))),
    "numbers alone": ("0\n1\n2\n", ("0", "1", "2")),
    "numbers that count things": ("0 cars\n1 car\n2 cars\n", ("0 cars", "1 car", "2 cars")),
    "numbers with a gap": ("5 euro\n10 cent\n", ("5 euro", "10 cent")),
    "measures": ("0.5 kg\n1.0 kg\n", ("0.5 kg", "1.0 kg")),
    "dots": ("0. cat\n1. dog\n", ("cat", "dog")),
    "names that begin with digits": ("0_background\n1st\n", ("0_background", "1st")),
    "only some": ("0 cat\ndog\n", ("0 cat", "dog")),
}


@pytest.mark.parametrize(("text", "wanted"), NUMBERED.values(), ids=NUMBERED)
def test_labels_files_may_number_their_lines(text, wanted, tmp_path):
    (tmp_path / "labels.txt").write_text(text)
    assert read_labels(tmp_path / "labels.txt") == wanted
