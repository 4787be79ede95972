"""The findings of a reference evaluation besides the answers: what overflowed, and where a program goes wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from edgecv_runtime.golden_schema import Sketch


@dataclass(frozen=True, slots=True)
class Suspect:
    """An operation whose result departs from the source's, and by how much what goes into it does.

    Attributes:
        operation, type: Its name and type in the program.
        layer: The source model's layer.
        deviation: Norm of the difference by norm of the source's tensor, estimated; `before` is that of its inputs.
    """

    operation: str
    type: str
    layer: str
    deviation: float
    before: float

    def __str__(self) -> str:
        off = "is not finite" if not np.isfinite(self.deviation) else f"is {100 * self.deviation:.3g} % off"
        return (
            f"the first suspect is the {self.type} of layer {self.layer}: its result {off}, "
            f"what goes into it {100 * self.before:.2g} %"
        )


def faults(failed: Sequence[str], overflow: str | None, suspect: Suspect | None) -> list[str]:
    """List what a reference evaluation adds to the reasons why an artifact failed; an overflow is one by itself."""
    found = [] if overflow is None else [overflow]
    return found if suspect is None or not (failed or found) else [*found, str(suspect)]


@runtime_checkable
class ReferenceEvaluator(Protocol):
    """A back end that follows what it computes, operation by operation."""

    @property
    def overflow(self) -> str | None:
        """The first operation that overflowed in any run so far, in words; None if none did."""

    def suspect(self, inputs: Mapping[str, np.ndarray], sketches: Sequence[Sketch]) -> Suspect | None:
        """Return the operation at which the program departs most from what the source computed on the same inputs."""
