"""The models that are asked, the trained one or an artifact of a bundle: both answer changed copies of a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from edgecv_runtime.backends import Backend, to_raw, to_real
from edgecv_runtime.errors import UsageError
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.explained import Explained
from edgecv_runtime.schema import Artifact

from edgecv_converters.explain.canvas import Canvas
from edgecv_converters.explain.network import InnerNetwork
from edgecv_converters.explain.records import Floats, Scores, Tensor
from edgecv_converters.explain.settings import ExplainSettings
from edgecv_converters.source.model import SourceModel
from edgecv_converters.targets import ProofMethod, find

Outputs = dict[str, Tensor]


class Answering(ABC):
    """A model that answers raw tensors.

    Attributes:
        head: The head whose answers are explained.
    """

    head: Head

    @property
    @abstractmethod
    def how(self) -> str:
        """The runtime or library that computes the answers, in words."""

    @property
    def network(self) -> InnerNetwork | None:
        """The network, where it can be looked into."""
        return None

    @abstractmethod
    def canvas(self, sample: Floats, settings: ExplainSettings) -> Canvas:
        """Return a picture, given as the source model takes it, as this model takes it."""

    @abstractmethod
    def answer(self, raw: Tensor) -> Outputs:
        """Return the real outputs of a batch of raw tensors."""

    def scorer(self, explained: Explained) -> Callable[[Tensor], Scores]:
        """Return the function from raw tensors to the numbers that are explained."""
        return lambda raw: explained.scores(self.answer(raw), self.head.spec.activation)


@dataclass
class AnsweringSource(Answering):
    """The trained model, in this process."""

    source: SourceModel
    head: Head

    def __post_init__(self) -> None:
        only_input([spec.name for spec in self.source.inputs])

    @property
    def how(self) -> str:
        """The loader, such as "keras 3.15.1"."""
        return f"the trained model, by {self.source.loaded.loader}"

    @cached_property
    def _network(self) -> InnerNetwork:
        return InnerNetwork(self.source)

    @property
    def network(self) -> InnerNetwork:
        """The Keras model."""
        return self._network

    def canvas(self, sample: Floats, settings: ExplainSettings) -> Canvas:
        """Return the picture as it is."""
        return Canvas(sample, baseline=settings.baseline)

    def answer(self, raw: Tensor) -> Outputs:
        """Return the model's own answers."""
        return self.source.predict({self.source.inputs[0].name: raw})


@dataclass
class AnsweringArtifact(Answering):
    """An artifact that a runtime has loaded."""

    artifact: Artifact
    backend: Backend
    head: Head
    words: str
    _name: str = field(init=False)

    def __post_init__(self) -> None:
        self._name = only_input([io.name for io in self.artifact.inputs])

    @property
    def how(self) -> str:
        """The runtime that really runs."""
        return self.words

    def canvas(self, sample: Floats, settings: ExplainSettings) -> Canvas:
        """Return the picture in the artifact's data type and layout."""
        io = self.artifact.inputs[0]
        raw, zeros = to_raw(sample[None], io)[0], to_raw(np.zeros_like(sample)[None], io)[0]
        return Canvas(raw, planar=io.layout == "NCHW", baseline=settings.baseline, zeros=zeros)

    def answer(self, raw: Tensor) -> Outputs:
        """Return the outputs; a batch that the artifact does not take at once goes through in parts."""
        size, count = self.artifact.batch, len(raw)
        found: list[Outputs] = []
        for start in range(0, count, size):
            rows = raw[start : start + size] if start + size <= count else raw[np.arange(start, start + size) % count]
            found.append(self.backend.run({self._name: np.ascontiguousarray(rows)}))
        return {
            io.name: to_real(np.concatenate([part[io.name] for part in found])[:count], io)
            for io in self.artifact.outputs
        }


@contextmanager
def opened_artifact(
    root: Path, artifact: Artifact, head: Head, method: ProofMethod, threads: int
) -> Iterator[AnsweringArtifact]:
    """Load an artifact of a bundle for as long as the block runs.

    Raises:
        EdgecvError: The runtime cannot load the file, or is not installed.
    """
    target = find(artifact.target)
    backend = target.open(artifact, root / artifact.file, method, threads=threads)
    try:
        yield AnsweringArtifact(artifact, backend, head.given(artifact.outputs), target.execution(backend))
    finally:
        backend.close()


def only_input(names: list[str]) -> str:
    """Return the model's only input.

    Raises:
        UsageError: It has several: a picture alone is not all that is answered.
    """
    if len(names) != 1:
        raise UsageError(
            f"the model has several inputs ({', '.join(names)})",
            "Explanations are of one picture: make a model of it in which the other inputs are constants",
        )
    return names[0]
