"""Runs functions in worker processes with a time limit and a memory limit, and says clearly how they ended."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from edgecv_runtime.cpu import architecture
from edgecv_runtime.errors import ConversionError, EdgecvError
from edgecv_runtime.interpreter import clean_command, clean_environment

from edgecv_converters.isolate.child import JobResult, Order
from edgecv_converters.isolate.store import Key, ObjectStore

GIB = 1 << 30
SMALL_PART: Final = 24  # of the memory: what runs side by side may need it
CGROUP: Final = Path("/sys/fs/cgroup/memory.max")
SECONDS = 1800.0  # that one worker may take, where nobody says
LOG_TAIL_LINES = 25
WATCH_SECONDS = 0.05


def host_environment(scratch: Path | None = None, *, huge_pages: bool = False) -> dict[str, str]:
    """The environment of a host and its workers.

    Converters iterate over sets of names: the same seed of hashes gives the same file. On x86-64 TensorFlow computes by
    oneDNN on every processor, as it does by itself on newer ones: without it some layers, such as dilated transposed
    convolutions, have no kernel.

    Args:
        scratch: Where their temporary files go; None: where this process has its own.
        huge_pages: Ask glibc for huge pages: weights are copied in hundreds of megabytes, and with pages of 4 KB half
            of the time goes into asking for them. Small models take more memory with them.

    Who sets glibc's tunables or TensorFlow's kernels has the last word.
    """
    huge = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"} if huge_pages else {}
    kernels = {"TF_ENABLE_ONEDNN_OPTS": "1"} if architecture() == "x86_64" else {}
    fixed = {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONHASHSEED": "0"}
    return huge | kernels | clean_environment(scratch) | fixed


class WorkerBugError(Exception):
    """A worker ended with an exception that is nobody's fault but ours; the message is its traceback."""


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """The limits of one worker: wall-clock `seconds` and resident `memory` in bytes."""

    seconds: float = SECONDS
    memory: int = 16 * GIB

    @classmethod
    def of_machine(cls, seconds: float = SECONDS) -> WorkerLimits:
        """80 % of the memory of this machine or container, for so many seconds."""
        return cls(seconds, int(0.8 * machine_memory()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The error for a worker that died, and the hint for each way of dying."""

    error: type[EdgecvError]
    crash: str
    time: str
    memory: str


CONVERTING: Final = Advice(
    error=ConversionError,
    crash="Its last lines are in report.json with --keep-going",
    time="Raise --time-limit",
    memory="Raise --memory-limit, or use a machine with more",
)


@dataclass(slots=True)
class Job:
    """One function at work in its own process.

    `done` and `total` are its progress, 0 of 0 where it says nothing; `remaining` are seconds, where it measured them.
    `seconds` are those of its own work, without its waits for others, of which `worked` were before the newest of them.
    `needs` is an estimate of the bytes of memory that it takes. `died` says that its process crashed or was
    stopped, and ended without an answer of its own.
    """

    number: int
    name: str
    log: Path
    limits: WorkerLimits
    future: Future[Any] = field(default_factory=Future)
    pid: int | None = None
    since: float | None = None
    seconds: float = 0.0
    worked: float = 0.0
    done: int = 0
    total: int = 0
    remaining: float | None = None
    killed: str | None = None
    died: bool = False
    waits: bool = False
    needs: int = 0
    unwritten: EdgecvError | None = None

    def elapsed(self) -> float:
        """Seconds since it started, or since it began its own work."""
        return 0.0 if self.since is None else time.monotonic() - self.since

    def result(self) -> Any:
        """Wait for the function's value.

        Raises:
            EdgecvError: The function raised it; or ConversionError where the worker crashed or went over a limit.
            WorkerBugError: The function raised anything else.
        """
        return self.future.result()

    def log_tail(self) -> str:
        """The last lines that the worker's libraries printed."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])


class WorkerPool:
    """Holds the worker host; a context manager. At most `jobs` workers run at once, the rest wait their turn.

    Those that need much memory wait until what runs needs no more than `together` with them, or nothing.

    Workers share nothing with the caller's folder: their working directory and their temporary files lie in `staging`,
    and modules are found where this process finds them, except in the working directory.

    Args:
        staging: A folder that only this run uses.
        litter: What the host removes if this process is killed; `staging` where not given.
        preload: Modules that the host imports once, for all workers.
        jobs: How many workers run at the same time.
        advice: What is said where one dies.
        together: The bytes of memory that workers which run side by side may need; by default a small part of all.
        huge_pages: Give what workers allocate huge pages, for large models.
    """

    def __init__(
        self,
        staging: Path,
        *,
        litter: Path | None = None,
        preload: tuple[str, ...] = (),
        jobs: int = 2,
        advice: Advice = CONVERTING,
        together: int | None = None,
        huge_pages: bool = False,
    ) -> None:
        self.together = machine_memory() // SMALL_PART if together is None else together
        self.staging = staging = staging.absolute()
        self.advice = advice
        self.store = ObjectStore(staging / "store")
        self.store.folder.mkdir(parents=True)
        self.jobs: dict[int, Job] = {}
        self._queue: list[tuple[Job, Order]] = []
        self._numbers = itertools.count()
        self._slots = jobs
        self._lock = threading.Lock()
        self._ready = threading.Event()
        environment = host_environment(staging / "scratch", huge_pages=huge_pages)
        self._host = self._start_host(staging, (litter or staging).absolute(), preload, environment)
        self._threads = [
            threading.Thread(target=loop, name=loop.__name__, daemon=True) for loop in (self._listen, self._watch)
        ]
        self._open = True

    @staticmethod
    def _start_host(
        staging: Path, litter: Path, preload: tuple[str, ...], environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        scratch = staging / "scratch"
        scratch.mkdir()
        with (staging / "host.log").open("wb") as log:
            return subprocess.Popen(
                clean_command("-m", "edgecv_converters.isolate.fork_server", str(litter), *preload),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                cwd=scratch,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        with self._lock:
            self._queue.clear()
        if self._ready.is_set():
            self._say({"do": "bye"})
        else:  # it still imports, and has no worker
            self._host.kill()
        self._host.wait()
        for thread in self._threads:
            thread.join()
        for pipe in (self._host.stdin, self._host.stdout):  # not before: a closed pipe says that this process is gone
            with suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()

    def submit(
        self, name: str, function: Callable[..., Any], limits: WorkerLimits, *, needs: int = 0, **arguments: Any
    ) -> Job:
        """Queue `function(**arguments)`, which must be importable by its module and name, and `needs` so many bytes."""
        number = next(self._numbers)
        job = Job(number, name, self.store.folder / f"{number}.log", limits, needs=needs)
        given: Key[dict[str, Any]] = Key(f"{number}.arguments")
        self.store.put(given, arguments)
        order = Order(
            job=number,
            function=f"{function.__module__}:{function.__qualname__}",
            arguments=str(self.store.path(given)),
            result=str(self.store.path(_result_of(number))),
            log=str(job.log),
        )
        with self._lock:
            self.jobs[number] = job
            self._queue.append((job, order))
        self._start_next()
        return job

    def _start_next(self) -> None:
        with self._lock:
            running = [job for job in self.jobs.values() if job.since is not None and not job.future.done()]
            while self._queue and len(running) < self._slots and self._open:
                needed = sum(job.needs for job in (*running, self._queue[0][0]))
                if needed > self.together and any(job.needs for job in running):
                    break
                job, order = self._queue.pop(0)
                job.since = time.monotonic()
                running.append(job)
                self._say({"do": "start", **asdict(order)})

    def _say(self, message: dict[str, object]) -> None:
        if self._host.stdin is None or self._host.poll() is not None:
            return
        try:
            self._host.stdin.write(json.dumps(message).encode() + b"\n")
            self._host.stdin.flush()
        except BrokenPipeError:  # the listener sees the host's end and fails what is open
            return

    def _listen(self) -> None:
        for line in self._host.stdout or ():
            self._hear(json.loads(line))
        unfinished = [job for job in self.jobs.values() if not job.future.done()]
        if not unfinished:
            return
        reason = (self.store.folder.parent / "host.log").read_text(errors="replace").strip().splitlines()
        tail = f": {reason[-1]}" if reason else ""
        for job in unfinished:
            job.future.set_exception(self.advice.error(f"the worker host ended before {job.name} was done{tail}"))

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "ready":
            self._ready.set()
            return
        job = self.jobs[event["job"]]
        match event["event"]:
            case "started":
                job.pid = event["pid"]
                job.since = time.monotonic()
            case "wait":
                job.worked += job.elapsed()
                job.waits = True
            case "begin":
                job.waits, job.since = False, time.monotonic()
            case "progress":
                job.done, job.total, job.remaining = event["done"], event["total"], event["remaining"]
            case "unwritten":
                job.unwritten = EdgecvError(event["message"], event["hint"])
            case "ended":
                self._settle(job, event["code"])
                self._start_next()

    def _settle(self, job: Job, code: int) -> None:
        job.seconds = job.worked + (0.0 if job.waits else job.elapsed())
        result = self.store.path(_result_of(job.number))
        if job.unwritten is not None:
            job.future.set_exception(job.unwritten)
            return
        if job.killed is not None or code != 0 or not result.exists():
            job.died = True
            job.future.set_exception(_death(job, code, self.advice))
            return
        outcome: JobResult = ObjectStore.read(result)
        if outcome.error is not None:
            job.future.set_exception(outcome.error)
        elif outcome.bug is not None:
            job.future.set_exception(WorkerBugError(outcome.bug))
        else:
            job.future.set_result(outcome.value)

    def _watch(self) -> None:
        while self._open:
            for job in list(self.jobs.values()):
                if job.pid is not None and not job.future.done() and job.killed is None:
                    job.killed = _over_limit(job)
                    if job.killed is not None:
                        self._say({"do": "kill", "job": job.number})
            time.sleep(WATCH_SECONDS)


def _result_of(number: int) -> Key[JobResult]:
    return Key(f"{number}.result")


def _over_limit(job: Job) -> str | None:
    if not job.waits and job.elapsed() > job.limits.seconds:
        return f"took longer than {job.limits.seconds:g} s"
    if resident_bytes(job.pid) > job.limits.memory:
        return f"used more than {job.limits.memory / GIB:.3g} GiB of memory"
    return None


def machine_memory() -> int:
    """The bytes of memory of this machine, or of the container that it is seen from, where that may use less.

    A container sees its own control group (of version 2) as the root of all; limits of groups inside it are not read.
    """
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = CGROUP.read_text().strip()
    except OSError:
        return physical
    return min(physical, int(limit)) if limit.isdigit() else physical


def resident_bytes(pid: int | None) -> int:
    """Resident memory of a process in bytes, from /proc; 0 where the system has no /proc or the process is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _death(job: Job, code: int, advice: Advice) -> EdgecvError:
    if job.killed is not None:
        hint = advice.time if "longer" in job.killed else advice.memory
        return advice.error(f"{job.name} {job.killed} and was stopped", hint)
    tail = job.log_tail()
    if "MemoryError" in tail or "bad_alloc" in tail:
        return advice.error(f"{job.name} ran out of memory", "Close other programs, or use a machine with more")
    if code < 0:
        return advice.error(f"{job.name} crashed ({_signal_name(-code)})", advice.crash)
    return advice.error(f"{job.name} ended without a result (exit status {code})", advice.crash)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
