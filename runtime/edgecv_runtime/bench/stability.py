"""The reasons why the numbers of a benchmark cannot be relied on, a sentence for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from edgecv_runtime.bench.result import BenchRow, Machine
from edgecv_runtime.bench.statistics import median

MOST_DRIFT: Final = 0.05  # the first half of the turns against the second
MOST_ELSEWHERE: Final = 0.05  # of all cores' time
MOST_STOLEN: Final = 0.02
LOAD_PER_CORE: Final = 0.5


def drift(turn_medians: Sequence[float]) -> float | None:
    """The median of the second half of the turns over that of the first half, minus 1; None for a single turn."""
    half = len(turn_medians) // 2
    if not half:
        return None
    return round(median(turn_medians[-half:]) / max(median(turn_medians[:half]), 1e-9) - 1, 5)


def reasons(rows: Sequence[BenchRow], machine: Machine) -> tuple[str, ...]:
    """Everything that speaks against these numbers; empty where nothing does."""
    return (*_of_machine(machine), *(reason for row in rows if row.not_run is None for reason in _of_row(row)))


def _of_machine(machine: Machine) -> Iterator[str]:
    if machine.busy_elsewhere is not None:
        if machine.busy_elsewhere > MOST_ELSEWHERE:
            yield f"other programs used {machine.busy_elsewhere:.0%} of the processor meanwhile"
    elif machine.load_before is not None and machine.load_before > LOAD_PER_CORE * machine.cores:
        yield f"the load average was {machine.load_before:g} on {machine.cores} cores before it began"
    if machine.stolen is not None and machine.stolen > MOST_STOLEN:
        yield f"the hypervisor kept {machine.stolen:.0%} of the processor for others"
    if machine.throttled:
        yield "the device slowed down because of heat"


def _of_row(row: BenchRow) -> Iterator[str]:
    if row.warm_up is not None and not row.warm_up.stable:
        yield f"{row.title}: the warm-up did not settle within {row.warm_up.seconds:.1f} s"
    if row.drift is not None and abs(row.drift) > MOST_DRIFT:
        yield f"{row.title}: p50 changed by {row.drift:+.1%} from the first half of the turns to the second"
