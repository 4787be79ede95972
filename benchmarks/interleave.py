"""Two ways of doing the same, timed in turn, so that a slow moment of the machine falls on both."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Work = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Medians in microseconds of each way by name, and of the ratio within a round the median, p10 and p90."""

    median_us: dict[str, float]
    ratio: float
    p10: float
    p90: float

    def __str__(self) -> str:
        times = "  ".join(f"{name} {value:,.1f} us" for name, value in self.median_us.items())
        return f"{times}  ratio {self.ratio:.3f} ({self.p10:.3f} to {self.p90:.3f})"


def compare(ours: tuple[str, Work], theirs: tuple[str, Work], *, rounds: int, turn: int) -> Timing:
    """Give each way `rounds` turns of `turn` calls; a turn's time is the median of its calls.

    The ways change places from round to round, and two rounds of warm-up are left out.
    """
    ways = dict((ours, theirs))
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 2):
        for name in sorted(ways, reverse=bool(number % 2)):
            times[name].append(turn_us(ways[name], turn))
    kept = {name: np.array(found[2:]) for name, found in times.items()}
    ratios = kept[ours[0]] / kept[theirs[0]]
    low, middle, high = (float(np.percentile(ratios, q)) for q in (10, 50, 90))
    return Timing(median_us=_medians(kept), ratio=round(middle, 4), p10=round(low, 4), p90=round(high, 4))


def turn_us(work: Work, count: int) -> float:
    """The median of `count` calls in microseconds."""
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return 1e6 * float(np.median(taken))


def _medians(times: Mapping[str, npt.NDArray[np.float64]]) -> dict[str, float]:
    return {name: round(float(np.median(found)), 2) for name, found in times.items()}
