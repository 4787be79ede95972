"""The shared parts of the kinds of heads that choose one class."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.heads.answers import HeadAnswer
from edgecv_runtime.heads.base import Head, Outputs
from edgecv_runtime.heads.metrics import HeadMetrics, class_metrics
from edgecv_runtime.heads.truth import class_indices
from edgecv_runtime.heads.words import AnswerCell, rounded, score_words
from edgecv_runtime.text import one_line

LEAST_SHARE: Final = 0.0005  # what would read as 0.0 % is not worth a column


class OneClassHead(Head):
    """A head that chooses one class."""

    one_class = True

    @abstractmethod
    def decisions(self, outputs: Outputs) -> npt.NDArray[np.int64]:
        """Return the class of each sample: (batch,) int64."""

    def answer(self, index: int, scores: np.ndarray) -> HeadAnswer:
        """Return the answer that chooses the class `index`."""
        return HeadAnswer(
            head=self.spec.name,
            kind=self.kind,
            label=self.label(index),
            index=index,
            score=scores.item(index),
            scores=scores,
        )

    def cells(self, answer: HeadAnswer, count: int) -> tuple[AnswerCell, ...]:
        """Return the best classes, those without a share left out."""
        best, *others = self.top(answer.scores, count)
        named = (best, *(top for top in others if not 0 <= top.score < LEAST_SHARE))
        return tuple(AnswerCell(one_line(top.label), score_words(top.score)) for top in named)

    def record(self, answer: HeadAnswer, outputs: Outputs, count: int) -> dict[str, Any]:
        """Return the class that was chosen, and the best of all."""
        chosen = {"label": answer.label, "index": answer.index, "score": rounded(answer.score)}
        return chosen | {"top": self.top_records(answer, count)}

    def read_truth(self, values: npt.NDArray[Any], origin: str) -> npt.NDArray[Any]:
        """Return the class indices, (n,) int64, of indices or of labels.

        Raises:
            DataError: There is another label than the head's, or not one for each sample.
        """
        return class_indices(values, self.label_names, origin)

    def measure(self, truth: npt.NDArray[Any], answers: npt.NDArray[Any]) -> HeadMetrics:
        """Return accuracy, precision, recall, F1 and the confusion matrix."""
        return class_metrics(truth, answers, self.label_names)

    def target_rows(self) -> npt.NDArray[np.float32]:
        """Return for each class what the output is trained towards: (classes, width) float32."""
        return np.eye(self.width, dtype=np.float32)


def only_class_head(heads: Sequence[Head]) -> OneClassHead | None:
    """Return the only head whose answer is one class, which labels without a head's name are of; None without one."""
    found = [head for head in heads if isinstance(head, OneClassHead)]
    return found[0] if len(found) == 1 else None
