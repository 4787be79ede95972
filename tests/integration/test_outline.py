"""A Keras file that its configuration tells all of is described as the built model is; any other is built."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from edgecv_converters.source.outline import outline
from edgecv_converters.source.request import SourceRequest
from edgecv_runtime.errors import SourceError

from edgecv.inspect import inspect
from edgecv.inspect.model import _built
from tests import architectures, models

Change = Callable[[Any], None]


def plain() -> Any:
    """A model of most of the layers that are told, with two outputs and losses of two kinds."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(1)
    image = keras.Input((33, 30, 3), name="image")
    normalized = layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 1.0, 4.0])(image)
    x = layers.Conv2D(8, (3, 5), strides=2, activation="relu")(layers.Rescaling(1 / 255)(normalized))
    x = layers.BatchNormalization(scale=False)(layers.Normalization()(x))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(layers.ZeroPadding2D(((0, 1), (1, 0)))(x))
    x = layers.SeparableConv2D(12, 3, activation="swish")(layers.AveragePooling2D(2)(x))
    scale = layers.Dense(12, "sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Concatenate()([layers.Multiply()([x, scale]), layers.LeakyReLU()(x)])
    x = layers.UpSampling2D()(layers.Conv2D(8, 1, groups=4, use_bias=False)(x))
    pooled = layers.GlobalMaxPooling2D()(layers.MaxPooling2D(3, strides=2, padding="same")(x))
    kind = layers.Softmax(name="kind")(layers.Dense(5)(layers.Dropout(0.5)(pooled)))
    place = layers.Reshape((2, 2), name="place")(layers.Dense(4)(layers.Flatten()(x)))
    model = keras.Model(image, [kind, place])
    model.compile("adam", {"kind": "categorical_crossentropy", "place": "mse"})
    return model


def sequential() -> Any:
    import keras

    layers = keras.layers
    stack = [layers.Input((6, 5)), layers.Dense(4, use_bias=False), layers.Activation("tanh"), layers.Flatten()]
    return keras.Sequential([*stack, layers.Dense(3), layers.Activation("sigmoid", name="labels")])


def nested() -> Any:
    """A classifier on another network, as transfer learning makes it: a Functional model in a Functional one."""
    import keras

    layers = keras.layers
    inner = keras.Input((12, 12, 3))
    x = layers.Conv2D(5, 3)(layers.Rescaling(1 / 255)(inner))
    base = keras.Model(inner, layers.Add()([x, layers.ReLU()(layers.BatchNormalization()(x))]), name="base")
    image = keras.Input((12, 12, 3), name="image")
    x = layers.GlobalAveragePooling2D()(base(image, training=False))
    return keras.Model(image, layers.Dense(2, "softmax")(x))


def stacked() -> Any:
    import keras

    layers = keras.layers
    base = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()], name="base")
    return keras.Sequential([keras.Input((8, 8, 3)), base, layers.Flatten(), layers.Dense(3, "softmax")])


def shared() -> Any:
    """A nested model that is called twice."""
    import keras

    base = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    given = keras.Input((8,))
    return keras.Model(given, keras.layers.Dense(2)(base(base(given))))


def of_an_activation(name: str) -> Callable[[], Any]:
    def made() -> Any:
        import keras

        return keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, name)])

    return made


TOLD = {
    "plain": plain,
    "sequential": sequential,
    "nested": nested,
    "stacked": stacked,
    "digits": models.digits_network,
    "residual": models.residual_network,
    "linear": of_an_activation("linear"),
    "relu": of_an_activation("relu"),
    **{name: made for name, made in architectures.small_models().items() if name in {"dense_block", "flatten"}},
}
BUILT = {
    "shared": shared,
    "swish": of_an_activation("swish"),
    "recurrent": lambda: models.recurrent("LSTM"),
    **{name: made for name, made in architectures.small_models().items() if name not in TOLD},
}


def saved(model: Any, folder: Path) -> SourceRequest:
    model.save(folder / "model.keras")
    return SourceRequest(path=folder / "model.keras")


@pytest.mark.parametrize("name", TOLD)
def test_what_the_file_tells_is_what_the_built_model_is(name: str, tmp_path: Path) -> None:
    request = saved(TOLD[name](), tmp_path)
    found = outline(request)
    assert found is not None
    assert found == _built(request)


@pytest.mark.parametrize("name", ["plain", "sequential", "residual"])
def test_hdf5_files_of_keras_3_tell_as_much(name: str, tmp_path: Path) -> None:
    model = TOLD[name]()
    model.save(tmp_path / "model.h5")
    request = SourceRequest(path=tmp_path / "model.h5")
    found = outline(request)
    assert found is not None
    assert found == _built(request)


