"""Measures of how far an artifact's answers are from the source's: errors, agreement, accuracy. NumPy only.

JSON has no infinity, and an encoder that writes null would turn "broken" into "not measured". So an error
that is not finite is recorded as `INFINITE`, the largest float64, and `Comparison.non_finite` counts the
samples that caused it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import ConversionError, DataError
from edgecv_runtime.heads.arithmetic import same_rows
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.metrics import wilson
from edgecv_runtime.schema import Accuracy, Comparison

from edgecv_converters.measured import Histogram
from edgecv_converters.parity.noise import INFINITE, cosine, signal_to_noise
from edgecv_converters.parity.parts import OutputSums

MAX_FLIPS: Final = 100
NEARLY: Final = 0.9  # of a sample's whole numbers, which agree where so many are equal
BINS_PER_DECADE: Final = 4
LOWEST_DECADE: Final = -9
HIGHEST_DECADE: Final = 3

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def error_edges() -> tuple[float, ...]:
    """The histogram's fixed edges: four a decade from 1e-9 to 1e3, in the outputs' own unit."""
    steps = range(LOWEST_DECADE * BINS_PER_DECADE, HIGHEST_DECADE * BINS_PER_DECADE + 1)
    return tuple(float(f"{10 ** (step / BINS_PER_DECADE):.4g}") for step in steps)


class ComparisonAccumulator:
    """Sums over batches of outputs, so that no data set is held in memory.

    Args:
        heads: What the source's outputs mean; there is no agreement where none decides something or is whole.
    """

    def __init__(self, heads: Sequence[Head]) -> None:
        self._heads = tuple(heads)
        self._count = self._elements = self._non_finite = 0
        self._agreed = 0.0
        self._max_error = self._sum_error = 0.0
        self._error_power = self._reference_power = self._candidate_power = self._dot = 0.0
        self._flips: list[str] = []
        self._outputs: dict[str, OutputSums] = {}
        self._names: tuple[str, ...] = ()
        counts = ((head, head.comparison()) for head in self._heads)
        self._answers = [(head, counting) for head, counting in counts if counting is not None]
        whole = {name for head in self._heads if head.whole and not head.decides for name in head.spec.outputs}
        self._counted = whole if any(not head.whole for head in self._heads) else set()  # not measured as numbers
        self._unparted = whole
        self._sorting = [head for head in self._heads if head.sorts]
        self._sorted = {name for head in self._sorting for name in head.spec.outputs}
        self._edges = np.asarray(error_edges())
        self._bins = np.zeros(len(self._edges) - 1, np.int64)

    def add(
        self,
        ids: Sequence[str],
        reference: Mapping[str, npt.NDArray[Any]],
        candidate: Mapping[str, npt.NDArray[Any]],
    ) -> FloatArray:
        """Take one batch in.

        Args:
            ids: One id a sample.
            reference: The source's outputs by name, (batch, ...), real values.
            candidate: The artifact's outputs under the same names, same shapes, dequantized.

        Returns:
            How much of each sample's answers is the same, (batch,), 0..1.

        Raises:
            ConversionError: The names or shapes differ.
        """
        _check_same_form(len(ids), reference, candidate)
        finite = np.ones(len(ids), bool)
        self._names = tuple(reference)
        for name, expected in reference.items():
            finite &= self._add_output(name, expected, candidate[name])
        for head in self._sorting:
            for name, (expected, got) in head.paired(reference, candidate).items():
                if len(expected):  # without a box that both find there is nothing to measure
                    self._add_values(name, expected, got)
        self._count += len(ids)
        self._non_finite += int(np.count_nonzero(~finite))
        return self._add_answers(ids, reference, candidate, finite)

    def _add_output(self, name: str, reference: npt.NDArray[Any], candidate: npt.NDArray[Any]) -> BoolArray:
        """Add one output's errors; gives which samples are finite in both."""
        finite = np.asarray(np.isfinite(_rows(reference)).all(axis=1) & np.isfinite(_rows(candidate)).all(axis=1))
        if name in self._counted:
            return finite
        if name not in self._sorted:
            self._add_values(name, reference[finite], candidate[finite])
        self._bins[-1] += int(np.count_nonzero(~finite)) * (reference.size // max(len(finite), 1))
        return finite

    def _add_values(self, name: str, reference: npt.NDArray[Any], candidate: npt.NDArray[Any]) -> None:
        """Add finite values of an output, or of its rows that stand for the same thing."""
        shape = reference.shape
        expected, got = _rows(reference), _rows(candidate)
        if name not in self._outputs and name not in self._unparted:
            decided = any(head.decides and name in head.spec.outputs for head in self._heads)
            self._outputs[name] = OutputSums(name, shape, by_column=not decided)
        if name in self._outputs:
            self._outputs[name].add(expected.reshape(-1, *shape[1:]), got.reshape(-1, *shape[1:]))
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

    def _add_answers(
        self,
        ids: Sequence[str],
        reference: Mapping[str, npt.NDArray[Any]],
        candidate: Mapping[str, npt.NDArray[Any]],
        finite: BoolArray,
    ) -> FloatArray:
        shares = finite.astype(np.float64)
        for _, counts in self._answers:
            shares = np.minimum(shares, counts.add(reference, candidate))
        self._agreed += float(shares.sum())
        room = MAX_FLIPS - len(self._flips)
        self._flips.extend(str(ids[row]) for row in np.flatnonzero(shares < NEARLY)[:room])
        return shares

    def result(self) -> Comparison:
        """The comparison over everything added so far.

        Raises:
            DataError: Nothing was added.
        """
        if not self._count:
            raise DataError("no sample was compared", "Give at least one golden or calibration sample")
        broken = self._non_finite > 0
        answers = [counts.result() for _, counts in self._answers]
        by_part = {head.name for head in self._heads if not head.decides}
        shares = (found.agreement for found in answers if found.head in by_part)
        agreement = min([self._agreed / self._count, *shares])
        return Comparison(
            count=self._count,
            max_abs_error=INFINITE if broken else min(self._max_error, INFINITE),
            mean_abs_error=INFINITE if broken else min(self._sum_error / max(1, self._elements), INFINITE),
            cosine=0.0 if broken else cosine(self._dot, self._reference_power, self._candidate_power),
            snr_db=-INFINITE if broken else signal_to_noise(self._reference_power, self._error_power),
            agreement=agreement if answers else None,
            flips=tuple(self._flips) if answers or broken else (),
            non_finite=self._non_finite,
            heads=tuple(answers),
            parts=tuple(part for name in self._names if name in self._outputs for part in self._outputs[name].parts()),
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
    return np.asarray(values, np.float64).reshape(len(values), math.prod(values.shape[1:]))


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
        reference_decisions: The source's, same shape (see `Head.trusted_decisions`).
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
