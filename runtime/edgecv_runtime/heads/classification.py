"""Heads of the kind `classification`: one of n classes, the one with the highest value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecv_runtime.geometry import View
from edgecv_runtime.heads.answers import HeadAnswer
from edgecv_runtime.heads.arithmetic import check_finite
from edgecv_runtime.heads.base import Ending, Outputs
from edgecv_runtime.heads.one_class import OneClassHead
from edgecv_runtime.schema import Activation


@dataclass(frozen=True)
class Classification(OneClassHead):
    """One of n classes."""

    kind = "classification"
    trained = "one_class"
    meaning = "one of n classes"
    exclusive = True

    @classmethod
    def shown_by(cls, shape: Sequence[int], ending: Ending) -> bool:
        """Return whether there are several values a sample that are not independent of each other."""
        return len(shape) == 2 and shape[-1] > 1 and ending != "sigmoid"

    @classmethod
    def pending(cls, ending: Ending) -> Activation:
        """Return softmax for logits."""
        return "softmax" if ending == "logits" else "none"

    @property
    def label_count(self) -> int:
        """One for each value; two where there is one value."""
        return max(2, self.shapes[0][-1])

    def scores(self, outputs: Outputs) -> np.ndarray:
        """Return the classes' values, or their probabilities where a softmax is left to the device."""
        return self.activated(outputs)

    def decisions(self, outputs: Outputs) -> npt.NDArray[np.int64]:
        """Return the class with the highest value of each sample, the first of equal ones."""
        return np.asarray(self.values(outputs).argmax(axis=-1), np.int64)

    def read(self, outputs: Outputs, view: View | None = None) -> HeadAnswer:
        """Return the best class and its score."""
        plain = self.spec.activation == "none"
        scores = outputs[self.spec.outputs[0]].reshape(-1) if plain else self.activated(outputs)[0]
        best = int(scores.argmax())  # NaN counts as the highest
        check_finite(scores.item(best))
        return self.answer(best, scores)
