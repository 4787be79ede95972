"""The worker host: imports TensorFlow once, then forks one worker for each order it reads from standard input.

A fork of a process that has imported TensorFlow but run nothing is safe (its thread pools start with the first op) and
saves each worker the seconds of the import. When standard input closes, whoever ordered is gone: the host kills every
worker, removes the litter folder and ends. Told "bye", it ends without removing anything. While it imports it cannot
look; then a guard, a process of its own, looks in its place.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from edgecv_converters.isolate.child import Order, die_with_parent, outlive_parent, run
from edgecv_converters.isolate.lean import importing_without

POLL_SECONDS = 0.005
NOT_FOR_WORKERS = ("sklearn",)  # Keras imports it for its wrappers


@contextmanager
def guarded(litter: str) -> Iterator[None]:
    """End this process and remove the litter if whoever ordered goes while the block runs.

    A thread could not: the dynamic loader keeps Python's global lock for seconds. The guard dies with this process.
    """
    host = os.getpid()
    guard = os.fork()
    if guard == 0:
        try:
            _guard(host, litter)
        finally:
            os._exit(0)
    try:
        yield
    finally:
        os.kill(guard, signal.SIGKILL)
        os.waitpid(guard, 0)


def _guard(host: int, litter: str) -> None:
    die_with_parent()
    os.close(1)  # or whoever ordered would not see the host's end
    os.close(2)
    orders = select.poll()
    orders.register(0, 0)  # no event but the one that is always told: nobody has the other end any more
    while os.getppid() == host:
        if orders.poll(1000):
            outlive_parent()
            with suppress(ProcessLookupError):
                os.kill(host, signal.SIGKILL)
            while os.getppid() == host:
                time.sleep(POLL_SECONDS)
            shutil.rmtree(litter, ignore_errors=True)


class Host:
    """Reads orders, forks workers, reports their ends."""

    def __init__(self, litter: str) -> None:
        self.litter = litter
        self.workers: dict[int, int] = {}  # pid -> job
        self.buffer = b""
        self.polite = False

    def serve(self) -> None:
        """Work until it is told "bye", or standard input closes."""
        wake, signalled = os.pipe()
        os.set_blocking(signalled, False)
        signal.set_wakeup_fd(signalled)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            while True:
                ready, _, _ = select.select([0, wake], [], [])
                if wake in ready:
                    os.read(wake, 4096)
                    self.reap()
                if 0 in ready and not self.read():
                    break
        finally:
            self.close()

    def read(self) -> bool:
        """Take what standard input holds; False when that was the last."""
        data = os.read(0, 65536)
        self.buffer += data
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            self.obey(json.loads(line))
        return bool(data) and not self.polite

    def obey(self, message: dict[str, object]) -> None:
        """Carry out one message: an order, a kill, or a goodbye."""
        match message.pop("do"):
            case "start":
                self.fork(Order(**message))  # type: ignore[arg-type]
            case "kill":
                self.kill(next((pid for pid, job in self.workers.items() if job == message["job"]), None))
            case "bye":
                self.polite = True

    def fork(self, order: Order) -> None:
        """Start one worker."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads; see the module's text
            pid = os.fork()
        if pid == 0:
            self.become_worker(order)
        self.workers[pid] = order.job
        self.tell("started", job=order.job, pid=pid)

    @staticmethod
    def become_worker(order: Order) -> None:
        """In the fork: undo the host's signal handling, give up its standard input, run the order, end."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            events = os.dup(1)
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            run(order, events)
            status = 0
        except BaseException:  # noqa: BLE001 - nothing may climb into the host's loop
            traceback.print_exc()
        finally:
            os._exit(status)

    def reap(self) -> None:
        """Report each worker that has ended."""
        for pid in list(self.workers):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self.tell("ended", job=self.workers.pop(pid), code=os.waitstatus_to_exitcode(status))

    @staticmethod
    def tell(event: str, **details: object) -> None:
        """Write one event line to whoever ordered; where nobody reads any more, standard input closes as well."""
        with suppress(BrokenPipeError):
            os.write(1, (json.dumps({"event": event, **details}) + "\n").encode())

    @staticmethod
    def kill(pid: int | None) -> None:
        """Kill a worker and what it started."""
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill what still runs; after an abrupt end also remove the litter."""
        for pid in self.workers:
            self.kill(pid)
            os.waitpid(pid, 0)
        if not self.polite:
            shutil.rmtree(self.litter, ignore_errors=True)


def main() -> None:
    """Entry point of `python -m edgecv_converters.isolate.fork_server LITTER [MODULE ...]`."""
    litter, *preload = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever ordered
    host = Host(litter)
    if preload and sys.platform == "linux":
        with guarded(litter), importing_without(*NOT_FOR_WORKERS):
            for module in preload:
                with suppress(ImportError):  # the worker that needs it says so, with the line that installs it
                    importlib.import_module(module)
    gc.freeze()  # what is imported stays: workers neither collect it nor copy its pages to count references
    host.tell("ready")
    host.serve()
    os._exit(0)  # tearing TensorFlow down takes most of a second and frees nothing that the kernel does not


if __name__ == "__main__":
    main()
