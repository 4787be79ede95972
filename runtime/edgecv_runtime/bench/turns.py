"""Many workers that take turns, A B C A B C, so that a slow moment of the machine falls on all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, Protocol

from edgecv_runtime.bench.messages import Open, Opened, Sustain, SustainedPart, Turn, Turned
from edgecv_runtime.bench.process import Worker
from edgecv_runtime.bench.result import Sustained, WarmUp
from edgecv_runtime.bench.statistics import median
from edgecv_runtime.errors import EdgecvError

WINDOW: Final = 3  # turns
SETTLED: Final = 0.03  # how far the medians of two windows may be apart
STEP_SECONDS: Final = 10.0
STAGES: Final = ("preprocess", "inference", "postprocess", "total")


class Watcher(Protocol):
    """Is told of every turn before it begins; returns at once."""

    def turn(self, phase: str, title: str, done: int, total: int) -> None:
        """`title` takes its turn; `done` of about `total` turns of this phase are over."""


class Nobody:
    """Watches nothing."""

    def turn(self, phase: str, title: str, done: int, total: int) -> None:
        """Ignore it."""


@dataclass(slots=True)
class Course:
    """One artifact in a worker and all that was measured of it; `failed` says why it takes no more turns.

    `share` is how long its turns are, of the others'; `cpu_seconds` are the whole process's.
    """

    title: str
    order: Open
    worker: Worker
    share: float = 1.0
    opened: Opened | None = None
    warm: list[float] = field(default_factory=list)
    warm_count: int = 0
    warm_seconds: float = 0.0
    settled: bool = False
    turns: list[Turned] = field(default_factory=list)
    sustained: list[Sustained] = field(default_factory=list)
    cpu_seconds: float = 0.0
    failed: EdgecvError | None = None

    @property
    def warm_up(self) -> WarmUp:
        """Warm a row up until its times have settled, and tell what ran."""
        return WarmUp(
            turns=len(self.warm), count=self.warm_count, seconds=round(self.warm_seconds, 3), stable=self.settled
        )

    def turn(self, seconds: float) -> Turned:
        """Let the worker predict for `seconds`, or its share of them."""
        seconds *= self.share
        turned = self.worker.ask(Turn(seconds=seconds, slot=self.order.slot), Turned, seconds=seconds)
        self.cpu_seconds = turned.cpu_seconds
        return turned

    def times(self, stage: str) -> list[float]:
        """All microseconds of one of `STAGES`, in order of time."""
        return [value for turn in self.turns for value in getattr(turn, stage)]

    def turn_medians(self) -> list[float]:
        """p50 of the inferences of each turn."""
        return [median(turn.inference) for turn in self.turns]


def _attempt(course: Course, action: Callable[[Course], None]) -> None:
    """Do something with one worker; if it fails, the others go on without it."""
    try:
        action(course)
    except EdgecvError as error:
        course.failed = error
        course.worker.close()


def running(courses: Iterable[Course]) -> list[Course]:
    """Those that have not failed."""
    return [course for course in courses if course.failed is None]


def load(courses: Sequence[Course], watcher: Watcher) -> None:
    """Let every worker load its artifact, one after the other."""

    def open_it(course: Course) -> None:
        course.opened = course.worker.ask(course.order, Opened)

    for number, course in enumerate(courses):
        watcher.turn("load", course.title, number, len(courses))
        _attempt(course, open_it)


def settled(medians: Sequence[float]) -> bool:
    """Tell whether the median of the last 3 turns is within 3 % of the median of the 3 before."""
    if len(medians) < 2 * WINDOW:
        return False
    last, before = median(medians[-WINDOW:]), median(medians[-2 * WINDOW : -WINDOW])
    return abs(last - before) <= SETTLED * before


def warm_up(courses: Sequence[Course], seconds: float, limit: float, watcher: Watcher) -> None:
    """Turns that do not count, until every course has settled or its time is up; two windows at least."""

    def run(course: Course) -> None:
        began = perf_counter()
        turned = course.turn(seconds)
        course.warm_seconds += perf_counter() - began
        course.warm_count += len(turned.inference)
        course.warm.append(median(turned.inference))
        course.settled = settled(course.warm)

    done = 0
    while waiting := [course for course in running(courses) if not _is_warm(course, limit)]:
        for course in waiting:
            watcher.turn("warm up", course.title, done, done + len(waiting))
            _attempt(course, run)
            done += 1


def _is_warm(course: Course, limit: float) -> bool:
    return course.settled or (len(course.warm) >= 2 * WINDOW and course.warm_seconds >= limit * course.share)


def measure(courses: Sequence[Course], rounds: int, seconds: float, watcher: Watcher) -> None:
    """Give every course one turn a round, always in the same order."""

    def run(course: Course) -> None:
        course.turns.append(course.turn(seconds))

    for number in range(rounds):
        still = running(courses)
        for place, course in enumerate(still):
            watcher.turn("measure", course.title, number * len(still) + place, rounds * len(still))
            _attempt(course, run)


def sustain(course: Course, seconds: float, watcher: Watcher) -> None:
    """Let one course run alone and without a pause, and note p50 and p90 of every ten seconds."""

    def run(course: Course) -> None:
        step = min(STEP_SECONDS, seconds)
        reply = course.worker.ask(Sustain(seconds=seconds, step=step), SustainedPart, seconds=step)
        while not reply.last:
            if reply.point is not None:
                course.sustained.append(reply.point)
            watcher.turn("sustain", course.title, min(int(seconds), round(len(course.sustained) * step)), int(seconds))
            reply = course.worker.listen(SustainedPart, seconds=step)
        course.cpu_seconds = reply.cpu_seconds

    watcher.turn("sustain", course.title, 0, int(seconds))
    _attempt(course, run)
