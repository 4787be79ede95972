"""Heads of the kind `multilabel`: any of n labels, each by its own threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_runtime.geometry import View
from edgecv_runtime.heads.answers import HeadAnswer
from edgecv_runtime.heads.arithmetic import check_finite, top_k
from edgecv_runtime.heads.base import Ending, Head, Outputs
from edgecv_runtime.heads.metrics import HeadMetrics, label_metrics
from edgecv_runtime.heads.truth import label_bits
from edgecv_runtime.heads.words import AnswerCell, score_words
from edgecv_runtime.schema import Activation
from edgecv_runtime.text import one_line


@dataclass(frozen=True)
class Multilabel(Head):
    """Any of n labels: each one holds whose score reaches its threshold."""

    kind = "multilabel"
    trained = "labels"
    meaning = "any of n labels"
    takes_thresholds = True

    @classmethod
    def shown_by(cls, shape: Sequence[int], ending: Ending) -> bool:
        """Return whether there are several values a sample, each of them a probability."""
        return len(shape) == 2 and shape[-1] > 1 and ending == "sigmoid"

    @classmethod
    def pending(cls, ending: Ending) -> Activation:
        """Return sigmoid for logits."""
        return "sigmoid" if ending == "logits" else "none"

    @property
    def threshold_labels(self) -> tuple[str, ...]:
        """Each label may have its own."""
        return self.spec.labels or ()

    def scores(self, outputs: Outputs) -> np.ndarray:
        """Return the probability of each label."""
        return self.activated(outputs)

    def decisions(self, outputs: Outputs) -> npt.NDArray[np.int64]:
        """Return a 1 for each label whose probability reaches its threshold, else a 0: (batch, labels)."""
        return np.asarray(self._holds(self.activated(outputs)), np.int64)

    def read(self, outputs: Outputs, view: View | None = None) -> HeadAnswer:
        """Return the labels that hold, the one with the highest score first."""
        scores = self.activated(outputs)[0]
        check_finite(float(scores.max()))
        holds = self._holds(scores)
        labels = tuple(self.label(index) for index in top_k(scores, len(scores)).tolist() if holds[index])
        return HeadAnswer(head=self.spec.name, kind=self.kind, labels=labels, scores=scores)

    def cells(self, answer: HeadAnswer, count: int) -> tuple[AnswerCell, ...]:
        """Return the labels that hold, all of them."""
        holds = self._holds(answer.scores)
        best = self.top(answer.scores, len(answer.scores))
        return tuple(AnswerCell(one_line(top.label), score_words(top.score)) for top in best if holds[top.index])

    def _holds(self, scores: np.ndarray) -> npt.NDArray[np.bool_]:
        return np.asarray(scores >= np.asarray(self.spec.thresholds, np.float32))

    def record(self, answer: HeadAnswer, outputs: Outputs, count: int) -> dict[str, Any]:
        """Return the labels that hold, and the best of all."""
        return {"labels": answer.labels, "top": self.top_records(answer, count)}

    def read_truth(self, values: npt.NDArray[Any], origin: str) -> npt.NDArray[Any]:
        """Return (n, labels) int64 of zeros and ones.

        Raises:
            DataError: There are others, or not as many as labels.
        """
        return label_bits(values, self.width, origin)

    def measure(self, truth: npt.NDArray[Any], answers: npt.NDArray[Any]) -> HeadMetrics:
        """Return the share of samples with all labels right, and precision, recall and F1 of each label."""
        return label_metrics(truth, answers, self.label_names)
