"""Small networks with their int8 and float files, made once a process, for the tests of int8."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import load
from edgecv_converters.tflite.write import packed

from tests import models
from tests.integration.onnx_models import (
    NETWORKS,
    frozen,
    int8_file,
    network,
    quiet,
    samples,
)

SHAPES = {"recurrent": (4, 6, 6, 1)}


def upsampled(x: Any) -> Any:
    """What has no other network here: transposed convolution, resizing, dilation, groups, leaky activations."""
    from keras import layers

    x = layers.LeakyReLU(0.2)(layers.Conv2D(8, 3, dilation_rate=2, padding="same")(x))
    x = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(8, 3, groups=2)(x))
    x = layers.UpSampling2D(2, interpolation="nearest")(layers.MaxPooling2D(2)(x))
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.Conv2DTranspose(4, 3, strides=2, activation="relu")(x)
    return layers.AveragePooling2D(4)(layers.Permute((2, 1, 3))(x))


ALL = {**NETWORKS, "upsampled": upsampled}


@lru_cache(maxsize=16)
def files(name: str) -> tuple[Any, bytes, bytes, np.ndarray]:
    """The graph, its plain int8 file, its float file, and calibration samples."""
    shape = SHAPES.get(name, (16, 16, 3))
    data = samples(shape, 40)
    graph = frozen(network(ALL[name], shape), "tflite")
    with quiet():
        return graph, int8_file(graph, data), to_tflite(graph, "float32"), data


@lru_cache(maxsize=1)
def digits_files() -> tuple[Any, bytes, bytes, np.ndarray, np.ndarray]:
    graph = frozen(models.trained_digits(), "tflite")
    pixels = models.digits()[0][..., None] / np.float32(255)
    with quiet():
        return graph, int8_file(graph, pixels[:200]), to_tflite(graph, "float32"), pixels[:200], pixels[200:1200]


def aligned(data: bytes) -> bytes:
    """A file of TensorFlow's as edgecv writes it: its buffers begin at multiples of 16."""
    return packed(load(data), len(data))
