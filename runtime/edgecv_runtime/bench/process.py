"""The measuring side's end of a worker process: what it is told, what it answers, and how it ends."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Final, Self, TypeVar

import msgspec

from edgecv_runtime.bench.messages import Command, Refused, Reply
from edgecv_runtime.errors import BackendError, MissingDependencyError
from edgecv_runtime.interpreter import clean_command, clean_environment

PATIENCE: Final = 600.0  # seconds over what was asked for, until a worker counts as hung
LOG_TAIL: Final = 300  # characters
CHUNK: Final = 1 << 20
Kind = TypeVar("Kind", bound=Reply)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until the end: a process that was started and not yet noted down would be left behind."""
    if threading.current_thread() is not threading.main_thread():  # only that one is interrupted
        yield
        return
    caught: list[tuple[int, FrameType | None]] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: caught.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if caught and callable(before):
            before(*caught[0])


def started(stack: contextlib.ExitStack) -> Worker:
    """A worker that ends with `stack`, whenever Ctrl-C comes."""
    with uninterrupted():
        return stack.enter_context(Worker())


class Worker:
    """One process; a context manager that leaves none behind.

    It has a session of its own, so that Ctrl-C reaches this side only, which ends it. Its working directory is `/`:
    paths in commands are absolute, and nothing of the caller's folder is found by Python or by the dynamic loader.
    """

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            clean_command("-m", "edgecv_runtime.bench.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=clean_environment(),
            cwd=os.sep,
            start_new_session=True,
        )
        self._rest = b""

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()
        self._log.close()

    def ask(self, command: Command, kind: type[Kind], *, seconds: float = 0.0) -> Kind:
        """Give a command and wait for its answer, which should take `seconds`.

        Raises:
            BackendError: The worker refused, for a reason that a person can mend; or it died, or hung.
            MissingDependencyError: It refused because a package is not installed.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(command) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        return self.listen(kind, seconds=seconds)

    def listen(self, kind: type[Kind], *, seconds: float = 0.0) -> Kind:
        """Wait for one more answer; raises as `ask`."""
        reply: Reply = msgspec.json.decode(self._line(time.monotonic() + seconds + PATIENCE), type=Reply)
        if isinstance(reply, Refused):
            error = MissingDependencyError if reply.missing_package else BackendError
            raise error(reply.message, reply.hint)
        if not isinstance(reply, kind):
            raise TypeError(f"a worker answered {type(reply).__name__} where {kind.__name__} was due")
        return reply

    def _line(self, limit: float) -> bytes:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            parts = [self._rest]
            while b"\n" not in parts[-1]:
                if not waiting.select(limit - time.monotonic()):
                    raise BackendError(f"it gave no answer for {PATIENCE:g} seconds")
                part = os.read(self._process.stdout.fileno(), CHUNK)
                if not part:
                    raise self._died()
                parts.append(part)
        line, _, self._rest = b"".join(parts).partition(b"\n")
        return line

    def _died(self) -> BackendError:
        code = self._process.wait(timeout=PATIENCE)
        how = f"ended with exit code {code}" if code >= 0 else f"was killed by {_signal_name(-code)}"
        end = self._log_tail()
        return BackendError(
            f"its process {how}" + (f": {end}" if end else ""), "Too little memory? The other rows do not depend on it"
        )

    def _log_tail(self) -> str:
        """The last line that the process wrote for people."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip()[-LOG_TAIL:] if lines else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
