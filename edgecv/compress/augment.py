"""Training samples changed at random, as Keras's own layers do it; off unless asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import UsageError

from edgecv.compress.options import Augmentation


def augmenter(names: Sequence[Augmentation], sample: npt.NDArray[Any], seed: int) -> Any:
    """A Keras model of the asked-for layers, or None; `sample` (N, H, W, C) tells the range of values.

    Raises:
        UsageError: The inputs are no pictures.
    """
    import keras

    if not names:
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