def test_hdf5_files_of_keras_2_tell_as_much(tmp_path: Path) -> None:
    import tf_keras

    layers = tf_keras.layers
    image = tf_keras.Input((12, 12, 3), name="image")
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2")(image))
    x = layers.AveragePooling2D(4)(layers.Add()([layers.Activation("relu")(x), layers.Conv2D(4, 1)(image)]))
    model = tf_keras.Model(image, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))
    models.save_h5(model, tmp_path / "model.h5")
    request = SourceRequest(path=tmp_path / "model.h5")
    found = outline(request)
    assert found is not None
    assert found == _built(request)


@pytest.mark.parametrize("name", ["nested", "stacked"])
def test_a_nested_model_in_an_hdf5_file_is_built(name: str, tmp_path: Path) -> None:
    TOLD[name]().save(tmp_path / "model.h5")
    assert outline(SourceRequest(path=tmp_path / "model.h5")) is None


@pytest.mark.parametrize("name", BUILT)
def test_what_the_file_does_not_tell_is_built(name: str, tmp_path: Path) -> None:
    request = saved(BUILT[name](), tmp_path)
    found = outline(request)
    assert found is None or found == _built(request)


LOOK = """
import sys
from pathlib import Path
from edgecv.inspect.alone import look_into
from edgecv_converters.source.request import SourceRequest
found = look_into(SourceRequest(path=Path(sys.argv[1])))
print(found.info.parameters, {"tensorflow", "keras"} & set(sys.modules))
"""


def test_a_depthwise_layer_of_keras_2_is_built(tmp_path: Path) -> None:
    import tf_keras

    model = tf_keras.Sequential([tf_keras.Input((6, 6, 3)), tf_keras.layers.DepthwiseConv2D(3)])
    models.save_h5(model, tmp_path / "model.h5")
    request = SourceRequest(path=tmp_path / "model.h5")
    assert outline(request) is None
    assert _built(request).notes


def test_a_file_that_tells_all_needs_neither_tensorflow_nor_the_model(tmp_path: Path) -> None:
    model = plain()
    request = saved(model, tmp_path)
    done = subprocess.run([sys.executable, "-c", LOOK, str(request.path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"{model.count_params()} set()\n"


def changed(path: Path, of_config: Change | None = None, of_weights: Change | None = None) -> Path:
    """The archive with another configuration or other weights."""
    out = path.with_name("changed.keras")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        config = json.loads(old.read("config.json"))
        if of_config is not None:
            of_config(config["config"]["layers"])
        old.extract("model.weights.h5", path.parent)
        if of_weights is not None:
            with h5py.File(path.parent / "model.weights.h5", "r+") as weights:
                of_weights(weights["layers"])
        new.writestr("config.json", json.dumps(config))
        new.writestr("metadata.json", old.read("metadata.json"))
        new.write(path.parent / "model.weights.h5", "model.weights.h5")
    return out


def not_a_number(layers: Any) -> None:
    layers["dense/vars/0"][0, 0] = np.nan


def another_size(layers: Any) -> None:
    del layers["dense_1/vars/1"]
    layers["dense_1/vars/1"] = np.zeros(5, np.float32)


@pytest.mark.parametrize(
    ("of_weights", "words"),
    [(not_a_number, "holds NaN values"), (another_size, "cannot load changed.keras")],
    ids=["nan", "size"],
)
def test_damaged_weights_are_named_by_the_loader(of_weights: Change, words: str, tmp_path: Path) -> None:
    path = changed(saved(sequential(), tmp_path).path, of_weights=of_weights)
    assert outline(SourceRequest(path=path)) is None
    with pytest.raises(SourceError, match=words):
        inspect(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("units", 0),
        ("units", 3.0),
        ("units", -1),
        ("units", "many"),
        ("units", None),
        ("units", 1 << 40),
        ("activation", {"class_name": "function"}),
        ("activation", "of my own"),
        ("use_bias", None),
        ("lora_rank", 2),
        ("name", "dense/0"),
        ("name", 4),
        ("dtype", "float16"),
    ],
)
def test_a_strange_configuration_is_left_to_the_loader(key: str, value: Any, tmp_path: Path) -> None:
    path = changed(
        saved(sequential(), tmp_path).path, of_config=lambda layers: layers[4]["config"].update({key: value})
    )
    assert outline(SourceRequest(path=path)) is None


def test_options_and_other_files_are_left_to_the_loader(tmp_path: Path) -> None:
    request = saved(sequential(), tmp_path)
    assert outline(request) is not None
    assert outline(SourceRequest(path=request.path, input_shapes={"": (1, 6, 5)})) is None
    assert outline(SourceRequest(path=request.path, custom_objects="tests.custom_layers")) is None
    shutil.copy(request.path, tmp_path / "half.keras")
    content = request.path.read_bytes()
    (tmp_path / "half.keras").write_bytes(content[: len(content) // 2])
    assert outline(SourceRequest(path=tmp_path / "half.keras")) is None
    assert outline(SourceRequest(path=tmp_path / "none.keras")) is None
