"""MLPerf Tiny's trained ResNet8 and keyword spotter, where they lie beside the repository, as models of the zoo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_converters.data import open_samples
from PIL import Image

from benchmarks.shared import KWS, PICTURES, RESNET8

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class SharedModel:
    """A trained model's path, and its samples: (count, part of the data, seed) to "samples" and perhaps "labels"."""

    path: Path
    samples: Callable[[int, str, int], Arrays]


def pictures(count: int, part: str, seed: int) -> Arrays:
    """CIFAR-10 pictures as float32 pixels of 0..255, (count, 32, 32, 3), balanced by class."""
    chosen = open_samples(PICTURES / part, labelled=True).choose(count, seed)
    pixels = [np.asarray(Image.open(Path(str(sample.location))).convert("RGB")) for sample in chosen.samples]
    return {"samples": np.stack(pixels).astype(np.float32), "labels": np.asarray(chosen.labels(None), np.int64)}


def sounds(count: int, part: str, seed: int) -> Arrays:
    """Drawn spectrograms, (count, 49, 10, 1): sums of noise over time, which wander as decaying cepstra do.

    Nobody knows what they say: the labels are the source model's own answers.
    """
    import tensorflow as tf
    from edgecv_converters.source import load_source

    noise = np.random.default_rng([seed, len(part)]).normal(0, 2, (count, 49, 10, 1))
    samples = np.cumsum(noise, axis=1).astype(np.float32)
    source = load_source(KWS).freeze().function()
    answers = [np.asarray(source(tf.constant(sample[None]))[0]).argmax() for sample in samples]
    return {"samples": samples, "labels": np.asarray(answers, np.int64)}


ALL: Mapping[str, SharedModel] = {
    "resnet8": SharedModel(RESNET8, pictures),
    "kws_dscnn": SharedModel(KWS, sounds),
}
MODELS: Mapping[str, SharedModel] = {name: model for name, model in ALL.items() if model.path.exists()}
