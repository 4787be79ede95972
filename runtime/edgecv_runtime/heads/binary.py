"""Heads of the kind `binary`: yes or no, from one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecv_runtime.geometry import View
from edgecv_runtime.heads.answers import HeadAnswer
from edgecv_runtime.heads.arithmetic import check_finite
from edgecv_runtime.heads.base import Ending, Outputs
from edgecv_runtime.heads.explained import Explained
from edgecv_runtime.heads.one_class import OneClassHead
from edgecv_runtime.schema import Activation


@dataclass(frozen=True)
class Binary(OneClassHead):
    """Yes or no, from one value: the second label holds from the threshold on."""

    kind = "binary"
    trained = "labels"
    meaning = "yes or no, from one value"
    takes_thresholds = True

    @classmethod
    def shown_by(cls, shape: Sequence[int], ending: Ending) -> bool:
        """Return whether there is one value a sample, and it is a probability."""
        return len(shape) == 2 and shape[-1] == 1 and ending == "sigmoid"

    @classmethod
    def pending(cls, ending: Ending) -> Activation:
        """Return sigmoid for logits."""
        return "sigmoid" if ending == "logits" else "none"

    @property
    def label_count(self) -> int:
        """No and yes."""
        return 2

    def scores(self, outputs: Outputs) -> np.ndarray:
        """Return (1 - p, p) of the probability p."""
        rows = self.activated(outputs)
        return np.concatenate([1 - rows[:, :1], rows[:, :1]], axis=1)

    def decisions(self, outputs: Outputs) -> npt.NDArray[np.int64]:
        """Return 1 where the probability reaches the threshold, else 0."""
        return np.asarray(self.activated(outputs)[:, 0] >= np.float32(self.spec.thresholds[0]), np.int64)

    def read(self, outputs: Outputs, view: View | None = None) -> HeadAnswer:
        """Return the label that holds, and its score."""
        scores = self.scores(outputs)[0]
        check_finite(scores.item(1))
        return self.answer(int(scores[1] >= np.float32(self.spec.thresholds[0])), scores)

    def explained(self, outputs: Outputs, wanted: str | None = None) -> Explained:
        """Return the probability of yes, or that of no."""
        index = int(self.decisions(outputs)[0]) if wanted is None else self.label_index(wanted)
        weight, offset = (1.0, 0.0) if index else (-1.0, 1.0)
        return Explained.of(self.label(index), self.spec.outputs[0], [0], weight, offset)

    def target_rows(self) -> npt.NDArray[np.float32]:
        """Return 0 for no and 1 for yes."""
        return np.asarray([[0], [1]], np.float32)
