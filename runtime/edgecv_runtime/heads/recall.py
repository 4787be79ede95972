"""The quality of embeddings: how often the nearest other sample is of the same identity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.heads.metrics import wilson
from edgecv_runtime.heads.words import TextTable
from edgecv_runtime.text import percent

BLOCK: Final = 1024  # samples that are compared at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallMetrics:
    """Recall at one: of the samples that have another of their identity, the share whose nearest neighbour is one."""

    count: int
    recall: float
    interval: tuple[float, float]

    def sentence(self) -> str:
        """Return the recall with its interval."""
        low, high = self.interval
        return (
            f"recall@1 {percent(self.recall, 2)} of {self.count} samples (95 % interval {percent(low)} to "
            f"{percent(high)})"
        )

    def headline(self) -> tuple[str, float]:
        """Return the recall."""
        return "recall@1", self.recall

    def tables(self) -> Iterator[TextTable]:
        """Return no table."""
        yield from ()


def recall_metrics(truth: npt.NDArray[np.int64], vectors: npt.NDArray[Any]) -> RecallMetrics:
    """Return recall@1 of unit vectors (n, width) by cosine; samples that are alone in their identity are left out.

    Source: M. Musgrave and others, A metric learning reality check, ECCV 2020 (precision at 1 over the same set).
    """
    wide = np.nan_to_num(np.asarray(vectors, np.float64))
    _, identity, counts = np.unique(truth, return_inverse=True, return_counts=True)
    asked = counts[identity] > 1
    right = 0
    for begin in range(0, len(wide), BLOCK):
        near = wide[begin : begin + BLOCK] @ wide.T
        rows = np.arange(len(near))
        near[rows, begin + rows] = -np.inf
        found = identity[near.argmax(axis=1)] == identity[begin : begin + BLOCK]
        right += int(np.count_nonzero(found & asked[begin : begin + BLOCK]))
    total = int(np.count_nonzero(asked))
    return RecallMetrics(count=total, recall=right / max(1, total), interval=wilson(right, total))
