"""The server's end of one worker process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Self, cast

from edgecv_runtime.errors import BackendError, EdgecvError, GateError
from edgecv_runtime.interpreter import clean_command, clean_environment

from edgecv.serve.wire import FrameReader, Message, WorkerReady, WorkerRefused, WorkerSetup, WorkOrder, WorkReport, pack

STARTING = 600.0  # seconds that loading and proving a bundle may take
LOG_TAIL = 2000  # characters


class WorkerProcess(asyncio.Protocol):
    """One process that answers orders, one after the other; use `started`.

    It has a session of its own, so that Ctrl-C reaches the server alone, and it ends when the server does, whatever
    ends that.

    Attributes:
        orders: Those that are under way, the oldest first: whatever was submitted with each.
        since: Since when the oldest is under way, in the loop's time.
    """

    def __init__(self, reported: Callable[[WorkerProcess, WorkReport, bytes], None]) -> None:
        self.orders: deque[Any] = deque()
        self.since = 0.0
        self.ended: Callable[[WorkerProcess], None] | None = None
        self._reported = reported
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._first: asyncio.Future[Message] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._process: subprocess.Popen[bytes]

    @classmethod
    async def started(
        cls, setup: WorkerSetup, reported: Callable[[WorkerProcess, WorkReport, bytes], None]
    ) -> tuple[Self, WorkerReady]:
        """Start a process, and wait until it is ready to answer.

        Args:
            setup: What it serves.
            reported: Called with every report, and the bytes that belong to it.

        Raises:
            EdgecvError: The process cannot serve the bundle, or ended.
            GateError: The bundle does not give its golden answers.
        """
        worker = cls(reported)
        try:
            await worker._start()
            worker._write(pack(setup))
            async with asyncio.timeout(STARTING):
                return worker, worker._checked(await worker._first)
        except ConnectionResetError:
            raise BackendError(f"a worker process {await worker.post_mortem()}", "Is there memory enough?") from None
        except TimeoutError:
            await worker.close()
            raise BackendError(f"the worker was not ready after {STARTING:g} seconds") from None
        except BaseException:
            await worker.close()
            raise

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def submit(self, order: WorkOrder, parts: Sequence[bytes], owner: object) -> None:
        """Send an order; its report comes after those of the orders before it."""
        if not self.orders:
            self.since = self._loop.time()
        self.orders.append(owner)
        self._write(pack(order, parts))

    def kill(self) -> None:
        """End the process at once; `ended` is called when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """End the process, and wait until it is gone."""
        self.ended = None
        if self._transport is not None:
            self._transport.abort()
        if hasattr(self, "_process"):
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        self._log.close()

    async def post_mortem(self) -> str:
        """Wait for the end of a process that has gone, and say how it ended."""
        self._process.kill()  # a socket may close before its process ends
        code = await asyncio.to_thread(self._process.wait)
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - LOG_TAIL))
        said = self._log.read().decode(errors="replace").strip()
        await self.close()
        return f"ended with {code}" + (f": {said}" if said else "")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, as asyncio calls it."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take what the process sent, as asyncio calls it."""
        for message, body in self._frames.feed(data):
            if not isinstance(message, WorkReport):
                if not self._first.done():
                    self._first.set_result(message)
                continue
            self.since = self._loop.time()
            self._reported(self, message, body)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is asyncio's
        """Notice that the process has gone, as asyncio calls it."""
        if not self._first.done():
            self._first.set_exception(ConnectionResetError())
        if self.ended is not None:
            self.ended(self)

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = clean_command("-m", "edgecv.serve.worker", str(theirs.fileno()))
            self._process = await asyncio.to_thread(
                subprocess.Popen,
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env=clean_environment(),
                cwd=os.sep,
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )
        ours.settimeout(0)  # asyncio wants a socket that does not wait
        await self._loop.create_unix_connection(lambda: self, sock=ours)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _checked(self, message: Message) -> WorkerReady:
        if isinstance(message, WorkerReady):
            return message
        if isinstance(message, WorkerRefused):
            kind: type[EdgecvError] = GateError if message.gate else BackendError
            raise kind(message.message, message.hint)
        raise TypeError(f"a worker began with {type(message).__name__}")
