"""From a model's outputs to answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgecv_runtime.errors import SpecError, UsageError
from edgecv_runtime.schema import Activation, Manifest, Task

HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the first output means, and how it becomes scores and decisions.

    Attributes:
        task: "classification" (one of n classes), "binary" (yes or no from one value), "multilabel" (any of n labels),
            or "regression" (values, no decision).
        activation: What is still to be applied to the output to get scores in 0..1: "softmax" or "sigmoid" where the
            model ends with logits, else "none".
        thresholds: From which score on a label holds (binary and multilabel): one for all, or one a label.

    Raises:
        SpecError: A threshold is not in 0..1.
    """

    task: Task = "classification"
    activation: Activation = "none"
    thresholds: tuple[float, ...] = (HALF,)

    def __post_init__(self) -> None:
        if not self.thresholds or not all(0 <= value <= 1 for value in self.thresholds):
            raise SpecError(f"thresholds must be in 0..1, got {self.thresholds}", "0.5 is the usual one")

    @classmethod
    def of(cls, manifest: Manifest, thresholds: Sequence[float] | None = None) -> Head:
        """The head of a bundle, with its thresholds or others.

        Raises:
            SpecError: They are not in 0..1, or neither one nor one a label.
        """
        own = manifest.postprocess
        chosen = own.thresholds if thresholds is None else tuple(thresholds)
        answers = math.prod(manifest.outputs[0].shape[1:])
        if len(chosen) not in {1, answers}:
            raise SpecError(f"thresholds must be one, or one for each of {answers} labels, got {len(chosen)}")
        return cls(task=manifest.task, activation=own.activation, thresholds=chosen)

    def scores(self, output: np.ndarray) -> np.ndarray:
        """One value for each answer: (batch, answers) float32; of a binary output p it is (1 - p, p)."""
        rows = activate(output.reshape(len(output), -1).astype(np.float32, copy=False), self.activation)
        return np.concatenate([1 - rows[:, :1], rows[:, :1]], axis=1) if self.task == "binary" else rows

    def decisions(self, output: np.ndarray) -> np.ndarray | None:
        """What the model says of each sample.

        Args:
            output: (batch, ...) real values.

        Returns:
            (batch,) class indices, or (batch, labels) bits for "multilabel", int64; None for "regression".
        """
        if self.task == "regression":
            return None
        rows = output.reshape(len(output), -1)
        if self.task == "classification":
            return np.asarray(rows.argmax(axis=-1), np.int64)
        likely = activate(rows.astype(np.float32, copy=False), self.activation)
        if self.task == "binary":
            return np.asarray(likely[:, 0] >= np.float32(self.thresholds[0]), np.int64)
        return np.asarray(likely >= np.asarray(self.thresholds, np.float32), np.int64)


def activate(rows: np.ndarray, activation: Activation) -> np.ndarray:
    """Apply an activation to (batch, n) float32 values, over the last axis, without overflow."""
    if activation == "softmax":
        powers = np.exp(rows - rows.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)
    if activation == "sigmoid":
        small = np.exp(-np.abs(rows))
        return np.asarray(np.where(rows >= 0, 1, small) / (1 + small), np.float32)
    return rows


def read_thresholds(values: Sequence[str], labels: Sequence[str]) -> tuple[float, ...]:
    """Parse "0.4" (for all labels) and "LABEL=0.3" (for one): one value, or one a label; 0.5 where nothing is said.

    Raises:
        UsageError: A value is no number in 0..1, or a label is unknown.
    """
    common, own = HALF, {}
    for value in values:
        label, separator, text = value.rpartition("=")
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 <= number <= 1:
            raise UsageError(f"--threshold {value!r} is not in 0..1", "Write --threshold 0.4, or --threshold LABEL=0.4")
        if not separator:
            common = number
        elif label in labels:
            own[label] = number
        else:
            raise UsageError(f"--threshold names the label {label!r}", f"Labels are {', '.join(labels) or 'not known'}")
    return _spread(common, own, labels)


def _spread(common: float, own: Mapping[str, float], labels: Sequence[str]) -> tuple[float, ...]:
    return tuple(own.get(label, common) for label in labels) if own else (common,)


def top_k(values: np.ndarray, count: int) -> np.ndarray:
    """The indices of the `count` highest values, highest first, ties by index: (min(count, n),) int64."""
    return np.argsort(-values, kind="stable")[:count]
