"""What is to be measured: which artifacts, on which backends, with how many threads, and how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edgecv_runtime.backends import BACKENDS, target_of
from edgecv_runtime.bench.result import BenchRow
from edgecv_runtime.choose import has_cuda
from edgecv_runtime.cpu import cores
from edgecv_runtime.errors import BackendError, BundleError, UsageError
from edgecv_runtime.schema import Artifact, Manifest, Record

MOST_THREADS: Final = 256
UNTHREADED: Final = frozenset({"onnx-cuda", "coreml"})  # they take their own number of threads


class Options(Record, frozen=True, kw_only=True):
    """What to measure and for how long; also as JSON, for a device.

    Attributes:
        targets, precisions, backends: Only these; empty: all.
        threads: One row each; empty: one thread, and as many as there are cores.
        rounds: Turns of every row, in turn with the others.
        seconds: Of measuring a row in all its turns.
        warm_up_seconds: The most that warming up one row may take.
        sustained_seconds: How long a row runs alone at the end; 0: not at all.
        sustain_all: Every row, in place of the fastest int8 row.
        peaks: Measure what a large layer reaches here.
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
            target_of(name)

    @property
    def turn_seconds(self) -> float:
        """How long one turn is."""
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
        wanted = {target_of(name) for name in options.backends}
        chosen = [artifact for artifact in chosen if artifact.target in wanted]
    if not chosen:
        there = ", ".join(f"{artifact.target} {artifact.precision}" for artifact in manifest.artifacts)
        raise BundleError(f"no artifact of the bundle {manifest.name} fits what was asked for", f"It has {there}")
    return tuple(row for artifact in chosen for row in _rows(artifact, options))


def _rows(artifact: Artifact, options: Options) -> Iterator[BenchRow]:
    for backend in _backends(artifact, options):
        for threads in options.thread_counts()[: 1 if backend in UNTHREADED else None]:
            yield BenchRow(
                artifact=artifact.file,
                target=artifact.target,
                precision=artifact.precision,
                sha256=artifact.sha256,
                bytes=artifact.bytes,
                backend=backend,
                threads=threads,
            )


def _backends(artifact: Artifact, options: Options) -> Iterator[str]:
    for name, (target, _) in BACKENDS.items():
        asked = name in options.backends
        here = name != "onnx-cuda" or has_cuda()
        if target == artifact.target and (asked or (not options.backends and here)):
            yield name


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
