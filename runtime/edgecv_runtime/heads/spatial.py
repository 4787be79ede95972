"""The shared parts of the kinds of heads whose answers are places in a picture, or are one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_runtime.errors import BackendError, DataError, SpecError
from edgecv_runtime.heads.arithmetic import ELSEWHERE, NOT_FINITE
from edgecv_runtime.heads.base import Ending, Head, Outputs
from edgecv_runtime.heads.metrics import HeadMetrics
from edgecv_runtime.schema import Activation


class SpatialHead(Head):
    """A head whose answers lie in the picture, or are one."""

    decides = False
    pictured = True

    @classmethod
    def shown_by(cls, shape: Sequence[int], ending: Ending) -> bool:
        """Return False: a shape alone does not show it."""
        return False

    @classmethod
    def pending(cls, ending: Ending) -> Activation:
        """Return none."""
        return "none"

    @property
    def whole(self) -> bool:
        """Return False: what agrees is the answer."""
        return False

    @property
    def class_count(self) -> int:
        """The number of labels that it tells apart."""
        return self.shapes[0][-1]

    @property
    def label_count(self) -> int:
        """One for each class."""
        return self.class_count

    @property
    def threshold_labels(self) -> tuple[str, ...]:
        """Each label may have its own, where the kind has thresholds."""
        return self.spec.labels or () if self.takes_thresholds else ()

    def check_labels(self, labels: tuple[str, ...]) -> None:
        """Check that there are as many labels as classes.

        Raises:
            SpecError: There are not.
        """
        if len(labels) != self.label_count:
            raise SpecError(f"it has {len(labels)} labels for {self.label_count} classes")

    def check_thresholds(self) -> None:
        """Check that there are as many thresholds as the kind takes.

        Raises:
            SpecError: There are not, or one is not in 0..1.
        """
        given = self.spec.thresholds
        if not self.takes_thresholds:
            return super().check_thresholds()
        if not given or not all(0 <= value <= 1 for value in given):
            raise SpecError(f"thresholds must be in 0..1, got {given}", "0.5 is the usual one")
        return None

    def check_canvas(self) -> None:
        """Check that the model takes a picture.

        Raises:
            SpecError: It does not.
        """
        if self.canvas is None:
            raise SpecError(f"a {self.kind} head needs a model that takes a picture")

    @property
    def picture(self) -> tuple[int, int]:
        """The size of the model's picture, (height, width) in pixels."""
        assert self.canvas is not None, "checked when the head was opened"
        return self.canvas

    def check_outputs(self, outputs: Outputs) -> None:
        """Check that the model said something: places are read from all of its numbers.

        Raises:
            BackendError: A value is NaN or infinite.
        """
        if not all(np.isfinite(outputs[name]).all() for name in self.spec.outputs):
            raise BackendError(NOT_FINITE, ELSEWHERE)

    def scores(self, outputs: Outputs) -> np.ndarray:
        """Return the values of its outputs, one row a sample."""
        rows = [np.asarray(outputs[name], np.float32).reshape(len(outputs[name]), -1) for name in self.spec.outputs]
        return np.concatenate(rows, axis=1)

    def decisions(self, outputs: Outputs) -> npt.NDArray[np.int64] | None:
        """Return None: agreement is counted by place."""
        return None

    def read_truth(self, values: npt.NDArray[Any], origin: str) -> npt.NDArray[Any]:
        """Refuse arrays: answers of this kind are held against pictures or annotations.

        Raises:
            DataError: Always.
        """
        raise DataError(f"{origin} holds arrays, which say nothing of a {self.kind} head")

    def measure(self, truth: npt.NDArray[Any], answers: npt.NDArray[Any]) -> HeadMetrics:
        """Refuse, as `read_truth` does.

        Raises:
            DataError: Always.
        """
        raise DataError(f"a {self.kind} head is not measured on arrays")
