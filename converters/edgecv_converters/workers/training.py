"""The labelled samples of quantization-aware training, as they travel to the worker that trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from edgecv_runtime.heads.one_class import OneClassHead

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.quantize import Labelled, TrainingJob
from edgecv_converters.tflite import describe, output_names
from edgecv_converters.workers.prove import DataSet


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSets:
    """The labelled sets of quantization-aware training: one to train on, one that decides the best epoch."""

    train: DataSet
    held_out: DataSet
    head: OneClassHead

    def training(self, epochs: int, frozen: FrozenGraph, int8: bytes, names: Sequence[str]) -> TrainingJob:
        """Make the training job for an int8 file, whose inputs in its order are the source's `names`."""
        _, given, _ = describe(int8, frozen.inputs, frozen.outputs)
        (name,) = self.head.spec.outputs
        tensor = next(io.tensor for io in given if io.name == name)
        return TrainingJob(
            epochs=epochs,
            train=self._labelled(self.train, names),
            held_out=self._labelled(self.held_out, names),
            head=self.head,
            output=output_names(int8).index(tensor),
        )

    def _labelled(self, data: DataSet, names: Sequence[str]) -> Labelled:
        spool = data.inputs
        samples = [np.load(spool.path(name), mmap_mode="r")[: spool.count] for name in names]
        return Labelled(samples=samples, labels=data.truths[self.head.name])
