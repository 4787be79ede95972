"""Measures of how far an artifact's answers are from the source's: errors, agreement, accuracy. NumPy only.

JSON has no infinity, and an encoder that writes null would turn "broken" into "not measured". So an error
that is not finite is recorded as `INFINITE`, the largest float64, and `Comparison.non_finite` counts the
samples that caused it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import ConversionError, DataError
from edgecv_runtime.postprocess import Head
from edgecv_runtime.schema import Accuracy, Comparison

from edgecv_converters.measured import Histogram
from edgecv_converters.parity.decide import same_rows, trusted_decisions

INFINITE: Final = sys.float_info.max
MAX_FLIPS: Final = 100
BINS_PER_DECADE: Final = 4
LOWEST_DECADE: Final = -9
HIGHEST_DECADE: Final = 3
Z_95: Final = 1.959963984540054  # the normal distribution's 97.5 % quantile

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def error_edges() -> tuple[float, ...]:
    """The histogram's fixed edges: four a decade from 1e-9 to 1e3, in the outputs' own unit."""
    steps = range(LOWEST_DECADE * BINS_PER_DECADE, HIGHEST_DECADE * BINS_PER_DECADE + 1)
    return tuple(float(f"{10 ** (step / BINS_PER_DECADE):.4g}") for step in steps)


class ComparisonAccumulator:
    """Sums over batches of outputs, so that no data set is held in memory.

    Args:
        head: What the source's outputs mean; a regression has no agreement.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._count = self._elements = self._agreed = self._non_finite = 0
        self._max_error = self._sum_error = 0.0
        self._error_power = self._reference_power = self._candidate_power = self._dot = 0.0
        self._flips: list[str] = []
        self._edges = np.asarray(error_edges())
        self._bins = np.zeros(len(self._edges) - 1, np.int64)

    def add(
        self,
        ids: Sequence[str],
        reference: Mapping[str, npt.NDArray[Any]],
        candidate: Mapping[str, npt.NDArray[Any]],
    ) -> None:
        """Take one batch in.

        Args:
            ids: One id a sample.
            reference: The source's outputs by name, (batch, ...), real values.
            candidate: The artifact's outputs under the same names, same shapes, dequantized.

        Raises:
            ConversionError: The names or shapes differ.
        """
        _check_same_form(len(ids), reference, candidate)
        finite = np.ones(len(ids), bool)
        for name, expected in reference.items():
            finite &= self._add_output(expected, candidate[name])
        self._count += len(ids)
        self._non_finite += int(np.count_nonzero(~finite))
        self._add_decisions(ids, reference, candidate, finite)

    def _add_output(self, reference: npt.NDArray[Any], candidate: npt.NDArray[Any]) -> BoolArray:
        """Add one output's errors; gives which samples are finite in both."""
        expected = _rows(reference)
        got = _rows(candidate)
        finite: BoolArray = np.logical_and(np.isfinite(expected).all(axis=1), np.isfinite(got).all(axis=1))
        expected, got = expected[finite], got[finite]
        error = np.abs(expected - got)
        self._elements += error.size
        self._max_error = max(self._max_error, float(error.max(initial=0.0)))
        self._sum_error += float(error.sum())
        with np.errstate(over="ignore"):
            self._error_power += float(np.square(error).sum())
            self._reference_power += float(np.square(expected).sum())
            self._candidate_power += float(np.square(got).sum())
            self._dot += float((expected * got).sum())
        inside = np.clip(error, self._edges[0], np.nextafter(self._edges[-1], 0))
        self._bins += np.histogram(inside, self._edges)[0]
        self._bins[-1] += int(np.count_nonzero(~finite)) * (reference.size // max(len(finite), 1))
        return finite

    def _add_decisions(
        self,
        ids: Sequence[str],
        reference: Mapping[str, npt.NDArray[Any]],
        candidate: Mapping[str, npt.NDArray[Any]],
        finite: BoolArray,
    ) -> None:
        same = finite.copy()
        for name, expected in reference.items():
            wanted = trusted_decisions(expected, self._head)
            got = trusted_decisions(candidate[name], self._head)
            if wanted is not None and got is not None:
                same &= same_rows(wanted, got)
        self._agreed += int(np.count_nonzero(same))
        room = MAX_FLIPS - len(self._flips)
        self._flips.extend(str(ids[row]) for row in np.flatnonzero(~same)[:room])

    def result(self) -> Comparison:
        """The comparison over everything added so far.

        Raises:
            DataError: Nothing was added.
        """
        if not self._count:
            raise DataError("no sample was compared", "Give at least one golden or calibration sample")
        broken = self._non_finite > 0
        return Comparison(
            count=self._count,
            max_abs_error=INFINITE if broken else min(self._max_error, INFINITE),
            mean_abs_error=INFINITE if broken else min(self._sum_error / self._elements, INFINITE),
            cosine=0.0 if broken else cosine(self._dot, self._reference_power, self._candidate_power),
            snr_db=-INFINITE if broken else signal_to_noise(self._reference_power, self._error_power),
            agreement=None if self._head.task == "regression" else self._agreed / self._count,
            flips=() if self._head.task == "regression" and not broken else tuple(self._flips),
            non_finite=self._non_finite,
        )

    def histogram(self, artifact: str) -> Histogram:
        """The distribution of the absolute errors of all output elements.

        Zero and what is under the lowest edge stand in the first bin, what is over the highest or not finite
        in the last.
        """
        counts = tuple(int(count) for count in self._bins)
        return Histogram(artifact=artifact, edges=error_edges(), counts=counts)


def _check_same_form(
    count: int, reference: Mapping[str, npt.NDArray[Any]], candidate: Mapping[str, npt.NDArray[Any]]
) -> None:
    missing = sorted(set(reference) ^ set(candidate))
    if missing or not reference:
        raise ConversionError(f"the artifact and its source have different outputs: {', '.join(missing) or 'none'}")
    for name, expected in reference.items():
        got = candidate[name]
        if expected.shape != got.shape or expected.shape[:1] != (count,):
            raise ConversionError(
                f"output {name!r} of {count} samples has shape {got.shape} in the artifact, "
                f"{expected.shape} in the source"
            )


def _rows(values: npt.NDArray[Any]) -> FloatArray:
    return np.asarray(values, np.float64).reshape(len(values), -1)


def cosine(dot: float, reference_power: float, candidate_power: float) -> float:
    """The cosine between two outputs, -1..1, from sums of products; 1 where both are zero, 0 without a meaning."""
    if reference_power == candidate_power == 0:
        return 1.0
    norm = math.sqrt(reference_power) * math.sqrt(candidate_power)
    value = dot / norm if norm else 0.0
    return max(-1.0, min(1.0, value)) if math.isfinite(value) else 0.0


def signal_to_noise(reference_power: float, error_power: float) -> float | None:
    """10 log10(sum ref^2 / sum err^2) in dB; None without error, `-INFINITE` without signal.

    Source: the signal-to-noise ratio of power sums, as in Oppenheim and Schafer, Discrete-Time Signal
    Processing.
    """
    if error_power == 0:
        return None
    if reference_power == 0 or not (math.isfinite(reference_power) and math.isfinite(error_power)):
        return -INFINITE
    return 10 * (math.log10(reference_power) - math.log10(error_power))


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


def mcnemar(lost: int, gained: int) -> float:
    """The two-sided exact p-value that `lost` and `gained` come from a fair coin; 1 where both are 0.

    Source: Q. McNemar, Note on the sampling error of the difference between correlated proportions,
    Psychometrika 12 (1947), in its exact binomial form: min(1, 2 sum_{i <= min(lost, gained)} C(n, i) / 2^n).
    Integers throughout.

    Raises:
        ValueError: A count is negative.
    """
    if lost < 0 or gained < 0:
        raise ValueError(f"counts must not be negative, got {lost} and {gained}")
    n = lost + gained
    term = total = 1
    for i in range(min(lost, gained)):
        term = term * (n - i) // (i + 1)
        total += term
    return min(1.0, float(2 * total / 2**n))


def accuracy(
    labels: npt.NDArray[Any], reference_decisions: npt.NDArray[Any], candidate_decisions: npt.NDArray[Any]
) -> Accuracy:
    """Top-1 accuracy of an artifact and of its source on the same labelled samples.

    Args:
        labels: (n,) class indices, or (n, classes) bits where every bit must match.
        reference_decisions: The source's, same shape (see `trusted_decisions`).
        candidate_decisions: The artifact's, same shape.

    Raises:
        DataError: No sample, or lengths that differ.
    """
    if not len(labels) or not len(labels) == len(reference_decisions) == len(candidate_decisions):
        raise DataError(
            f"accuracy needs as many labels as decisions, got {len(labels)}, "
            f"{len(reference_decisions)} and {len(candidate_decisions)}"
        )
    expected = same_rows(labels, reference_decisions)
    right = same_rows(labels, candidate_decisions)
    lost, gained = int(np.count_nonzero(expected & ~right)), int(np.count_nonzero(right & ~expected))
    correct, n = int(np.count_nonzero(right)), len(labels)
    return Accuracy(
        count=n,
        accuracy=correct / n,
        interval=wilson(correct, n),
        reference_accuracy=int(np.count_nonzero(expected)) / n,
        lost=lost,
        gained=gained,
        mcnemar_p=mcnemar(lost, gained),
    )


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


def precision_recall_f1(labels: npt.NDArray[Any], predictions: npt.NDArray[Any], classes: int) -> Scores:
    """Precision, recall and F1 a class, and their macro averages (all classes weigh the same).

    Source: the definitions of scikit-learn's `precision_recall_fscore_support` with `zero_division=0`.

    Raises:
        DataError: A label is outside 0..classes-1.
    """
    matrix = confusion_matrix(labels, predictions, classes)
    hits = np.diag(matrix).astype(np.float64)
    support = np.bincount(np.asarray(labels, np.int64), minlength=classes)
    precision = _ratio(hits, matrix.sum(axis=0))
    recall = _ratio(hits, support)
    f1 = _ratio(2 * hits, matrix.sum(axis=0) + support)
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
