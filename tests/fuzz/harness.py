"""Runs one subject on many mutations, in a child that may die, and counts how they ended."""

from __future__ import annotations

import mmap
import os
import random
import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edgecv_runtime.errors import EdgecvError

from tests.fuzz.watch import Canary

HANG_SECONDS = 10.0
STARTING_SECONDS = 60.0  # more for the first mutation of a child, which imports everything
MOST_LETTERS = 5000  # of a message
MEMORY = 8 << 30  # bytes of address space above what the child has when it begins
PER_CHILD = 400  # mutations; then a new child, so that nothing adds up
NUMBER, BEGAN = 0, 1  # what parent and child share: the mutation at work, and when it began


class Subject(Protocol):
    """A kind of file and what edgecv does with one."""

    name: str

    def write(self, folder: Path, random: random.Random, paths: tuple[str, ...]) -> Path:
        """Write one mutation into an empty folder."""

    def use(self, path: Path) -> None:
        """Do with it what a person would; an EdgecvError is a good end."""


@dataclass(slots=True)
class Tally:
    """How the mutations of one subject ended; `examples` has the first of each bad end, with its number."""

    name: str
    ends: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, end: str, number: int, text: str = "") -> None:
        """Count one."""
        self.ends[end] += 1
        if end not in {"accepted", "refused"}:
            self.examples.setdefault(f"{end} {text.strip().splitlines()[-1] if text.strip() else ''}", (number, text))

    @property
    def bad(self) -> int:
        """How many ended as none may."""
        return sum(count for end, count in self.ends.items() if end not in {"accepted", "refused"})


def fuzz(subject: Subject, numbers: range, seed: int, work: Path, progress: Callable[[Tally], None]) -> Tally:
    """Try the mutations with these numbers; each depends on the seed and its number alone."""
    tally = Tally(subject.name)
    canary = Canary(work / "canary")
    shared = memoryview(mmap.mmap(-1, 16)).cast("d")  # numbers that are written in one go
    start = numbers.start
    while start < numbers.stop:
        stop = min(start + PER_CHILD, numbers.stop)
        start = _child(subject, range(start, stop), seed, work, canary, shared, tally)
        progress(tally)
    return tally


def _child(
    subject: Subject, numbers: range, seed: int, work: Path, canary: Canary, shared: memoryview, tally: Tally
) -> int:
    """Fork a child for these mutations, and watch it; the number to go on with."""
    reading, writing = os.pipe()
    shared[NUMBER], shared[BEGAN] = numbers.start, time.monotonic() + STARTING_SECONDS
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _work(subject, numbers, seed, work, canary, shared, writing)
    os.close(writing)
    hung = _watch(pid, reading, shared, tally)
    _, status = os.waitpid(pid, 0)
    at = int(shared[NUMBER])
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return numbers.stop
    tally.add("hang" if hung else "death", at, "" if hung else f"ended with {code}")
    return at + 1


def _watch(pid: int, reading: int, shared: memoryview, tally: Tally) -> bool:
    """Take the child's lines until it ends; whether it had to be killed."""
    hung = False
    os.set_blocking(reading, False)
    with os.fdopen(reading, "rb", buffering=0) as lines:
        rest = b""
        while True:
            part = lines.read(1 << 16)
            if part == b"":
                return hung
            if part is None:
                time.sleep(0.01)
                if not hung and time.monotonic() - shared[BEGAN] > HANG_SECONDS:
                    os.kill(pid, signal.SIGKILL)
                    hung = True
                continue
            *whole, rest = (rest + part).split(b"\0")
            for line in whole:
                end, number, text = line.decode(errors="replace").split("\t", 2)
                tally.add(end, int(number), text)


def _work(
    subject: Subject, numbers: range, seed: int, work: Path, canary: Canary, shared: memoryview, writing: int
) -> None:
    """In the child: every mutation, told to the parent as it ends."""
    number = numbers.start
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        folder = work / "scratch"
        paths = canary.paths(folder)
        limited = False
        for number in numbers:
            shared[NUMBER] = number
            _empty(folder)
            path = subject.write(folder, random.Random(f"{seed} {subject.name} {number}"), paths)
            shared[BEGAN] = time.monotonic() + (STARTING_SECONDS if number == numbers.start else 0)
            end, text = _ended(subject, path)
            if canary.touched():
                end, text = "outside", "the canary was touched"
            os.write(writing, f"{end}\t{number}\t{text[-3000:]}\0".encode())
            if not limited:  # what is imported by now does not count
                _limit_memory()
                limited = True
        os._exit(0)
    except BaseException:  # noqa: BLE001 - a fault of the harness itself: told as such
        os.write(writing, f"harness\t{number}\t{traceback.format_exc()[-3000:]}\0".encode())
    finally:
        os._exit(1)


def _ended(subject: Subject, path: Path) -> tuple[str, str]:
    try:
        subject.use(path)
    except EdgecvError as error:
        if len(error.message) > MOST_LETTERS:
            return "traceback", f"a message of {len(error.message)} letters: {error.message[:200]!r}"
        return "refused", ""
    except BaseException:  # noqa: BLE001 - what else comes out is what is looked for
        return "traceback", traceback.format_exc()
    return "accepted", ""


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _empty(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
