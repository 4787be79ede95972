"""Finds how many of the costliest layers must stay float, so that accuracy keeps to a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgecv_converters.measured import BudgetTrial


@dataclass(frozen=True, slots=True)
class FewestFloatLayers:
    """The number of layers, what it costs, all that was tried, and why the budget does not hold (None: it does)."""

    count: int
    drop: float
    trials: tuple[BudgetTrial, ...]
    reason: str | None


def fewest(
    most: int, measure: Callable[[int], float], budget: float, in_time: Callable[[], bool] = lambda: True
) -> FewestFloatLayers:
    """The least number of layers, at most `most`, with which accuracy falls by `budget` or less.

    The number is doubled until the budget holds, then halved between the last that failed and the first that held: more
    layers in float are taken to be better, which single samples may deny by chance.

    Args:
        most: No more layers than this.
        measure: By how many points accuracy falls with so many of the costliest layers in float.
        budget: Points of 100.
        in_time: Whether another number may be tried; the first always is.
    """
    trials: list[BudgetTrial] = []

    def holds(count: int) -> bool:
        trials.append(BudgetTrial(float_layers=count, drop=measure(count)))
        return trials[-1].drop <= budget

    low, high = -1, 0
    while not holds(high):
        low = high
        if high == most or not in_time():
            best = min(trials, key=lambda trial: (trial.drop, trial.float_layers))
            why = f"with {most} layers in float" if high == most else "in the time that was given"
            return FewestFloatLayers(best.float_layers, best.drop, tuple(trials), f"the budget was not met {why}")
        high = min(max(1, 2 * high), most)
    while high - low > 1 and in_time():
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    drop = next(trial.drop for trial in trials if trial.float_layers == high)
    return FewestFloatLayers(high, drop, tuple(trials), None)
