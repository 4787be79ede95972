"""A machine over ssh: it is sent the bundle and edgecv's own runtime, measures, and keeps nothing."""

from __future__ import annotations

import re
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.bench.result import MeasuredOn, Result
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import DeviceError
from edgecv_runtime.formats import BACKENDS

from edgecv.bench.devices.address import Address
from edgecv.bench.devices.answers import answer, unpack_answers
from edgecv.bench.devices.limits import time_limit
from edgecv.bench.devices.messages import Done, Hello, Unpacked
from edgecv.bench.devices.payload import BUNDLE, SAMPLES, Payload
from edgecv.bench.devices.session import NEEDED, RUNTIMES, AgentSession
from edgecv.terminal.observer import Observer

RESULT, ANSWERS = "result.json", "answers"
STARTING: Final = 60.0  # seconds for ssh to connect and Python to start
UNPACKING: Final = 300.0  # seconds for a slow card to take the last of the bundle
ENDING: Final = 60.0  # seconds over the time limit within which the agent must have answered
MARGIN: Final = 32 << 20  # bytes that stay free; also what the benchmark itself writes
AGAIN: Final = "Nothing was kept, here or there; try again, or install edgecv there and run it by hand"
ON_CPU: Final = tuple(record for record in BACKENDS.values() if record.processor == "cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class SshDevice:
    """A machine with Python, NumPy, Pillow, msgspec and a backend; edgecv need not be installed there.

    `python` is its interpreter (a name on its PATH, or a path; `~/` is its home); `time_limit` is in seconds, for the
    benchmark alone; None: far more than it should need.
    """

    address: Address
    python: str = "python3"
    time_limit: float | None = None

    @property
    def name(self) -> str:
        """The name of the machine, as it was given to ssh."""
        return self.address.name or ""

    def bench(
        self,
        bundle: Path,
        options: Options,
        observer: Observer,
        *,
        samples: Path | None = None,
        answers: Path | None = None,
    ) -> Result:
        """Copy the bundle, run the benchmark, fetch its result; nothing stays there. See `Device.bench`.

        Raises:
            DeviceError: The machine is absent, refuses, lacks something, is full, or went away; see the message.
            BundleError: The bundle is damaged.
            DataError: The answer is no result of this bundle.
        """
        with Bundle.load(bundle) as opened, AgentSession(self.address, self.python) as session:
            payload = Payload.of(opened.root, samples)
            hello = session.expect(Hello, STARTING, "connecting")
            check(hello, payload, self.name, self.python)
            words = command(options, samples=samples is not None, answers=answers is not None)
            limit = self.time_limit or time_limit(opened.manifest, options)
            session.send_plan(command=words, result=RESULT, answers=ANSWERS, seconds=limit)
            copy(session, payload, observer)
            done = self._measure(session, observer, limit)
            self._check_end(done, limit)
            data = (done.result or "").encode()
            result = answer(data, f"the answer of {self.name}", opened, MeasuredOn(kind="ssh", name=self.name))
            if answers is not None:
                unpack_answers(session.answers, answers, self.name)
            return result

    def _measure(self, session: AgentSession, observer: Observer, limit: float) -> Done:
        with session.alive():
            return session.expect(Done, limit + ENDING, "measuring", lambda line: show(line, self.name, observer))

    def _check_end(self, done: Done, limit: float) -> None:
        said = _said(done.words, "error: ") or next((word for word in reversed(done.words) if word), "it said nothing")
        if done.late:
            raise DeviceError(
                f"the benchmark on {self.name} was not done after {limit:.0f} s",
                "Measure less, or for less time",
            )
        if done.code < 0:
            raise DeviceError(
                f"the benchmark on {self.name} was ended by {signal.Signals(-done.code).name}",
                "It may lack memory: measure fewer artifacts at once",
            )
        if done.code:
            raise DeviceError(f"the benchmark on {self.name} failed: {said}", _said(done.words, "hint: ") or AGAIN)
        if done.result is None:
            raise DeviceError(f"the benchmark on {self.name} left no result: {said}", AGAIN)


def check(hello: Hello, payload: Payload, name: str, python: str) -> None:
    """Refuse a machine that lacks what is needed, before anything is copied.

    Raises:
        DeviceError: A package or room on the disk is missing.
    """
    missing = [package for module, package in NEEDED.items() if module not in hello.modules]
    backend = [] if set(RUNTIMES) & set(hello.modules) else [ON_CPU[0].library.distributions[0]]
    packages = " ".join([*missing, *backend])
    if packages:
        what = ", ".join([*missing, *([f"a backend ({' or '.join(one.title for one in ON_CPU)})"] if backend else [])])
        raise DeviceError(
            f"{python} on {name} lacks {what}",
            f"Run there: {hello.executable} -m pip install {packages}; or name an interpreter that has them: "
            "--device-python PATH",
        )
    needed = payload.size + MARGIN
    if hello.free_bytes < needed:
        raise DeviceError(
            f"{name} has {hello.free_bytes / 1e6:.0f} MB free for temporary files, {needed / 1e6:.0f} MB are needed",
            "Make room there, or point TMPDIR there to a larger disk",
        )


def copy(session: AgentSession, payload: Payload, observer: Observer) -> None:
    """Send all files.

    Raises:
        DeviceError: The connection was lost, or the disk is full after all.
    """
    stage = f"copying to {session.name}, kB"

    def progress(sent: int, total: int) -> None:
        observer.stage(stage, sent // 1000, total // 1000)

    with suppress(BrokenPipeError):  # the agent said why, or is gone: the next line finds out
        payload.write(session.stream, progress)
    session.expect(Unpacked, UNPACKING, "copying the bundle")


def command(options: Options, *, samples: bool, answers: bool) -> list[str]:
    """The command that the agent runs with its Python; `{folder}` is its private folder."""
    bundle, result = f"{{folder}}/{BUNDLE}", f"{{folder}}/{RESULT}"
    words = ["-m", "edgecv_runtime.bench", bundle, "--options", msgspec.json.encode(options).decode(), "--out", result]
    words += ["--samples", f"{{folder}}/{SAMPLES}"] if samples else []
    return [*words, "--answers", f"{{folder}}/{ANSWERS}"] if answers else words


def show(line: str, name: str, observer: Observer) -> None:
    """Show what the benchmark says while it runs: `phase: 40 %`, or `phase: what`."""
    found = re.fullmatch(r"([a-z][a-z -]{2,20}): (?:(\d{1,3}) %|.*)", line)
    if found is not None:
        observer.stage(f"{name}: {found[1]}", int(found[2] or 0), 100 if found[2] else 0)


def _said(words: tuple[str, ...], kind: str) -> str | None:
    """The device's own error or hint, if it gave one."""
    return next((word.removeprefix(kind) for word in reversed(words) if word.startswith(kind)), None)
