"""The models that people bring: builders, data of the right shape, and a cache of what was built.

Small ones are trained on their data for some seconds. The deep ones have random weights, or a few epochs of
training where random weights lose the signal, and a last layer fitted to their data. All have batch-norm statistics
of their data (`zoo_train`). So answers are decisive, and agreement means something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from benchmarks import zoo_data, zoo_models
from benchmarks.zoo_train import probe, settle, train, wake

Data = Callable[[int, int], tuple[zoo_data.Array, zoo_data.Labels]]
REVISION = 3
SETTLE_BYTES = 64 * 1024 * 1024
TRAIN_SEED, SAMPLE_SEED = 1000, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooModel:
    """One model of the zoo.

    Attributes:
        architecture: Makes it, untrained.
        data: Samples as the model takes them, and their labels.
        training: The number of samples it is trained on.
        epochs: How often it sees each of them.
        probed: Whether the last layer is fitted in closed form afterwards: for deep ones, hardly trained.
        samples: "image" where a sample is a picture, else "tensor".
    """

    architecture: Callable[[], Any]
    data: Data
    training: int = 1000
    epochs: int = 0
    probed: bool = False
    samples: Literal["image", "tensor"] = "image"


def _scaled(data: Data, scale: float, offset: float = 0.0) -> Data:
    def scaled(count: int, seed: int) -> tuple[zoo_data.Array, zoo_data.Labels]:
        samples, labels = data(count, seed)
        return samples * np.float32(scale) + np.float32(offset), labels

    return scaled


def _flat(count: int, seed: int) -> tuple[zoo_data.Array, zoo_data.Labels]:
    samples, labels = zoo_data.digits(count, seed)
    return samples.reshape(count, -1) / np.float32(255), labels


def _pictures(size: int) -> Data:
    return partial(zoo_data.pictures, size=size)


def _application(name: str, *, rescales: bool, epochs: int = 0) -> ZooModel:
    data = zoo_data.textures if rescales else _scaled(zoo_data.textures, 1 / 127.5, -1)
    return ZooModel(
        architecture=partial(zoo_models.application, name), data=data, training=320, epochs=epochs, probed=True
    )


_UNIT_DIGITS = _scaled(zoo_data.digits, 1 / 255)
_TWO_SHAPES = partial(zoo_data.shapes, size=150, classes=2, color=True)
_CLIP = ZooModel(
    architecture=zoo_models.cnn_lstm_clip,
    data=_scaled(zoo_data.clips, 1 / 255),
    training=48,
    epochs=8,
    samples="tensor",
)

ZOO: Mapping[str, ZooModel] = {
    "mnist_mlp": ZooModel(architecture=zoo_models.mnist_mlp, data=_flat, epochs=12, samples="tensor"),
    "mnist_cnn_small": ZooModel(architecture=zoo_models.mnist_cnn_small, data=_UNIT_DIGITS, epochs=4),
    "mnist_cnn": ZooModel(architecture=zoo_models.mnist_cnn, data=_UNIT_DIGITS, epochs=5),
    "shapes_cnn": ZooModel(architecture=zoo_models.shapes_cnn, data=zoo_data.shapes, epochs=4),
    "cifar_cnn": ZooModel(architecture=zoo_models.cifar_cnn, data=_scaled(_pictures(32), 1 / 255), epochs=6),
    "imagenette_cnn": ZooModel(
        architecture=zoo_models.imagenette_cnn, data=_scaled(_pictures(224), 1 / 255), training=320, epochs=6
    ),
    "vgg16_transfer": ZooModel(
        architecture=zoo_models.vgg16_transfer,
        data=_scaled(partial(zoo_data.textures, size=150), 1 / 127.5, -1),
        training=160,
        probed=True,
    ),
    "vgg16_features": ZooModel(
        architecture=zoo_models.vgg16_features, data=zoo_data.features, epochs=15, samples="tensor"
    ),
    "cnn_224": ZooModel(
        architecture=zoo_models.cnn_224,
        data=_scaled(partial(zoo_data.textures, size=224), 1 / 255),
        training=320,
        epochs=6,
    ),
    "bn_dropout_binary": ZooModel(
        architecture=zoo_models.bn_dropout_binary,
        data=_scaled(_TWO_SHAPES, 1 / 255),
        training=320,
        epochs=4,
        probed=True,
    ),
    "cnn_lstm_clip": _CLIP,
    "spectrogram_cnn": ZooModel(
        architecture=zoo_models.spectrogram_cnn, data=zoo_data.spectrograms, training=600, epochs=6, samples="tensor"
    ),
    "MobileNetV2": _application("MobileNetV2", rescales=False, epochs=4),
    "MobileNetV3Small": _application("MobileNetV3Small", rescales=True, epochs=6),
    "EfficientNetB0": _application("EfficientNetB0", rescales=True, epochs=4),
    "ConvNeXtTiny": _application("ConvNeXtTiny", rescales=True),
    "DenseNet121": _application("DenseNet121", rescales=False),
    "ResNet50V2": _application("ResNet50V2", rescales=False),
}


def build(name: str, folder: Path = Path("build/zoo")) -> Any:
    """The ready `keras.Model` called `name`; from `folder` if it was built before.

    Raises:
        KeyError: There is no such model.
    """
    return keras.models.load_model(path_of(name, folder), compile=False)


def path_of(name: str, folder: Path = Path("build/zoo")) -> Path:
    """The `.keras` file of the ready model, built first if it is not there."""
    chosen = ZOO[name]
    path = folder / f"{name}-{REVISION}.keras"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partly = path.with_suffix(".partly.keras")
        _ready(chosen).save(partly)
        partly.replace(path)
    return path


def sample_inputs(name: str, count: int, seed: int = 0) -> tuple[zoo_data.Array, zoo_data.Labels]:
    """Samples that the model was not trained on, as it takes them: (count, ...) float32, and int64 labels."""
    return ZOO[name].data(count, SAMPLE_SEED + seed)


def sample_arrays(name: str, count: int, seed: int = 0) -> dict[str, Any]:
    """The same as the arrays of an .npz file."""
    return dict(zip(("samples", "labels"), sample_inputs(name, count, seed), strict=True))


def _ready(chosen: ZooModel) -> Any:
    keras.utils.set_random_seed(0)
    model = chosen.architecture()
    samples, labels = chosen.data(chosen.training, TRAIN_SEED)
    if chosen.probed:
        wake(model)
    if chosen.epochs:
        train(model, samples, labels, chosen.epochs)
    enough = max(64, SETTLE_BYTES // samples[0].nbytes)
    settle(model, samples[:enough])  # a short training leaves the moving statistics far behind
    if chosen.probed:
        probe(model, samples, labels)
    plain = chosen.architecture()  # without the optimizer's state
    plain.set_weights(model.get_weights())
    return plain
