"""The records of `golden/golden.json`: the cases that every language checks itself with."""

from __future__ import annotations

import msgspec

from edgecv_runtime.records import Record
from edgecv_runtime.schema import Digest


class GoldenTensor(Record, frozen=True, kw_only=True):
    """A raw little-endian file: C order, batch dimension included."""

    file: str
    sha256: Digest
    shape: tuple[int, ...]
    dtype: str


class GoldenAnswer(Record, frozen=True, kw_only=True):
    """The answer of one head that the source's outputs of a case are decoded to.

    `decisions` is what it decides: the index of a class, or a 1 or 0 for each label, or the label of each box; -1 where
    the outputs are not finite, None where the kind decides nothing. `scores` has one float32 number for each answer,
    after the head's activation; for boxes and points their places in the picture as well, for masks and pictures their
    pixels (docs/decoding.md).
    """

    decisions: tuple[int, ...] | None
    scores: GoldenTensor


class GoldenCase(Record, frozen=True, kw_only=True):
    """One case: the picture (None for other inputs), the preprocessed float32 inputs, the source's outputs.

    `answers` are what the heads decode these outputs to, by the name of the head. `source` is what the case begins with
    where that is a clip, its decoded frames (frames, height, width, 3; or without channels for gray) uint8, or a sound,
    one channel (samples) float32 at the input's rate, not filled up; it has no batch dimension. Other cases have no
    such key, nor has a clip whose frames are too large to be kept.
    """

    id: str
    image: str | None
    image_sha256: Digest | None
    inputs: dict[str, GoldenTensor]
    outputs: dict[str, GoldenTensor]
    answers: dict[str, GoldenAnswer]
    source: GoldenTensor | msgspec.UnsetType = msgspec.UNSET

    @property
    def tensors(self) -> tuple[GoldenTensor, ...]:
        """All tensors of the case."""
        scores = (answer.scores for answer in self.answers.values())
        sources = (self.source,) if self.source else ()
        return (*sources, *self.inputs.values(), *self.outputs.values(), *scores)


class Sketch(Record, frozen=True, kw_only=True):
    """A few numbers for what the source computes at one node of its graph on the first golden case.

    `layer` is the source model's layer; of a node that converters fold into a convolution or dense operation before it,
    that operation's. `shape` is the tensor's, in the source's layout; `norm` its Euclidean norm, `projections` its
    products with fixed random sign vectors (edgecv_converters.graph.sketch). By them a wrong artifact's first wrong
    operation is found.
    """

    node: str
    layer: str
    shape: tuple[int, ...]
    norm: float
    projections: tuple[float, ...]


class Golden(Record, frozen=True, kw_only=True):
    """The golden cases of a bundle: all of `golden/golden.json`."""

    cases: tuple[GoldenCase, ...]
    layers: tuple[Sketch, ...] = ()
