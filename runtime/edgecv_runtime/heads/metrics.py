"""The quality of answers on labelled data: accuracy by class or label, errors by column. NumPy only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from edgecv_runtime.errors import DataError
from edgecv_runtime.heads.arithmetic import same_rows
from edgecv_runtime.heads.words import TextTable
from edgecv_runtime.text import percent

Z_95: Final = 1.959963984540054  # the normal distribution's 97.5 % quantile
WIDEST_MATRIX: Final = 20  # classes; beyond that a confusion matrix is for --json
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class HeadMetrics(Protocol):
    """The metrics of one head on labelled data: a record whose fields are numbers, which can be put in words."""

    def sentence(self) -> str:
        """Return the most important number in words."""

    def tables(self) -> Iterator[TextTable]:
        """Return the rest as tables."""

    def headline(self) -> tuple[str, float] | None:
        """Return the name and the value (0..1, higher is better) of what a loss is measured by; None without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """Precision, recall and F1 (0..1; 0 where undefined) of one class, and how many samples it has."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One `ClassScore` a class in the order of the labels, and their plain means."""

    classes: tuple[ClassScore, ...]
    macro_precision: float
    macro_recall: float
    macro_f1: float

    def table(self, labels: Sequence[str], first: str, count: int) -> TextTable:
        """Return a row for each class, and their means over `count` samples."""
        return TextTable(
            headings=(first, "samples", "precision", "recall", "F1"),
            rows=tuple(
                (label, str(score.support), f"{score.precision:.3f}", f"{score.recall:.3f}", f"{score.f1:.3f}")
                for label, score in zip(labels, self.classes, strict=True)
            ),
            total=(
                "mean",
                str(count),
                *(f"{mean:.3f}" for mean in (self.macro_precision, self.macro_recall, self.macro_f1)),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMetrics:
    """The metrics of answers that are one class: `confusion` rows are true classes, columns the answers."""

    count: int
    accuracy: float
    interval: tuple[float, float]
    labels: tuple[str, ...]
    confusion: list[list[int]]
    scores: Scores

    def sentence(self) -> str:
        """Return the accuracy with its interval."""
        return right_words(self.accuracy, self.count, self.interval)

    def headline(self) -> tuple[str, float]:
        """Return the accuracy."""
        return "accuracy", self.accuracy

    def tables(self) -> Iterator[TextTable]:
        """Return the classes, and the confusion matrix where it is not too wide."""
        yield self.scores.table(self.labels, "class", self.count)
        if len(self.labels) <= WIDEST_MATRIX:
            yield TextTable(
                title="true class (rows) taken for (columns)",
                headings=("", *(label[:6] for label in self.labels)),
                rows=tuple(
                    (label, *(str(count) if count else "·" for count in row))
                    for label, row in zip(self.labels, self.confusion, strict=True)
                ),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMetrics:
    """The metrics of answers that are any number of labels; a sample is right where all its labels are."""

    count: int
    accuracy: float
    interval: tuple[float, float]
    labels: tuple[str, ...]
    scores: Scores

    def sentence(self) -> str:
        """Return the share of samples with all labels right, with its interval."""
        return right_words(self.accuracy, self.count, self.interval)

    def headline(self) -> tuple[str, float]:
        """Return the accuracy."""
        return "accuracy", self.accuracy

    def tables(self) -> Iterator[TextTable]:
        """Return the labels."""
        yield self.scores.table(self.labels, "label", self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnError:
    """The errors of one column: mean absolute, root mean square, and the share of variance that is explained.

    `r2` is None where the true values are all equal.
    """

    name: str
    mae: float
    rmse: float
    r2: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueMetrics:
    """The metrics of answers that are numbers, in their own unit."""

    count: int
    unit: str | None
    columns: tuple[ColumnError, ...]

    def sentence(self) -> str:
        """Return the mean absolute error over all columns."""
        mean = sum(column.mae for column in self.columns) / len(self.columns)
        return f"mean absolute error {mean:.4g}{'' if self.unit is None else f' {self.unit}'} on {self.count} samples"

    def headline(self) -> None:
        """Return None: errors have a unit of their own."""
        return

    def tables(self) -> Iterator[TextTable]:
        """Return the columns."""
        yield TextTable(
            headings=("value", "MAE", "RMSE", "R2"),
            rows=tuple(
                (one.name, f"{one.mae:.4g}", f"{one.rmse:.4g}", "" if one.r2 is None else f"{one.r2:.4f}")
                for one in self.columns
            ),
        )


def right_words(accuracy: float, count: int, interval: tuple[float, float]) -> str:
    """Return an accuracy with its 95 % interval in words."""
    low, high = interval
    return f"{percent(accuracy, 2)} of {count} right (95 % interval {percent(low)} to {percent(high)})"


def class_metrics(truth: npt.NDArray[Any], answers: npt.NDArray[Any], labels: tuple[str, ...]) -> ClassMetrics:
    """Return the metrics of class indices, (n,); an answer of -1 is none of the classes."""
    correct = int(np.count_nonzero(truth == answers))
    return ClassMetrics(
        count=len(truth),
        accuracy=correct / len(truth),
        interval=wilson(correct, len(truth)),
        labels=labels,
        confusion=confusion_matrix(truth, answers, len(labels)).tolist(),
        scores=precision_recall_f1(truth, answers, len(labels)),
    )


def label_metrics(truth: npt.NDArray[Any], answers: npt.NDArray[Any], labels: tuple[str, ...]) -> LabelMetrics:
    """Return the metrics of bits, (n, labels); a row of -1 has no label right."""
    correct = int(np.count_nonzero(same_rows(truth, answers)))
    hits = np.asarray(((truth == 1) & (answers == 1)).sum(0), np.float64)
    return LabelMetrics(
        count=len(truth),
        accuracy=correct / len(truth),
        interval=wilson(correct, len(truth)),
        labels=labels,
        scores=_scores(hits, (answers == 1).sum(0), (truth == 1).sum(0)),
    )


def value_metrics(
    truth: npt.NDArray[Any], answers: npt.NDArray[Any], names: tuple[str, ...], unit: str | None
) -> ValueMetrics:
    """Return the metrics of numbers, (n, columns); what is not finite makes its column's errors the largest float64."""
    wanted = np.asarray(truth, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        errors = np.asarray(answers, np.float64) - wanted
        squares = np.square(errors).mean(0)
        spread = np.square(wanted - wanted.mean(0)).mean(0)
        mae = np.abs(errors).mean(0)
    still = (wanted == wanted[:1]).all(0) | (spread == 0)
    columns = tuple(
        ColumnError(
            name=name,
            mae=_finite(mae[place]),
            rmse=math.sqrt(_finite(squares[place])),
            r2=None if still[place] else 1 - _finite(squares[place] / spread[place]),
        )
        for place, name in enumerate(names)
    )
    return ValueMetrics(count=len(truth), unit=unit, columns=columns)


def _finite(value: np.floating[Any]) -> float:
    return float(np.nan_to_num(value, nan=np.finfo(np.float64).max))


def wilson(correct: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a proportion, both ends in 0..1; (0, 1) without samples.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22
    (1927).

    Raises:
        ValueError: Not 0 <= correct <= n.
    """
    if not 0 <= correct <= n:
        raise ValueError(f"correct must be in 0..n, got {correct} of {n}")
    if n == 0:
        return 0.0, 1.0
    share, square = correct / n, Z_95 * Z_95
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = Z_95 / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    low = 0.0 if correct == 0 else max(0.0, centre - half)
    high = 1.0 if correct == n else min(1.0, centre + half)
    return low, high


def confusion_matrix(labels: npt.NDArray[Any], predictions: npt.NDArray[Any], classes: int) -> IntArray:
    """Count how often each true class (row) was taken for each class (column): (classes, classes), int64.

    A prediction outside 0..classes-1 (-1 stands for "no valid answer") is in no column.

    Raises:
        DataError: A label is outside 0..classes-1.
    """
    truth, predicted = np.asarray(labels, np.int64), np.asarray(predictions, np.int64)
    if truth.size and not 0 <= truth.min() <= truth.max() < classes:
        raise DataError(f"labels must be in 0..{classes - 1}, got {truth.min()}..{truth.max()}")
    valid = (predicted >= 0) & (predicted < classes)
    flat = np.bincount(truth[valid] * classes + predicted[valid], minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def precision_recall_f1(labels: npt.NDArray[Any], predictions: npt.NDArray[Any], classes: int) -> Scores:
    """Precision, recall and F1 a class, and their macro averages (all classes weigh the same).

    Source: the definitions of scikit-learn's `precision_recall_fscore_support` with `zero_division=0`.

    Raises:
        DataError: A label is outside 0..classes-1.
    """
    matrix = confusion_matrix(labels, predictions, classes)
    support = np.bincount(np.asarray(labels, np.int64), minlength=classes)
    return _scores(np.diag(matrix).astype(np.float64), matrix.sum(axis=0), support)


def _scores(hits: FloatArray, predicted: npt.NDArray[Any], support: npt.NDArray[Any]) -> Scores:
    precision = _ratio(hits, predicted)
    recall = _ratio(hits, support)
    f1 = _ratio(2 * hits, predicted + support)
    rows = zip(precision.tolist(), recall.tolist(), f1.tolist(), support.tolist(), strict=True)
    return Scores(
        classes=tuple(ClassScore(precision=p, recall=r, f1=f, support=n) for p, r, f, n in rows),
        macro_precision=float(precision.mean()),
        macro_recall=float(recall.mean()),
        macro_f1=float(f1.mean()),
    )


def _ratio(numerator: FloatArray, denominator: npt.NDArray[Any]) -> FloatArray:
    share: FloatArray = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)
    return share
