"""Heads of the kind `regression`: numbers that mean themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_runtime.geometry import View
from edgecv_runtime.heads.answers import HeadAnswer
from edgecv_runtime.heads.base import Ending, Head, Outputs
from edgecv_runtime.heads.metrics import HeadMetrics, value_metrics
from edgecv_runtime.heads.truth import numbers
from edgecv_runtime.heads.words import AnswerCell, value_words
from edgecv_runtime.schema import Activation


@dataclass(frozen=True)
class Regression(Head):
    """Numbers that mean themselves: nothing is decided."""

    kind = "regression"
    trained = "numbers"
    meaning = "numbers"
    decides = False

    @classmethod
    def shown_by(cls, shape: Sequence[int], ending: Ending) -> bool:
        """Return True: what shows nothing else is numbers."""
        return True

    @classmethod
    def pending(cls, ending: Ending) -> Activation:
        """Return none: the numbers are what they are."""
        return "none"

    @property
    def label_count(self) -> int:
        """One name for each number of a sample."""
        return self.width

    def check_labels(self, labels: tuple[str, ...]) -> None:
        """Accept any number of names: nothing is read by them."""

    def scores(self, outputs: Outputs) -> np.ndarray:
        """Return the numbers."""
        return self.activated(outputs)

    def decisions(self, outputs: Outputs) -> None:
        """Return None: nothing is decided."""
        return

    def usual_answer(self, outputs: Outputs) -> int:
        """Return the first number: none of them is better than another."""
        return 0

    def read(self, outputs: Outputs, view: View | None = None) -> HeadAnswer:
        """Return the numbers."""
        return HeadAnswer(head=self.spec.name, kind=self.kind, scores=self.activated(outputs)[0])

    def cells(self, answer: HeadAnswer, count: int) -> tuple[AnswerCell, ...]:
        """Return the first numbers, all in one cell."""
        return (AnswerCell("", value_words(answer.scores, self.spec.unit)),)

    def record(self, answer: HeadAnswer, outputs: Outputs, count: int) -> dict[str, Any]:
        """Return the numbers in the shape that the model gives them."""
        return {"outputs": {name: outputs[name][0].tolist() for name in self.spec.outputs}}

    def answers(self, outputs: Outputs) -> npt.NDArray[Any]:
        """Return the numbers, which are held against labelled ones."""
        return self.activated(outputs)

    def read_truth(self, values: npt.NDArray[Any], origin: str) -> npt.NDArray[Any]:
        """Return (n, columns) float64.

        Raises:
            DataError: They are no finite numbers, or not as many as the model gives.
        """
        return numbers(values, self.width, origin)

    def measure(self, truth: npt.NDArray[Any], answers: npt.NDArray[Any]) -> HeadMetrics:
        """Return the mean absolute error, the root mean square error and R2 of each column."""
        return value_metrics(truth, answers, self.columns, self.spec.unit)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the numbers of a sample: the labels where there are as many, else by the head's name."""
        if self.spec.labels is not None and len(self.spec.labels) == self.width:
            return self.spec.labels
        return (self.title,) if self.width == 1 else tuple(f"{self.title}[{place}]" for place in range(self.width))
