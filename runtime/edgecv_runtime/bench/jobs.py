"""The jobs of a benchmark: which artifacts, on which backends, with how many threads, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edgecv_runtime import formats
from edgecv_runtime.bench.result import BenchRow
from edgecv_runtime.cpu import cores
from edgecv_runtime.errors import BackendError, BundleError, UsageError
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Artifact, Manifest

MOST_THREADS: Final = 256


class Options(Record, frozen=True, kw_only=True):
    """The options of a benchmark: what is measured and for how long. Sent to a device as JSON.

    Attributes:
        targets, precisions, backends: Only these; empty: all.
        threads: One row each; empty: one thread, and as many as there are cores.
        rounds: Turns of every row, in turn with the others.
        seconds: Of measuring a row in all its turns.
        warm_up_seconds: The most that warming up one row may take.
        sustained_seconds: How long a row runs alone at the end; 0: not at all.
        sustain_all: Every row, in place of the fastest int8 row.
        peaks: Measure what a large layer reaches here.
        profile: Let the runtimes' own profilers time every operation, after the rest is measured.
    """

    targets: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    threads: tuple[int, ...] = ()
    rounds: int = 20
    seconds: float = 2.0
    warm_up_seconds: float = 5.0
    sustained_seconds: float = 0.0
    sustain_all: bool = False
    peaks: bool = True
    profile: bool = False

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            UsageError: A number is out of its range.
            BackendError: A backend is unknown.
        """
        if any(not 1 <= number <= MOST_THREADS for number in self.threads):
            raise UsageError(f"--threads must be 1 to {MOST_THREADS}, got {self.threads}", "As --threads 1,4")
        if self.rounds < 2:
            raise UsageError(f"--rounds must be at least 2, got {self.rounds}", "20 is the default")
        for name, least in (("seconds", 0.001), ("warm_up_seconds", 0.0), ("sustained_seconds", 0.0)):
            value = getattr(self, name)
            if not least <= value < float("inf"):
                option = name.removesuffix("_seconds").replace("_", "-") if name != "seconds" else name
                raise UsageError(f"--{option} must be at least {least:g} seconds, got {value:g}")
        for name in self.backends:
            formats.format_of(name)

    @property
    def turn_seconds(self) -> float:
        """The length of one turn in seconds."""
        return self.seconds / self.rounds

    def thread_counts(self) -> tuple[int, ...]:
        """The threads to measure with, each once."""
        return tuple(dict.fromkeys(self.threads or (1, cores())))


def rows(manifest: Manifest, options: Options) -> tuple[BenchRow, ...]:
    """A row for every artifact, backend and number of threads that were asked for, with nothing measured yet.

    Raises:
        BundleError: The bundle has nothing of that kind.
    """
    chosen = [
        artifact
        for artifact in manifest.artifacts
        if (not options.targets or artifact.target in options.targets)
        and (not options.precisions or artifact.precision in options.precisions)
    ]
    if options.backends:
        wanted = {formats.format_of(name).name for name in options.backends}
        chosen = [artifact for artifact in chosen if artifact.target in wanted]
    if not chosen:
        there = ", ".join(f"{artifact.target} {artifact.precision}" for artifact in manifest.artifacts)
        raise BundleError(f"no artifact of the bundle {manifest.name} fits what was asked for", f"It has {there}")
    return tuple(row for artifact in chosen for row in _rows(artifact, options))


def _rows(artifact: Artifact, options: Options) -> Iterator[BenchRow]:
    for backend in _backends(artifact, options):
        threaded = backend.processor == "cpu"  # the others take their own number of threads
        for threads in options.thread_counts()[: None if threaded else 1]:
            yield BenchRow(
                artifact=artifact.file,
                target=artifact.target,
                precision=artifact.precision,
                sha256=artifact.sha256,
                bytes=artifact.size,
                backend=backend.name,
                threads=threads,
            )


def _backends(artifact: Artifact, options: Options) -> Iterator[formats.BackendRecord]:
    """Those that were asked for; without any the first of the format, and the others that may run here."""
    usual, *others = formats.find(artifact.target).backends
    for backend in (usual, *others):
        if backend.name in options.backends or (not options.backends and (backend is usual or backend.may_run)):
            yield backend


def check_any(measured: tuple[BenchRow, ...]) -> None:
    """See that there is something to show.

    Raises:
        BackendError: Nothing could be measured; the message has the first reason.
    """
    if all(row.not_run for row in measured):
        first = measured[0]
        raise BackendError(
            f"nothing could be measured; {first.title}: {first.not_run}",
            "edgecv doctor shows what is installed, and the line that installs the rest",
        )
