"""The training job of an int8 file, made of the labelled samples that a conversion hands over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.quantize import Labelled, TrainingJob
from edgecv_converters.tflite.describe import describe, output_names
from edgecv_converters.workers.records import DataSet, TrainingSets


def training_job(
    sets: TrainingSets, epochs: int, frozen: FrozenGraph, int8: bytes, names: Sequence[str]
) -> TrainingJob:
    """Make the training job for an int8 file, whose inputs in its order are the source's `names`."""
    _, given, _ = describe(int8, frozen.inputs, frozen.outputs)
    (name,) = sets.head.spec.outputs
    tensor = next(io.tensor for io in given if io.name == name)
    return TrainingJob(
        epochs=epochs,
        train=_labelled(sets.train, sets.head.name, names),
        held_out=_labelled(sets.held_out, sets.head.name, names),
        head=sets.head,
        output=output_names(int8).index(tensor),
    )


def _labelled(data: DataSet, head: str, names: Sequence[str]) -> Labelled:
    spool = data.inputs
    samples = [np.load(spool.path(name), mmap_mode="r")[: spool.count] for name in names]
    return Labelled(samples=samples, labels=data.truths[head])
