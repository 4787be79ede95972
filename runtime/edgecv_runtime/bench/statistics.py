"""Numbers about many times: percentiles, and few samples that stand for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.bench.result import MOST_SAMPLES, Latency

Times = Sequence[float] | npt.NDArray[np.float64]
DIGITS: Final = 3  # of a microsecond


def latency(times: Times) -> Latency:
    """The figures of times in microseconds, in order of time; the percentiles are NumPy's default, method "linear".

    Raises:
        ValueError: There is no time.
    """
    values = np.asarray(times, np.float64)
    if not values.size:
        raise ValueError("no time was measured")
    p50, p90, p99 = np.percentile(values, (50, 90, 99)).tolist()
    return Latency(
        count=values.size,
        min_us=tidy(values.min()),
        mean_us=tidy(values.mean()),
        p50_us=tidy(p50),
        p90_us=tidy(p90),
        p99_us=tidy(p99),
        samples_us=tuple(tidy(value) for value in thinned(values, MOST_SAMPLES).tolist()),
    )


def median(times: Times) -> float:
    """The median, in the unit of the values."""
    return float(np.median(np.asarray(times, np.float64)))


def thinned(values: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.float64]:
    """At most `most` of the values, evenly over their order, the first among them."""
    if len(values) <= most:
        return values
    return values[np.arange(most) * len(values) // most]


def tidy(value: float) -> float:
    """Without digits that no clock has."""
    return round(float(value), DIGITS)
