"""The samples whose answers differ most from the source's, kept with both outputs so that both can be drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MOST: Final = 4
Outputs = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WorstSample:
    """One sample: how much of its answers is the source's (0..1), and the outputs of both, with a batch of 1."""

    id: str
    share: float
    reference: dict[str, npt.NDArray[Any]]
    candidate: dict[str, npt.NDArray[Any]]


class WorstSamples:
    """The few samples with the lowest shares, the worst first; what agrees wholly is none."""

    def __init__(self) -> None:
        self._kept: list[WorstSample] = []

    def add(self, ids: Sequence[str], shares: npt.NDArray[np.float64], reference: Outputs, candidate: Outputs) -> None:
        """Take one batch in."""
        for row in np.argsort(shares, kind="stable")[:MOST].tolist():
            share = float(shares[row])
            if share >= 1 or (len(self._kept) == MOST and share >= self._kept[-1].share):
                return
            one = WorstSample(
                id=str(ids[row]), share=share, reference=_row(reference, row), candidate=_row(candidate, row)
            )
            self._kept = sorted([*self._kept, one], key=lambda kept: kept.share)[:MOST]

    def result(self) -> tuple[WorstSample, ...]:
        """Return them, the worst first."""
        return tuple(self._kept)


def _row(outputs: Outputs, row: int) -> dict[str, npt.NDArray[Any]]:
    return {name: np.array(values[row : row + 1]) for name, values in outputs.items()}
