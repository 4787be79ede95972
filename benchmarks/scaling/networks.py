"""The networks whose cost is measured: their weights are random, their answers are decisive."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from benchmarks import zoo_data

SETTLING: Final = 48  # pictures that batch norms take their statistics from
STRONGER: Final = 8  # than untrained ones are the last layer's weights
CLASSES: Final = 100
Build = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Network:
    """A network to build, for square pictures of `side`."""

    side: int
    build: Build


def application(name: str, side: int, **options: Any) -> Network:
    """One of `keras.applications`."""
    return Network(side, partial(_application, name, side, options))


def plain(side: int, *, stride: int = 4, width: int = 32, blocks: int = 4, hidden: tuple[int, ...] = ()) -> Network:
    """Residual blocks of two 3 x 3 convolutions behind a first one of `stride`, and dense layers of `hidden` units.

    Each of these changes one cost alone: the stride multiply-adds, the blocks layers, hidden units parameters.
    """
    return Network(side, partial(_plain, side, stride, width, blocks, hidden))


@dataclass(frozen=True, slots=True)
class Size:
    """How large a network is, as `edgecv inspect` counts: its parameters, and its multiply-adds for one picture."""

    parameters: int
    multiply_adds: int


def save(network: Network, pictures: int, folder: Path) -> Size:
    """Save a network as `folder/model.keras` beside `folder/pictures`, in a process that gives back its memory.

    Its batch norms have the statistics of the pictures, and its last layer larger weights, so that its answers are
    decisive: an untrained network's are all about the same, which no int8 softmax holds.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_save, (network, pictures, folder))


def _save(network: Network, pictures: int, folder: Path) -> Size:
    import keras
    from edgecv_converters.source.request import SourceRequest

    from benchmarks import zoo_train
    from edgecv.inspect.model import inspect_model

    samples, labels = zoo_data.textures(pictures, 1, size=network.side)
    low, high = float(samples.min()), float(samples.max())
    pixels = ((samples - low) * (255 / (high - low))).round().astype(np.uint8)
    for number, (picture, label) in enumerate(zip(pixels, labels, strict=True)):
        place = folder / "pictures" / f"{int(label):03d}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{number:05d}.png")
    keras.utils.set_random_seed(0)
    model = network.build()
    zoo_train.settle(model, pixels[:SETTLING].astype(np.float32))
    model.layers[-1].kernel.assign(np.asarray(model.layers[-1].kernel) * STRONGER)
    model.save(folder / "model.keras")
    info = inspect_model(SourceRequest(path=folder / "model.keras")).info
    return Size(int(info.parameters), int(info.multiply_adds or 0))


def _application(name: str, side: int, options: dict[str, Any]) -> Any:
    import keras

    return getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), **options)


def _plain(side: int, stride: int, width: int, blocks: int, hidden: tuple[int, ...]) -> Any:
    import keras

    layers = keras.layers

    def convolve(values: Any, strides: int = 1) -> Any:
        found = layers.Conv2D(width, 3, strides, "same", use_bias=False)(values)
        return layers.BatchNormalization()(found)

    image = keras.Input((side, side, 3))
    values = layers.ReLU()(convolve(layers.Rescaling(1 / 127.5, -1)(image), stride))
    for _ in range(blocks):
        inner = layers.ReLU()(convolve(values))
        values = layers.ReLU()(layers.Add()([values, convolve(inner)]))
    values = layers.GlobalAveragePooling2D()(values)
    for units in hidden:
        values = layers.Dense(units, activation="relu")(values)
    return keras.Model(image, layers.Dense(CLASSES, activation="softmax")(values))
