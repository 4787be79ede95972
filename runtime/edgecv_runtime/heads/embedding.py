"""Heads of the kind `embedding`: a unit vector, near those of pictures that are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_runtime.errors import DataError
from edgecv_runtime.geometry import View
from edgecv_runtime.heads.answers import HeadAnswer
from edgecv_runtime.heads.arithmetic import check_finite
from edgecv_runtime.heads.base import Ending, Head, Outputs
from edgecv_runtime.heads.explained import Explained
from edgecv_runtime.heads.matches import ShareCounts
from edgecv_runtime.heads.recall import RecallMetrics, recall_metrics
from edgecv_runtime.heads.words import AnswerCell, value_words
from edgecv_runtime.schema import Activation


@dataclass(frozen=True)
class Embedding(Head):
    """A vector of length one."""

    kind = "embedding"
    activates = False
    meaning = "a unit vector"
    decides = False
    identifies = True

    @classmethod
    def shown_by(cls, shape: Sequence[int], ending: Ending) -> bool:
        """Return False: numbers alone do not show it."""
        return False

    @classmethod
    def pending(cls, ending: Ending) -> Activation:
        """Return none: the vector is scaled to length one, whatever its end."""
        return "none"

    def check_labels(self, labels: tuple[str, ...]) -> None:
        """Accept any number of names: nothing is read by them."""

    def scores(self, outputs: Outputs) -> np.ndarray:
        """Return the vectors divided by their lengths: (batch, n) float32.

        In float64, squares added in their order, rounded to float32 once; a vector of zeros stays one.
        """
        values = self.values(outputs).astype(np.float64)
        length = np.sqrt(np.add.accumulate(values * values, axis=-1)[:, -1:])
        return np.divide(values, length, out=np.zeros_like(values), where=length != 0).astype(np.float32)

    def decisions(self, outputs: Outputs) -> npt.NDArray[np.int64] | None:
        """Return None: nothing is decided."""
        return None

    def explained(self, outputs: Outputs, wanted: str | None = None) -> Explained:
        """Return the part of a vector that points where this picture's does."""
        unit = self.scores(outputs)[0]
        return Explained("likeness to itself", self.spec.outputs[0], np.arange(len(unit)), unit)

    def read(self, outputs: Outputs, view: View | None = None) -> HeadAnswer:
        """Return the vector."""
        vector = self.scores(outputs)[0]
        check_finite(float(vector.sum()))
        return HeadAnswer(head=self.name, kind=self.kind, scores=vector)

    def comparison(self) -> ShareCounts:
        """Return what measures the cosine between the source's vectors and the artifact's."""
        return ShareCounts(self.name, self._cosine)

    def _cosine(self, reference: Outputs, candidate: Outputs) -> npt.NDArray[np.float64]:
        wanted, got = self.scores(reference).astype(np.float64), self.scores(candidate).astype(np.float64)
        cosines: npt.NDArray[np.float64] = np.clip(np.nan_to_num((wanted * got).sum(axis=1, keepdims=True)), 0, 1)
        return cosines

    def cells(self, answer: HeadAnswer, count: int) -> tuple[AnswerCell, ...]:
        """Return the first numbers of the vector."""
        return (AnswerCell("", value_words(answer.scores, None)),)

    def record(self, answer: HeadAnswer, outputs: Outputs, count: int) -> dict[str, Any]:
        """Return the whole vector."""
        return {"vector": answer.scores.tolist()}

    def answers(self, outputs: Outputs) -> npt.NDArray[Any]:
        """Return the vectors."""
        return self.scores(outputs)

    def read_truth(self, values: npt.NDArray[Any], origin: str) -> npt.NDArray[Any]:
        """Return one identity a sample: (n,) int64.

        Raises:
            DataError: They are not one whole number each.
        """
        if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
            raise DataError(f"{origin} has {values.dtype} {values.shape}", "Store one whole number a sample: who it is")
        return values.astype(np.int64)

    def measure(self, truth: npt.NDArray[Any], answers: npt.NDArray[Any]) -> RecallMetrics:
        """Return how often the nearest other sample has the same identity."""
        return recall_metrics(truth, answers)
