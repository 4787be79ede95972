"""The inside of a forked worker: one function runs, and its result or error goes into the object store."""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from edgecv_runtime.environment import environment_error, exhaustion
from edgecv_runtime.errors import EdgecvError

from edgecv_converters.isolate.store import Key, ObjectStore

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
T = TypeVar("T")
LATER = 5  # steps of niceness
GIVE_BACK_SECONDS = 1.0
MOST_WORDS = 1000  # characters of a message, so that its line stays below PIPE_BUF


@dataclass(frozen=True, slots=True)
class Order:
    """One job as it travels to the worker host: `function` is "module:name", the rest are file names."""

    job: int
    function: str
    arguments: str
    result: str
    log: str


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a worker: a value, an error that a person can mend, or the traceback of a bug."""

    value: Any = None
    error: EdgecvError | None = None
    bug: str | None = None


class Reporter:
    """Sends a worker's events (one JSON line each, below PIPE_BUF bytes, so that lines never mix) to the pool."""

    current: ClassVar[Reporter | None] = None

    def __init__(self, job: int, descriptor: int) -> None:
        self.job = job
        self.descriptor = descriptor

    def send(self, event: str, **details: object) -> None:
        """Write one event."""
        line = json.dumps({"event": event, "job": self.job, **details}) + "\n"
        os.write(self.descriptor, line.encode())


def progress(done: int, total: int, remaining: float | None = None) -> None:
    """Tell the person how far this worker is, and for how many seconds it will go on where that was measured.

    Does nothing outside a worker.
    """
    if Reporter.current is not None:
        Reporter.current.send("progress", done=done, total=total, remaining=remaining)


def wait_for(store: ObjectStore, key: Key[T]) -> T:
    """Wait for an object of another worker; the wait is that worker's time, so the time limit starts anew after it."""
    if Reporter.current is not None:
        Reporter.current.send("wait")
        if not store.has(key):
            give_back()
    value = store.get(key)
    if Reporter.current is not None:
        Reporter.current.send("begin")
    return value


def give_back() -> None:
    """Give the memory of what is not needed any more back to the system, for the workers that are waited for."""
    gc.collect()
    trim = _trim()
    if trim is not None:
        trim(0)


def keep_giving_back() -> None:
    """Give what is free back to the system once a second from now on: this process may not need it again, others do.

    What is smaller than 32 MB glibc keeps, for the end of the heap is seldom free.
    """
    trim = _trim()
    if trim is None:
        return

    def run() -> None:
        while True:
            time.sleep(GIVE_BACK_SECONDS)
            trim(0)

    with suppress(RuntimeError):  # no thread can be had
        threading.Thread(target=run, name=keep_giving_back.__name__, daemon=True).start()


def go_later() -> None:
    """Let other workers have the processor first from here on; does nothing outside a worker."""
    if Reporter.current is not None:
        now = os.getpriority(os.PRIO_PGRP, 0)
        os.setpriority(os.PRIO_PGRP, 0, now + LATER)  # os.nice is of one thread, this of all that there are


def _trim() -> Callable[[int], int] | None:
    """The function of the C library that gives back what it keeps, where it has one."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def outlive_parent() -> None:
    """Undo `die_with_parent`."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, 0)


def run(order: Order, events: int) -> None:
    """Run one order in this (forked) process; the outcome goes to `order.result`."""
    os.setpgid(0, 0)
    die_with_parent()
    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    Reporter.current = Reporter(order.job, events)
    keep_giving_back()
    result = Path(order.result)
    outcome = _outcome(order)
    try:
        ObjectStore(result.parent).put(Key(result.stem), outcome)
    except OSError as error:  # where no file can be written, a line still goes through
        known = environment_error(error)
        if known is None:
            raise
        Reporter.current.send("unwritten", message=known.message[:MOST_WORDS], hint=known.hint)


def _outcome(order: Order) -> JobResult:
    module, _, name = order.function.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
        return JobResult(value=function(**ObjectStore.read(Path(order.arguments))))
    except EdgecvError as error:
        _log_error()
        return JobResult(error=exhaustion(error) or error)
    except MemoryError:
        raise
    except BaseException as error:  # noqa: BLE001 - the boundary of the process: a bug is reported by its traceback
        _log_error()
        known = environment_error(error) if isinstance(error, OSError) else None
        return JobResult(bug=traceback.format_exc()) if known is None else JobResult(error=known)


def _log_error() -> None:
    """Write the traceback into the log, unless the disk is full, which may be what it is about."""
    with suppress(OSError):
        traceback.print_exc()
