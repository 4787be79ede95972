"""The number of a head's answer that a map of importance explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from edgecv_runtime.heads.arithmetic import activate
from edgecv_runtime.schema import Activation


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """A weighted sum of values of one output, such as one class's score or the pixels of one class in a mask.

    Attributes:
        title: What it is, for people: "cat".
        output: The output's name.
        places: (n,) int64, where the values lie in the flattened output of one sample.
        weights: (n,) float32, what each of them counts.
        offset: What is added to the sum.
    """

    title: str
    output: str
    places: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]
    offset: float = 0.0

    @classmethod
    def of(
        cls, title: str, output: str, places: Sequence[int] | npt.NDArray[Any], weight: float = 1.0, offset: float = 0.0
    ) -> Self:
        """Return the sum of the values at some places, each with the same weight."""
        where = np.asarray(places, np.int64)
        return cls(title, output, where, np.full(len(where), weight, np.float32), offset)

    def scores(self, outputs: Mapping[str, npt.NDArray[Any]], activation: Activation) -> npt.NDArray[np.float64]:
        """Return the number of each sample of a batch, after the activation that is left to the device: (batch,)."""
        values = activate(np.asarray(outputs[self.output], np.float32), activation)
        picked = values.reshape(len(values), -1)[:, self.places].astype(np.float64)
        return np.asarray(picked @ self.weights.astype(np.float64) + self.offset)


def winning_cells(chosen: npt.NDArray[Any], index: int) -> npt.NDArray[np.int64]:
    """Return the cells of a mask that have a class; all of them where none has it."""
    flat = chosen.reshape(-1)
    cells = np.flatnonzero(flat == index)
    return cells if len(cells) else np.arange(len(flat))
