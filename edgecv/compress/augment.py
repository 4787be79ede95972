"""Training samples changed at random: by Keras's own layers, and mixed with one another; off unless asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import UsageError

from edgecv.compress.options import Augmentation

MIXUP: Augmentation = "mixup"


def augmenter(names: Sequence[Augmentation], sample: npt.NDArray[Any], seed: int) -> Any:
    """A Keras model of the asked-for layers, or None; `sample` (N, H, W, C) tells the range of values.

    "mixup" is no layer, for it changes the labels as well: see `mixed`.

    Raises:
        UsageError: The inputs are no pictures.
    """
    import keras

    if not set(names) - {MIXUP}:
        return None
    if sample.ndim != 4:
        raise UsageError(
            f"--augment is for pictures, and samples have the shape {sample.shape[1:]}", "Leave it out for other inputs"
        )
    low, high = float(sample.min()), float(sample.max())
    layers = keras.layers
    known: dict[Augmentation, Any] = {
        "flip": lambda n: layers.RandomFlip("horizontal", seed=n),
        "rotation": lambda n: layers.RandomRotation(0.04, fill_mode="nearest", seed=n),
        "zoom": lambda n: layers.RandomZoom(0.1, fill_mode="nearest", seed=n),
        "translation": lambda n: layers.RandomTranslation(0.1, 0.1, fill_mode="nearest", seed=n),
        "contrast": lambda n: layers.RandomContrast(0.2, value_range=(low, high), seed=n),
    }
    chosen = [known[name](seed + number) for number, name in enumerate(known) if name in names]
    model = keras.Sequential([keras.Input(sample.shape[1:]), *chosen], name="augmentation")
    model(np.zeros((1, *sample.shape[1:]), np.float32), training=True)
    return model


def mixed(inputs: Sequence[Any], seed: tuple[int, Any]) -> tuple[tuple[Any, ...], Any, Any]:
    """Every sample mixed with another of its batch (Zhang et al. 2018, alpha 1), the larger share its own.

    Args:
        inputs: Tensors (N, ...), one an input.
        seed: Two integers; the same ones mix alike.

    Returns:
        The mixed inputs, each sample's own share (N,) from 0.5 to 1, and the places (N,) of the others.
    """
    import tensorflow as tf

    first, second = (tf.stack([tf.cast(2 * seed[0] + n, tf.int64), tf.cast(seed[1], tf.int64)]) for n in (0, 1))
    count = tf.shape(inputs[0])[0]
    share = tf.random.stateless_uniform([count], first)
    own = tf.maximum(share, 1 - share)
    others = tf.random.experimental.stateless_shuffle(tf.range(count), second)
    return tuple(_blend(values, tf.gather(values, others), own) for values in inputs), own, others


def _blend(values: Any, others: Any, own: Any) -> Any:
    import tensorflow as tf

    share = tf.reshape(own, [-1, *[1] * (len(values.shape) - 1)])
    return share * values + (1 - share) * others
