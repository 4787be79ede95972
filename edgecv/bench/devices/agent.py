"""The agent on a device over ssh: it receives a bundle, starts the benchmark, and leaves nothing behind.

Its text is sent to the device's own Python, so it needs the standard library alone. From standard input it reads a line
of JSON (what to run), a tar stream, and then a byte now and then as a sign of life. It writes lines of JSON
(`messages.py`), each after the token that it was started with, because a login shell may print words of its own; the
words after the token are the modules whose presence it tells. When the other end closes or falls silent, the benchmark
is stopped and everything removed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO, Any, Final

PREFIX: Final = "edgecv-bench-"
SILENCE: Final = 60  # seconds without a byte after which the other end is taken for gone
GRACE: Final = 10  # seconds that the benchmark has to end its own processes
LAST_WORDS: Final = 30  # lines of the benchmark's stderr that are passed on when it fails
FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class Gone(Exception):  # noqa: N818 - no error of this machine
    """The other end is not there any more."""


class Talk:
    """Both directions of the connection."""

    def __init__(self, token: str) -> None:
        self.gone = threading.Event()
        self.heard = time.monotonic()
        self._token = token
        self._lock = threading.Lock()

    def say(self, kind: str, **fields: Any) -> None:
        """One message."""
        line = f"{self._token}{json.dumps({'kind': kind, **fields})}\n".encode()
        with self._lock, contextlib.suppress(OSError):
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

    def send(self, file: IO[bytes]) -> None:
        """Send the rest of a file as it is."""
        with self._lock, contextlib.suppress(OSError):
            while data := file.read(1 << 16):
                signal.alarm(SILENCE)
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            signal.alarm(0)

    def read(self, size: int) -> bytes:
        """Bytes of the tar stream; a silence ends in SIGALRM, which leaves through the clean-up."""
        signal.alarm(SILENCE)
        data = sys.stdin.buffer.read(size)
        signal.alarm(0)
        return data

    def plan(self) -> dict[str, Any]:
        """Read what to run."""
        signal.alarm(SILENCE)
        line = sys.stdin.buffer.readline()
        signal.alarm(0)
        if not line:
            raise Gone
        return dict(json.loads(line))

    def listen(self) -> None:
        """Note every sign of life; in a thread of its own."""
        with contextlib.suppress(OSError):
            while os.read(sys.stdin.fileno(), 1 << 16):
                self.heard = time.monotonic()
        self.gone.set()

    def check(self, seconds: float) -> None:
        """Wait so long, or raise Gone."""
        if self.gone.wait(seconds) or time.monotonic() - self.heard > SILENCE:
            raise Gone


def remove_abandoned(parent: Path) -> None:
    """Remove folders of benchmarks that were killed: those whose lock nobody holds."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), (folder / "lock").open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def hello(talk: Talk, folder: Path) -> None:
    """Describe this machine."""
    talk.say(
        "hello",
        machine=platform.machine(),
        executable=sys.executable,
        modules=[name for name in sys.argv[2:] if importlib.util.find_spec(name) is not None],
        free_bytes=shutil.disk_usage(folder).free,
    )


def unpack(talk: Talk, folder: Path) -> None:
    """Write the files of the tar stream."""
    trusted = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    try:
        with tarfile.open(fileobj=talk, mode="r|") as archive:  # type: ignore[call-overload]
            archive.extractall(folder, **trusted)  # noqa: S202 - its sender owns this account
    except tarfile.TarError as error:
        raise Gone from error  # the stream ended too early
    talk.say("unpacked")


def start(plan: dict[str, Any], folder: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """The benchmark, as the leader of a process group."""
    found = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {"PYTHONPATH": os.pathsep.join(found), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, *(word.replace("{folder}", str(folder)) for word in plan["command"])],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def measure(talk: Talk, plan: dict[str, Any], folder: Path) -> None:
    """Run the benchmark; tell how it ended, its result, its last words, and the files that it answered."""
    words: deque[str] = deque(maxlen=LAST_WORDS)
    with (folder / "output").open("wb") as log:
        job = start(plan, folder, log)
    try:
        threading.Thread(target=talk.listen, daemon=True).start()
        relay = threading.Thread(target=pass_on, args=(talk, job.stderr, words), daemon=True)
        relay.start()
        late = wait(talk, job, time.monotonic() + plan["seconds"])
    finally:
        end(job)
    relay.join(5)
    result = folder / plan["result"]
    text = result.read_text("utf-8", "replace") if result.is_file() else None
    with tempfile.TemporaryFile(dir=folder) as packed:
        answers = folder / plan["answers"]
        if answers.is_dir():
            with tarfile.open(fileobj=packed, mode="w") as archive:
                archive.add(answers, arcname="")
        size = packed.tell()
        packed.seek(0)
        talk.say("done", code=job.returncode, late=late, result=text, words=list(words), answers=size)
        talk.send(packed)


def end(job: subprocess.Popen[bytes]) -> None:
    """End the benchmark if it still runs: as Ctrl-C does, so that it ends its own processes; else by force."""
    if job.poll() is None:
        job.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            job.wait(GRACE)
    with contextlib.suppress(OSError):
        os.killpg(job.pid, signal.SIGKILL)
    job.wait()


def wait(talk: Talk, job: subprocess.Popen[bytes], deadline: float) -> bool:
    """Wait for the benchmark's end; whether its time was up before."""
    while job.poll() is None:
        talk.check(0.1)
        if time.monotonic() > deadline:
            return True
    return False


def pass_on(talk: Talk, stream: IO[bytes], words: deque[str]) -> None:
    """Send each line that the benchmark says."""
    for line in stream:
        text = line.decode("utf-8", "replace").rstrip()
        words.append(text)
        talk.say("line", text=text)


def leave(number: int, _: object) -> None:
    """Leave through the clean-up."""
    raise SystemExit(128 + number)


def serve(talk: Talk) -> None:
    """One benchmark, after which everything is removed."""
    folder, failed = None, None
    try:
        parent = Path(tempfile.gettempdir())
        remove_abandoned(parent)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        with (folder / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            hello(talk, folder)
            plan = talk.plan()
            unpack(talk, folder)
            measure(talk, plan, folder)
    except OSError as error:
        failed = {"reason": error.strerror or str(error), "full": error.errno in FULL}
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
    if failed is not None:
        talk.say("failed", **failed)


def main() -> None:
    """Entry point."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, leave)
    with contextlib.suppress(Gone):
        serve(Talk(sys.argv[1]))


if __name__ == "__main__":
    main()
