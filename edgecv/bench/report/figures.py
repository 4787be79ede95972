"""Times, rates and numbers of threads in words, and the steps of a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from edgecv_runtime.text import THIN, percent

from edgecv.report.plots import nice_ticks
from edgecv.terminal.words import DASH, MINUS, quantity

_STEPS: Final = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))


def time_words(microseconds: float | None) -> str:
    """Three digits in the unit that suits: 6.5 µs, 12.3 ms, 1.2 s; a dash where it is not known."""
    if microseconds is None:
        return DASH
    for unit, size in (("µs", 1.0), ("ms", 1e3)):
        if microseconds < 999.5 * size:
            return f"{three_digits(microseconds / size)}{THIN}{unit}"
    return f"{three_digits(microseconds / 1e6)}{THIN}s"


def three_digits(value: float) -> str:
    """0.421, 12.3, 980, 12 400: never an exponent."""
    if value >= 99.95:
        return quantity(round(value))
    return f"{value:.3g}"


def rate_words(per_second: float | None) -> str:
    """A rate a second in words, without the unit."""
    return DASH if per_second is None else three_digits(per_second)


def work_words(multiply_adds_per_second: float) -> str:
    """Multiply-adds a second in thousands of millions: 12.3 G."""
    return f"{three_digits(multiply_adds_per_second / 1e9)}{THIN}G"


def threads_words(threads: int) -> str:
    """1 thread, 2 threads."""
    return f"{threads} thread{'' if threads == 1 else 's'}"


def change_words(ratio: float) -> str:
    """A ratio as a change in words: +21.0 %, or unchanged."""
    change = ratio - 1
    if abs(change) < 0.0005:
        return "unchanged"
    return f"{'+' if change > 0 else MINUS}{percent(abs(change))}"


def spans(numbers: Iterable[int]) -> str:
    """Numbers with neighbours joined: 1, 2, 3 and 6 are shown as a span and a 6."""
    ordered = sorted(set(numbers))
    breaks = [place for place, (a, b) in enumerate(pairwise(ordered), 1) if b != a + 1]
    runs = [ordered[start:stop] for start, stop in pairwise([0, *breaks, len(ordered)])]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}{DASH}{run[-1]}" for run in runs if run)


def log_ticks(low: float, high: float, most: int = 5) -> tuple[float, ...]:
    """Two to `most` round numbers within `low`..`high` (both positive, low < high) for a logarithmic axis."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in _STEPS:
        ticks = [f * 10.0**power for power in range(first, last + 1) for f in factors]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) >= 3:
            return tuple(inside[:: math.ceil(len(inside) / most)])
    inside = [tick for tick in nice_ticks(low, high, 8) if low <= tick <= high]
    return tuple(inside[:: math.ceil(len(inside) / most)])
