"""One ssh connection to a device: the agent at its other end, messages from it, bytes to it."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import shlex
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self, TypeVar

import msgspec
from edgecv_runtime.errors import DeviceError
from edgecv_runtime.formats import BACKENDS

from edgecv.bench.devices.address import Address
from edgecv.bench.devices.messages import Done, Failed, Said, StderrLine, decode
from edgecv.bench.devices.ssh_errors import OLD_PYTHON, explain_loss, explain_start

OPTIONS: Final = {
    "BatchMode": "yes",  # never prompts
    "ConnectTimeout": "15",
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "4",
    "ClearAllForwardings": "yes",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "LogLevel": "ERROR",  # whose words ssh_errors.py knows, whatever the user's configuration says
    "RemoteCommand": "none",
}
NEEDED: Final = {"numpy": "numpy", "PIL": "Pillow", "msgspec": "msgspec"}  # the packages by their modules
RUNTIMES: Final = tuple(dict.fromkeys(name for record in BACKENDS.values() for name in record.library.modules))
MODULES: Final = (*NEEDED, *RUNTIMES)
AGENT = Path(__file__).with_name("agent.py")
SIGN_OF_LIFE = 10.0  # seconds; the agent gives up after a minute of silence
LEAVING = 15.0  # seconds that the agent has to remove its files after its input was closed
LONGEST_LINE = 64 << 20  # bytes; a result is far below
CHUNK = 1 << 16
SAID_LINES = 40
BOOTSTRAP = (
    "import sys;v=sys.version_info;"
    f"v<(3,11)and sys.exit('{OLD_PYTHON}%d.%d'%v[:2]);"
    "exec(sys.stdin.buffer.read({size}))"
)
Kind = TypeVar("Kind", bound=Said)


class AgentSession:
    """A running agent; a context manager that ends it, and waits until it has cleaned up.

    `answers` is a file with what followed the last message.

    Raises:
        DeviceError: ssh is not installed here. Other failures come from `expect`.
    """

    def __init__(self, address: Address, python: str) -> None:
        self.name = address.name or ""
        self._python = python
        self._token = f"edgecv-{secrets.token_hex(8)}:"
        code = AGENT.read_bytes()
        self._ssh = _start(command(address, python, self._token, len(code)))
        self.answers = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving
        self._spoke = False
        self._said: deque[str] = deque(maxlen=SAID_LINES)
        self._messages: queue.SimpleQueue[Said | None] = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=self._read_messages, args=(self._ssh.stdout,), daemon=True),
            threading.Thread(target=self._read_words, args=(self._ssh.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        self.send(code)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self.stream.close()
        try:
            self._ssh.wait(LEAVING)
        except subprocess.TimeoutExpired:
            self._ssh.kill()
            self._ssh.wait()
        for reader, stream in zip(self._readers, (self._ssh.stdout, self._ssh.stderr), strict=True):
            reader.join(1)
            if stream is not None and not reader.is_alive():  # a shared connection of ssh may hold it open
                stream.close()
        self.answers.close()

    @property
    def stream(self) -> IO[bytes]:
        """The agent's input."""
        assert self._ssh.stdin is not None
        return self._ssh.stdin

    def send(self, data: bytes) -> None:
        """Write to the agent; a broken connection is found by `expect`, which knows why."""
        with contextlib.suppress(OSError):
            self.stream.write(data)
            self.stream.flush()

    def send_plan(self, **plan: object) -> None:
        """Say what is to run."""
        self.send(msgspec.json.encode(plan) + b"\n")

    def expect(
        self, kind: type[Kind], seconds: float, doing: str, on_line: Callable[[str], None] = lambda _: None
    ) -> Kind:
        """The next message, which must be of this kind; lines of the benchmark before it go to `on_line`.

        Raises:
            DeviceError: The connection failed or was lost, the device could not write, or time was up.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                message = self._messages.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                raise DeviceError(
                    f"{self.name} did not answer for {seconds:.0f} s while {doing}", "No result was kept; try again"
                ) from None
            if isinstance(message, StderrLine):
                on_line(message.text)
            elif isinstance(message, kind):
                return message
            elif isinstance(message, Failed):
                raise _failed(self.name, message, doing)
            else:
                raise self._ended(doing)

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Send signs of life from a thread."""
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(SIGN_OF_LIFE):
                self.send(b"\n")

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _ended(self, doing: str) -> DeviceError:
        try:
            code = self._ssh.wait(LEAVING)
        except subprocess.TimeoutExpired:
            return explain_loss(self.name, doing)
        self._readers[1].join(1)
        if self._spoke:
            return explain_loss(self.name, doing)
        return explain_start(self.name, self._python, code, tuple(self._said))

    def _read_messages(self, stream: IO[bytes]) -> None:
        start = self._token.encode()
        with contextlib.suppress(OSError, ValueError):
            while line := stream.readline(LONGEST_LINE):
                _, found, text = line.partition(start)
                message = decode(text) if found else None
                if message is None:
                    continue
                self._spoke = True
                if isinstance(message, Done) and not self._read_answers(stream, message.answers):
                    break
                self._messages.put(message)
        self._messages.put(None)

    def _read_answers(self, stream: IO[bytes], size: int) -> bool:
        """Keep so many bytes; whether they all came."""
        self.answers.seek(0)
        while size and (data := stream.read(min(size, CHUNK))):
            self.answers.write(data)
            size -= len(data)
        return not size

    def _read_words(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in stream:
                self._said.append(line.decode("utf-8", "replace").rstrip())


def command(address: Address, python: str, token: str, size: int) -> list[str]:
    """The command with which ssh starts an agent of `size` bytes, in words that every login shell reads alike."""
    options = [part for name, value in OPTIONS.items() for part in ("-o", f"{name}={value}")]
    port = ["-p", str(address.port)] if address.port else []
    home, rest = ("~/", python[2:]) if python.startswith("~/") else ("", python)
    words = ["exec", home + shlex.quote(rest), "-u", "-c", shlex.quote(BOOTSTRAP.format(size=size)), token, *MODULES]
    return ["ssh", "-T", *options, *port, "--", address.name or "", " ".join(words)]


def _start(words: list[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,  # Ctrl-C is for edgecv, which then lets the agent clean up
        )
    except FileNotFoundError as error:
        raise DeviceError(
            "ssh is not installed here", "Install OpenSSH's client: apt install openssh-client"
        ) from error


def _failed(name: str, message: Failed, doing: str) -> DeviceError:
    if message.full:
        return DeviceError(f"the disk of {name} is full", f"Make room there; nothing was left on it ({doing})")
    return DeviceError(f"{name} could not go on while {doing}: {message.reason}", "Nothing was left on it")
