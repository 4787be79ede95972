"""The statistics of a run, in fixed memory however long it runs."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

import numpy as np

KEPT = 10_000  # samples of each stage; beyond them a random choice of all
STAGES = ("preprocess", "inference", "postprocess", "latency")


class ReservoirSample:
    """A uniform random choice of at most KEPT values of a stream (Vitter 1985, algorithm R)."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._seen = 0
        self._random = random.Random(0)  # noqa: S311 - statistics, not secrets

    def add(self, value: float) -> None:
        """Take one more value into account."""
        self._seen += 1
        if len(self._values) < KEPT:
            self._values.append(value)
        elif (place := self._random.randrange(self._seen)) < KEPT:
            self._values[place] = value

    def percentile(self, share: float) -> float | None:
        """The value that `share` percent are at most; None without values."""
        return float(np.percentile(self._values, share)) if self._values else None


@dataclass(slots=True)
class Statistics:
    """Counts and times of a run.

    Attributes:
        frames: Answers given.
        dropped: Frames of a live source for which a newer one came before their turn.
        unreadable: Pictures that could not be read.
        milliseconds: By stage: preprocess, inference, postprocess, and latency from capture to answer.
    """

    frames: int = 0
    dropped: int = 0
    unreadable: int = 0
    milliseconds: dict[str, ReservoirSample] = field(
        default_factory=lambda: {stage: ReservoirSample() for stage in STAGES}
    )
    _began: float | None = None
    _ended: float = 0.0

    def begin(self) -> None:
        """The first frame is there."""
        if self._began is None:
            self._began = time.monotonic()

    def add(self, preprocess: float, inference: float, postprocess: float, latency: float) -> None:
        """One more answer, with its milliseconds."""
        self.frames += 1
        self._ended = time.monotonic()
        for stage, value in zip(STAGES, (preprocess, inference, postprocess, latency), strict=True):
            self.milliseconds[stage].add(value)

    @property
    def seconds(self) -> float:
        """From the first frame to the last answer."""
        return max(0.0, self._ended - self._began) if self._began is not None and self.frames else 0.0

    @property
    def fps(self) -> float:
        """Answers a second."""
        return self.frames / self.seconds if self.seconds else 0.0
