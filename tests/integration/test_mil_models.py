"""Whole Keras models, converted to Core ML, in the reference evaluator: as close to Keras as rounding allows."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
from edgecv_converters.coreml.convert import to_coreml
from edgecv_converters.mil import Evaluator, load_program
from edgecv_converters.source import load_source
from keras import layers

from tests.canonical import canonical
from tests.integration.mil_programs import U, converting, coremltools

coremltools()


def plain():
    return keras.Sequential(
        [
            keras.Input((13, 11, 3)),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            layers.MaxPooling2D(2, padding="same"),
            layers.Conv2D(6, 3, dilation_rate=2, padding="same", activation="gelu"),
            layers.AveragePooling2D(2, strides=1, padding="same"),
            layers.Flatten(),
            layers.Dense(7, "elu"),
            layers.Dense(5, "softmax"),
        ]
    )


def inverted_residual():
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(inputs)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.Activation("silu")(layers.BatchNormalization()(y))
    squeeze = layers.GlobalAveragePooling2D(keepdims=True)(y)
    squeeze = layers.Conv2D(8, 1, activation="hard_sigmoid")(layers.Conv2D(2, 1, activation="relu")(squeeze))
    x = layers.Add()([x, layers.Multiply()([y, squeeze])])
    x = layers.ReLU()(layers.BatchNormalization()(layers.Concatenate()([x, y])))
    x = layers.SeparableConv2D(6, 3, depth_multiplier=2)(layers.ZeroPadding2D(((0, 1), (1, 0)))(x))
    return keras.Model(inputs, layers.Dense(4, "softmax")(layers.GlobalMaxPooling2D()(x)))


def up_and_down():
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="tanh")(inputs)
    x = layers.LayerNormalization()(layers.UpSampling2D(2, interpolation="bilinear")(x))
    x = layers.LeakyReLU(0.25)(layers.UpSampling2D((1, 2))(layers.Cropping2D(2)(x)))
    x = layers.PReLU(shared_axes=[1, 2], alpha_initializer="random_normal")(layers.Conv2D(4, 3, groups=2)(x))
    return keras.Model(inputs, [layers.GroupNormalization(2)(x), layers.Activation("softplus")(x)])


def recurrent():
    return keras.Sequential(
        [keras.Input((3, 4)), layers.GRU(5, return_sequences=True), layers.LSTM(4), layers.Dense(3)]
    )


@cache
def frozen_model(build):
    """The model, and its frozen graph."""
    keras.utils.set_random_seed(0)
    model = stirred(build())
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        return model, canonical(load_source(Path(folder) / "model.keras").freeze(), "coreml")


def stirred(model):
    """Weights that are not zero or one: biases and batch norm statistics at random too."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        low, high = (0.5, 1.5) if "variance" in weight.path else (-0.5, 0.5)
        if "seed" not in weight.path:
            weight.assign(rng.uniform(low, high, weight.shape))
    return model


@pytest.mark.parametrize("build", [plain, inverted_residual, up_and_down, recurrent])
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_model_agrees_with_keras(build, precision, tmp_path):
    model, frozen = frozen_model(build)
    package = tmp_path / "model.mlpackage"
    with converting():
        to_coreml(frozen, precision, package)
    program = load_program(package)
    x = np.random.default_rng(1).uniform(-1, 1, (1, *model.input_shape[1:])).astype("float32")
    wanted = model(x)
    found = Evaluator(program).run({program.inputs[0].name: x})
    answers = [found[feature.name] for feature in program.outputs]
    # A float32 answer is a few hundred roundings of independent signs away from the exact one, in each of the two
    # programs: about 2 sqrt(256) U of the largest number there is.
    unit = U[precision]
    for expected, answer in zip(wanted if isinstance(wanted, list) else [wanted], answers, strict=True):
        exact = np.asarray(expected, np.float64)
        assert answer.dtype == precision
        assert float(np.abs(answer - exact).max()) <= 32 * unit * float(np.abs(exact).max())
