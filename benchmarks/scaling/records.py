"""What was measured, and how steeply it grows."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from edgecv_runtime.records import Record

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "scaling.json"
FEWEST: Final = 3  # points that a slope is fitted to
MEMORY: Final = "GB"


class Point(Record, frozen=True, kw_only=True):
    """What one size cost, in each round: `seconds` and, where it was watched, `peak_bytes` of all processes together.

    Where it did not end as one, `failed` has the last line that it said, or its status, and no slope is fitted to it.
    """

    label: str
    size: float
    seconds: tuple[float, ...]
    peak_bytes: tuple[int, ...] = ()
    failed: str | None = None


class Sweep(Record, frozen=True, kw_only=True):
    """Points that differ in one thing alone, `axis`: what was `measured` is seconds of it, on `machine`."""

    title: str
    axis: str
    measured: str
    points: tuple[Point, ...]
    machine: str
    commit: str


class Scaling(Record, frozen=True, kw_only=True):
    """All of `scaling.json`: the sweeps by name."""

    versions: dict[str, str]
    sweeps: dict[str, Sweep]


@dataclass(frozen=True, slots=True)
class Growth:
    """The exponent of a power law through all points, and the one between the two largest sizes.

    With a fixed cost, such as that of importing TensorFlow, the first is low; the second says what doubling the largest
    size costs: 2 to its power. `low` and `high` are the second's least and greatest among the rounds.
    """

    whole: float
    end: float
    low: float
    high: float

    def __str__(self) -> str:
        spread = f" ({self.low:.2f} to {self.high:.2f})" if self.high > self.low else ""
        return f"{self.whole:.2f}, at the end {self.end:.2f}{spread}"


def growth(points: Sequence[Point], unit: str = "s") -> Growth | None:
    """Fit seconds, or with `MEMORY` the peaks, over size; None with fewer than three points that ended."""
    ended = sorted((point for point in points if point.failed is None), key=lambda point: point.size)
    costs = [costs_of(point, unit) for point in ended]
    if len(ended) < FEWEST or not all(costs):
        return None
    sizes = [point.size for point in ended]
    steps = [slope(sizes[-2:], pair) for pair in itertools.product(costs[-2], costs[-1])]
    middles = [statistics.median(found) for found in costs]
    return Growth(slope(sizes, middles), slope(sizes[-2:], middles[-2:]), min(steps), max(steps))


def costs_of(point: Point, unit: str) -> tuple[float, ...]:
    """Of each round the seconds, or the gigabytes."""
    return tuple(peak / 1e9 for peak in point.peak_bytes) if unit == MEMORY else point.seconds


def slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The slope of the straight line through the logarithms (least squares)."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def read() -> Scaling:
    """What is recorded."""
    if not RESULTS.exists():
        return Scaling(versions={}, sweeps={})
    return msgspec.json.decode(RESULTS.read_bytes(), type=Scaling)


def write(found: Scaling) -> None:
    """Record it."""
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
