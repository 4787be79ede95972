"""The records that travel between the workers of one conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from edgecv_runtime.heads.base import Ending, Head, Training
from edgecv_runtime.heads.one_class import OneClassHead
from edgecv_runtime.schema import SourceInfo, TensorSpec

from edgecv_converters.data import Spool
from edgecv_converters.graph.finished import FinishedRows
from edgecv_converters.graph.scaling import Scaling
from edgecv_converters.source.beside import Beside


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSummary:
    """A summary of the model that the rest of the conversion works with, without the model.

    `scalings` are what the model itself does to the pixels of an input, as `graph.scaling.input_scalings` finds it,
    `finished` the outputs that are finished boxes, as `graph.finished` does, and `beside` what it says beside its
    graph.
    """

    info: SourceInfo
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    endings: tuple[Ending, ...]
    trained_as: tuple[Training | None, ...]
    has_preprocessing: bool
    scalings: Mapping[str, Scaling]
    notes: tuple[str, ...]
    finished: tuple[FinishedRows, ...] = ()
    beside: Beside = field(default_factory=Beside)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """Preprocessed samples, and by head what is known to be true of them.

    `judged` is the head whose accuracy is measured: its answers are one class each. None where there is none, or
    nothing is known of it.
    """

    name: str
    ids: tuple[str, ...]
    inputs: Spool
    truths: dict[str, np.ndarray] = field(default_factory=dict)
    judged: str | None = None

    @property
    def labels(self) -> np.ndarray | None:
        """The class indices of the head whose accuracy is measured, (count,) int64, or None."""
        return None if self.judged is None else self.truths[self.judged]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """The labelled samples that the budget is judged on, what they are in words, and the head that they are of."""

    data: DataSet
    on: str
    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSets:
    """The labelled sets of quantization-aware training: one to train on, one that decides the best epoch."""

    train: DataSet
    held_out: DataSet
    head: OneClassHead
