"""Counting how far the answers of an artifact agree with those of its source, head by head."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from edgecv_runtime.heads.arithmetic import same_rows
from edgecv_runtime.schema import HeadComparison

if TYPE_CHECKING:
    from edgecv_runtime.heads.base import Head

NOTHING: Final = -1  # the decision of a sample whose outputs are not finite
ENOUGH: Final = 5  # samples that an answer must be given to before its absence says something
MANY: Final = 20  # places at which the source gives a whole number, before its absence says something
Array = npt.NDArray[Any]
Outputs = Mapping[str, Array]


class AnswerCounts(Protocol):
    """Counts over batches of outputs of the source and of an artifact."""

    def add(self, reference: Outputs, candidate: Outputs) -> npt.NDArray[np.float64]:
        """Take one batch in; return for each sample how much of its answer is the same: (batch,), 0..1."""

    def result(self) -> HeadComparison:
        """Return the comparison over everything added so far."""


class HeadCounts:
    """The decisions of one head, counted: how often both agree, and which answers the artifact never gives.

    Args:
        head: A head that decides something.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._count = self._agreed = 0
        self._given: tuple[Counter[tuple[int, int]], Counter[tuple[int, int]]] = (Counter(), Counter())

    def add(self, reference: Outputs, candidate: Outputs) -> npt.NDArray[np.float64]:
        """Take one batch in; return 1 for each sample with the same decisions, else 0."""
        wanted, got = self._head.trusted_decisions(reference), self._head.trusted_decisions(candidate)
        assert wanted is not None, "a head that decides says something of each sample"
        assert got is not None, "a head that decides says something of each sample"
        finite = (wanted.reshape(len(wanted), -1) != NOTHING).all(axis=1)
        agreed = same_rows(wanted, got) & finite
        self._count += len(agreed)
        self._agreed += int(np.count_nonzero(agreed))
        for counter, decisions in zip(self._given, (wanted, got), strict=True):
            bits = decisions.reshape(len(decisions), -1)
            for place in range(bits.shape[1]):
                values, counts = np.unique(bits[:, place], return_counts=True)
                counter.update({(place, int(v)): int(n) for v, n in zip(values, counts, strict=True)})
        return np.asarray(agreed, np.float64)

    def result(self) -> HeadComparison:
        """The comparison of the head's answers so far."""
        return HeadComparison(
            head=self._head.name, agreement=self._agreed / max(1, self._count), never=tuple(sorted(self._never()))
        )

    def _never(self) -> Iterator[str]:
        source, artifact = self._given
        for (place, value), count in source.items():
            if count >= ENOUGH and value != NOTHING and artifact[place, value] == 0:
                several = not self._head.one_class
                yield f"{self._head.label(place)}: {'yes' if value else 'no'}" if several else self._head.label(value)


class WholeCounts:
    """The values of one head that are whole numbers, counted: an index is right or wrong, and has no noise.

    Only places at which the source's values change are counted, where there are any: the others, such as padding, are
    right by themselves.

    Args:
        head: A head that decides nothing, such as one of a map of classes or of the places of the largest values.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._count = 0
        self._equal: npt.NDArray[np.int64] | None = None  # how often, by place
        self._first: Array | None = None
        self._moves: npt.NDArray[np.bool_] | None = None
        self._given: tuple[Counter[int], Counter[int]] = (Counter(), Counter())

    def add(self, reference: Outputs, candidate: Outputs) -> npt.NDArray[np.float64]:
        """Take one batch of outputs in; returns the share of equal values in each sample."""
        wanted, got = self._head.values(reference), self._head.values(candidate)
        equal: npt.NDArray[np.bool_] = wanted == got
        if self._first is None or self._equal is None or self._moves is None:
            places = wanted.shape[1]
            self._first, self._equal, self._moves = (
                wanted[:1].copy(),
                np.zeros(places, np.int64),
                np.zeros(places, bool),
            )
        self._count += len(wanted)
        self._equal += np.count_nonzero(equal, axis=0)
        self._moves |= (wanted != self._first).any(axis=0)
        for counter, values in zip(self._given, (wanted, got), strict=True):
            found, counts = np.unique(values[np.isfinite(values)].astype(np.int64), return_counts=True)
            counter.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
        return np.asarray(equal.mean(axis=1), np.float64)

    def result(self) -> HeadComparison:
        """The comparison of the head's values so far."""
        if self._equal is None or self._moves is None:
            return HeadComparison(head=self._head.name, agreement=0.0)
        judged = self._moves if self._moves.any() else np.ones_like(self._moves)
        source, artifact = self._given
        never = [str(value) for value, count in sorted(source.items()) if count >= MANY and not artifact[value]]
        wrong = np.flatnonzero(self._moves & (self._equal == 0)) if self._count >= ENOUGH else np.zeros(0, np.int64)
        agreement = float(self._equal[judged].sum()) / max(1, self._count * int(np.count_nonzero(judged)))
        return HeadComparison(
            head=self._head.name, agreement=agreement, never=(*never, *(f"the value at [{place}]" for place in wrong))
        )
