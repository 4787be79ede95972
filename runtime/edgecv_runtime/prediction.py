"""Answers, as small frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from edgecv_runtime.backends import to_real
from edgecv_runtime.errors import BackendError
from edgecv_runtime.postprocess import Head, top_k
from edgecv_runtime.schema import TensorIO


class Prediction(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One answer.

    Attributes:
        label: The class name, its index as text where the bundle has no labels, or None for multilabel and regression.
        index: The class index, or None.
        score: The winning class's value in `scores`, or None.
        labels: The names whose score reaches their threshold, best first; empty but for multilabel.
        scores: One value for each answer of the first output, float32 (see `postprocess.Head.scores`).
        outputs: Every output by name as the model gives it, float32, with a batch of 1.
        preprocess_ms, inference_ms, postprocess_ms: Wall-clock milliseconds of each stage; of a batch, the
            inference's equal share.
    """

    label: str | None
    index: int | None
    score: float | None
    labels: tuple[str, ...]
    scores: np.ndarray
    outputs: Mapping[str, np.ndarray]
    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float


class Top(msgspec.Struct, frozen=True, kw_only=True):
    """One of the best answers: its name, its index, and its score."""

    label: str
    index: int
    score: float


class Answer(NamedTuple):
    """One sample's decision, before it has its timings; the fields are `Prediction`'s, `best` its index."""

    label: str | None
    best: int | None
    score: float | None
    labels: tuple[str, ...]
    scores: np.ndarray


class Reader:
    """Reads a model's raw outputs: dequantizes them, applies the head, and names the answers.

    Args:
        outputs: The artifact's outputs; the first one decides.
        head: What it means; an activation that the artifact applies by itself is left out.
        labels: The class names, or None.
    """

    def __init__(self, outputs: tuple[TensorIO, ...], head: Head, labels: tuple[str, ...] | None) -> None:
        if outputs[0].activation != "none":
            head = replace(head, activation="none")
        self.head = head
        self._ios = outputs
        self._plain = all(io.dtype == "float32" and io.layout != "NCHW" for io in outputs)
        self._labels = labels or ()
        self._direct = head.task == "classification" and head.activation == "none"

    def real(self, raw: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """The outputs as float32, by the source's names."""
        return raw if self._plain else {io.name: to_real(raw[io.name], io) for io in self._ios}

    def read(self, output: np.ndarray) -> Answer:
        """The answer in the first output of one sample, (1, ...) float32.

        Raises:
            BackendError: The model gave NaN, so it said nothing.
        """
        scores = output.reshape(-1) if self._direct else self.head.scores(output)[0]
        if self.head.task == "regression":
            return Answer(None, None, None, (), scores)
        best = int(scores.argmax())  # NaN counts as the highest
        score = scores.item(best)
        if score != score:  # noqa: PLR0124 - true of NaN alone, and cheap
            raise BackendError("the model's output is NaN", "Run edgecv verify, or use another precision")
        if self.head.task == "multilabel":
            return Answer(None, None, None, self._over(output, scores), scores)
        if self.head.task == "binary":
            best = int(self._decided(output)[0])
            score = scores.item(best)
        return Answer(self.label(best), best, score, (), scores)

    def label(self, index: int) -> str:
        """A class's name, or its index as text."""
        return self._labels[index] if index < len(self._labels) else str(index)

    def top(self, scores: np.ndarray, count: int) -> tuple[Top, ...]:
        """The `count` best answers, best first."""
        return tuple(
            Top(label=self.label(index), index=index, score=float(scores[index]))
            for index in top_k(scores, count).tolist()
        )

    def _over(self, output: np.ndarray, scores: np.ndarray) -> tuple[str, ...]:
        chosen = self._decided(output)[0]
        return tuple(self.label(index) for index in top_k(scores, len(scores)).tolist() if chosen[index])

    def _decided(self, output: np.ndarray) -> np.ndarray:
        decided = self.head.decisions(output)
        return np.zeros((len(output), 0), np.int64) if decided is None else decided
