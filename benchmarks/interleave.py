"""Several ways of doing the same, timed in turn, so that a slow moment of the machine falls on all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Work = Callable[[], object]
Clock = Callable[[], float]
Times = npt.NDArray[np.float64]
WARM_UP_ROUNDS = 2


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


def compare(
    ours: tuple[str, Work],
    theirs: tuple[str, Work],
    *,
    rounds: int,
    turn: int,
    clock: Clock = time.perf_counter,
) -> Timing:
    """Time two ways in turn, and state the ratio of the first to the second."""
    kept = by_name(dict((ours, theirs)), rounds=rounds, turn=turn, clock=clock)
    ratios = kept[ours[0]] / kept[theirs[0]]
    low, middle, high = (float(np.percentile(ratios, q)) for q in (10, 50, 90))
    medians = {name: round(float(np.median(found)), 2) for name, found in kept.items()}
    return Timing(median_us=medians, ratio=round(middle, 4), p10=round(low, 4), p90=round(high, 4))


def by_name(ways: Mapping[str, Work], *, rounds: int, turn: int, clock: Clock = time.perf_counter) -> dict[str, Times]:
    """The times of `in_turn` by name, with turns of `turn` calls."""
    return dict(zip(ways, in_turn([*ways.values()], [turn] * len(ways), rounds=rounds, clock=clock), strict=True))


def in_turn(
    ways: Sequence[Work],
    turns: Sequence[int],
    *,
    rounds: int,
    warm_up: int = WARM_UP_ROUNDS,
    clock: Clock = time.perf_counter,
) -> list[Times]:
    """The microseconds of each way, one entry for each round.

    In a round each way has one turn of as many calls as `turns` says; a turn's time is the median of its calls. The
    ways change places from round to round, and the rounds of `warm_up` come first and are left out.
    """
    times: list[list[float]] = [[] for _ in ways]
    for number in range(rounds + warm_up):
        for place in sorted(range(len(ways)), reverse=bool(number % 2)):
            times[place].append(turn_us(ways[place], turns[place], clock))
    return [np.array(found[warm_up:]) for found in times]


def turn_us(work: Work, count: int, clock: Clock = time.perf_counter) -> float:
    """The median of `count` calls in microseconds."""
    taken = []
    for _ in range(count):
        start = clock()
        work()
        taken.append(clock() - start)
    return 1e6 * float(np.median(taken))
