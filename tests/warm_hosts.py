"""Worker hosts that are forked from a process which has imported TensorFlow and coremltools once a session.

A host that starts by itself imports TensorFlow anew for each conversion, and each worker of Core ML coremltools: four
seconds of a processor and more, in a test whose own work often takes less. A forked host is at the same point of the
same code, as its own workers are forked from it. Tests of how hosts start, die and differ from process to process have
the mark `cold_hosts`: theirs start by themselves.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from edgecv_converters.coreml.package import load_coremltools
from edgecv_converters.isolate.fork_server import NOT_FOR_WORKERS, Host
from edgecv_converters.isolate.lean import importing_without
from edgecv_converters.isolate.pool import host_environment
from edgecv_runtime.interpreter import clean_command

from edgecv.convert.pipeline import PRELOAD

MOST_BYTES = 1 << 17


class ForkedHost:
    """A host's process as the pool knows it: what it needs of `subprocess.Popen`."""

    def __init__(self, pid: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self._end = os.pidfd_open(pid)

    def poll(self) -> int | None:
        return 0 if select.select([self._end], [], [], 0)[0] else None

    def wait(self) -> int:
        select.select([self._end], [], [])
        return 0

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._end, signal.SIGKILL)

    def __del__(self) -> None:
        os.close(self._end)


class Nest:
    """The process that hosts are forked from, which has imported some modules."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        environment = host_environment()
        self.search_path = environment["PYTHONPATH"]
        self._lock = threading.Lock()
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                clean_command("-m", "tests.warm_hosts", str(theirs.fileno()), *modules),
                env=environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def fork(self, litter: Path, log: Path, scratch: Path, environment: dict[str, str]) -> ForkedHost:
        """A host with this log and working directory, in this environment."""
        (stdin, to_host), (from_host, stdout) = os.pipe(), os.pipe()
        with log.open("wb") as errors:
            order = {"litter": str(litter), "scratch": str(scratch), "environment": environment}
            with self._lock:
                socket.send_fds(self._orders, [json.dumps(order).encode()], [stdin, stdout, errors.fileno()])
                pid = int(self._orders.recv(64))
        os.close(stdin)
        os.close(stdout)
        return ForkedHost(pid, os.fdopen(to_host, "wb"), os.fdopen(from_host, "rb"))

    def close(self) -> None:
        self._orders.close()
        self._process.wait()


class WarmHosts:
    """Starts the hosts of every `WorkerPool`: forked, where they import modules, from where the nest did."""

    def __init__(self, start: Callable[[Path, Path, tuple[str, ...], dict[str, str]], Any]) -> None:
        self.cold = True  # until a test begins that says otherwise
        self._start = start
        self._nests: dict[tuple[str, ...], Nest] = {}

    def start(self, staging: Path, litter: Path, preload: tuple[str, ...], environment: dict[str, str]) -> Any:
        """In place of `WorkerPool._start_host`."""
        if self.cold or not preload:
            return self._start(staging, litter, preload, environment)
        scratch = staging / "scratch"
        modules = PRELOAD if set(preload) <= set(PRELOAD) else preload
        nest = self._nests.get(modules) or self._nests.setdefault(modules, Nest(modules))
        if nest.search_path != environment["PYTHONPATH"]:
            return self._start(staging, litter, preload, environment)
        scratch.mkdir()
        return nest.fork(litter, staging / "host.log", scratch, environment)

    def close(self) -> None:
        for nest in self._nests.values():
            nest.close()


def become_host(order: dict[str, Any], streams: list[int]) -> None:
    """In the fork: what the start of a process would have set, then the host's own work."""
    os.setsid()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(order["scratch"])
    os.environ.clear()
    os.environ.update(order["environment"])
    tempfile.tempdir = None
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    host = Host(order["litter"])
    host.tell("ready")
    host.serve()


def main() -> None:
    """Entry point of `python -m tests.warm_hosts DESCRIPTOR MODULE ...`."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with importing_without(*NOT_FOR_WORKERS):
        for module in sys.argv[2:]:
            importlib.import_module(module)
        if "tensorflow" in sys.argv:
            load_coremltools()
    gc.freeze()
    hosts = []
    while True:
        order, streams, _, _ = socket.recv_fds(orders, MOST_BYTES, 3)
        if not order:
            break
        pid = os.fork()
        if pid == 0:
            orders.close()
            try:
                become_host(json.loads(order), streams)
            finally:
                os._exit(0)
        hosts.append(pid)
        for descriptor in streams:
            os.close(descriptor)
        orders.send(str(pid).encode())
        hosts = [pid for pid in hosts if os.waitpid(pid, os.WNOHANG)[0] == 0]
    for pid in hosts:
        os.waitpid(pid, 0)
    os._exit(0)


if __name__ == "__main__":
    main()
