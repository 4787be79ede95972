"""The time of each operation inside one inference, by the runtimes' own profilers: one module for each runtime.

Every profiler is a function of the same form, named by `formats.BackendRecord.profiler` and found by `find`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Final, Literal

import numpy as np

from edgecv_runtime import formats
from edgecv_runtime.bench.result import Profile
from edgecv_runtime.errors import BackendError
from edgecv_runtime.schema import Artifact

Profiler = Callable[[Artifact, Path, int, Mapping[str, np.ndarray], float], Profile]
"""Takes an artifact's record, its file, threads, raw inputs by the source's names, and the seconds it may run."""

Numbers = Literal["integer", "float", "conversion"]
HALF: Final = 0.5  # of the unit that a runtime cuts its times to, which is missing on average
COLD: Final = 3  # inferences that do not count
FEWEST, MOST = 10, 100  # inferences that do


def find(backend: str) -> Profiler:
    """Return the profiler of a backend.

    Raises:
        BackendError: Its runtime cannot tell the time of single operations.
    """
    record = formats.backend(backend)
    if record.profiler is None:
        raise BackendError(f"{record.title} does not tell the time of single operations")
    module, _, name = record.profiler.partition(":")
    found: Profiler = getattr(import_module(module), name)
    return found


def repeat(infer: Callable[[], object], seconds: float) -> int:
    """Infer for `seconds`, within FEWEST and MOST; return how often."""
    end = perf_counter() + seconds
    count = 0
    while count < FEWEST or (count < MOST and perf_counter() < end):
        infer()
        count += 1
    return count


def typical(times: Sequence[float]) -> float:
    """The mean of the middle half: as steady as a median, and finer than the whole microseconds that runtimes count."""
    ordered = np.sort(np.asarray(times, np.float64))
    cut = len(ordered) // 4
    return float(ordered[cut : len(ordered) - cut].mean())


def numbers(floats: Collection[bool]) -> Numbers | None:
    """Tell what an operation computes with, by which of its ends are floats; None where no end is known."""
    if not floats:
        return None
    if all(floats):
        return "float"
    return "conversion" if any(floats) else "integer"
