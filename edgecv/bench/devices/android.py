"""A phone over adb: the demo app measures, edgecv brings the bundle and fetches the result."""

from __future__ import annotations

import base64
import secrets
import shlex
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.bench.result import MeasuredOn, Result
from edgecv_runtime.bundle import LABELS, MANIFEST, Bundle
from edgecv_runtime.digest import tree_bytes
from edgecv_runtime.errors import DeviceError, UsageError
from edgecv_runtime.formats import KNOWN

from edgecv.bench.devices import protocol
from edgecv.bench.devices.adb import Adb, choose
from edgecv.bench.devices.answers import answer, take_answers
from edgecv.bench.devices.limits import time_limit
from edgecv.terminal.observer import Observer

PARTS: Final = (MANIFEST, LABELS, "golden", *(known.name for known in KNOWN.values() if known.android))
MARGIN: Final = 64 << 20  # bytes that stay free
SLOWEST: Final = 1 << 20  # bytes a second that the cable carries at least
STARTING: Final = 20.0  # seconds within which the app's process must be seen
POLL: Final = 2.0  # seconds between two looks; each one disturbs the phone a little
INSTALL: Final = "Build and install the demo app first: android_demo/README.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdbDevice:
    """A phone; without a serial the only one that is connected.

    `time_limit` and `poll` are seconds: for the whole benchmark (None: far more than it should need), and between two
    looks at how far the app is.
    """

    serial: str | None = None
    time_limit: float | None = None
    poll: float = POLL

    def bench(
        self,
        bundle: Path,
        options: Options,
        observer: Observer,
        *,
        samples: Path | None = None,
        answers: Path | None = None,
    ) -> Result:
        """Push the bundle, let the app measure, fetch its result; nothing stays on the phone. See `Device.bench`.

        Raises:
            DeviceError: adb or the phone is absent, refuses, is full, went away, or the app failed; see the message.
            BundleError: The bundle is damaged.
            DataError: The app's answer is no result of this bundle.
            UsageError: Profiles are asked for, which the app does not take.
        """
        if options.profile:
            raise UsageError("--profile is for this machine and machines over ssh", "Leave it out for a phone")
        with Bundle.load(bundle) as opened:
            adb = choose(self.serial)
            check_app(adb)
            run = secrets.token_hex(8)
            try:
                push(adb, opened, samples, run, observer)
                start(adb, extras(run, options, samples=samples is not None, answers=answers is not None))
                self._wait(adb, run, self.time_limit or time_limit(opened.manifest, options), observer)
                data = adb.read(protocol.result_file(run))
                result = answer(data, f"the answer of {adb.serial}", opened, MeasuredOn(kind="adb", name=adb.serial))
                if answers is not None:
                    fetch_answers(adb, run, answers)
            except BaseException:
                with suppress(DeviceError):
                    adb.shell(f"am force-stop {protocol.PACKAGE}")
                raise
            finally:
                clean(adb, run)
            return result

    def _wait(self, adb: Adb, run: str, limit: float, observer: Observer) -> None:
        began, seen, missed = time.monotonic(), False, 0
        while True:
            look = Look.at(adb, run)
            if look.error:
                raise _gave_up(adb, run)
            if look.result:
                return
            if look.progress:
                observer.stage(f"{adb.serial}: {look.progress.doing}", look.progress.done, look.progress.total)
            elapsed = time.monotonic() - began
            seen = seen or look.alive
            missed = 0 if look.alive else missed + 1
            if missed > 1 and (seen or elapsed > STARTING):
                raise DeviceError(
                    f"the demo app on {adb.serial} ended without a result",
                    f"See why: adb -s {adb.serial} logcat -b crash -d",
                )
            if elapsed > limit:
                raise DeviceError(
                    f"the demo app on {adb.serial} had no result after {limit:.0f} s",
                    "Keep the screen on and the app in front, or measure for a shorter time",
                )
            time.sleep(self.poll)


@dataclass(frozen=True, slots=True)
class Look:
    """A look at the app: whether its process lives, its result or error, and what it says of its progress."""

    alive: bool
    result: bool
    error: bool
    progress: protocol.AppProgress | None

    @classmethod
    def at(cls, adb: Adb, run: str) -> Look:
        """One call of adb; the process is looked for first, so that its end is not taken for a failure."""
        mark = f"--{run}--"
        said = adb.shell(
            f"pidof {protocol.PACKAGE}; echo {mark}; ls {protocol.RESULTS} 2>/dev/null; echo {mark}; "
            f"cat {protocol.progress_file(run)} 2>/dev/null"
        )
        alive, files, progress = [*said.split(mark), "", ""][:3]
        names = set(files.split())
        return cls(
            alive=bool(alive.strip()),
            result=Path(protocol.result_file(run)).name in names,
            error=Path(protocol.error_file(run)).name in names,
            progress=protocol.read_progress(progress.encode()),
        )


def check_app(adb: Adb) -> None:
    """Refuse a phone without the demo app.

    Raises:
        DeviceError: It is not installed.
    """
    if "package:" not in adb.shell(f"pm path {protocol.PACKAGE}"):
        raise DeviceError(f"the demo app {protocol.PACKAGE} is not installed on {adb.serial}", INSTALL)


def push(adb: Adb, bundle: Bundle, samples: Path | None, run: str, observer: Observer) -> None:
    """Copy what the app needs, where it may read it.

    Raises:
        DeviceError: The phone is full or went away.
    """
    parts = [bundle.root / part for part in PARTS if (bundle.root / part).exists()]
    inputs = [] if samples is None else sorted(samples.iterdir())
    size = sum(map(tree_bytes, [*parts, *inputs]))
    adb.shell(f"rm -rf {protocol.FOLDER}")  # of a run that was cut off
    folder = protocol.bundle_folder(run)
    adb.shell(f"mkdir -p {folder} {protocol.samples_folder(run)}", check=True)
    free, needed = adb.free_bytes(protocol.FOLDER), size + MARGIN
    if free is not None and free < needed:
        raise DeviceError(
            f"the storage of {adb.serial} has {free / 1e6:.0f} MB free, {needed / 1e6:.0f} MB are needed",
            "Make room on the phone",
        )
    observer.stage(f"copying to {adb.serial}", 0, 1)
    for files, place in ((parts, folder), (inputs, protocol.samples_folder(run))):
        if files:
            adb.push(files, place, seconds=60 + size / SLOWEST)
    adb.shell(f"chmod -R a+rX {protocol.FOLDER}", check=True)
    observer.stage(f"copying to {adb.serial}", 1, 1)


def extras(run: str, options: Options, *, samples: bool, answers: bool) -> list[str]:
    """The extras that the app's activity gets, in the words of `am start`."""
    words = [*protocol.PROTOCOL, str(protocol.VERSION), *protocol.RUN, run]
    words += [*protocol.BUNDLE, protocol.bundle_folder(run)]
    words += [*protocol.OPTIONS, base64.b64encode(msgspec.json.encode(options)).decode()]
    words += [*protocol.SAMPLES, protocol.samples_folder(run)] if samples else []
    return [*words, *protocol.ANSWERS, "true"] if answers else words


def start(adb: Adb, told: list[str]) -> None:
    """Start the app anew with the benchmark's activity.

    Raises:
        DeviceError: The app has no such activity.
    """
    said = adb.shell(f"am start -S -n {protocol.ACTIVITY} {shlex.join(told)} 2>&1", seconds=60)
    failed = next((line.strip() for line in said.splitlines() if line.lstrip().startswith("Error")), None)
    if failed is not None:
        raise DeviceError(f"the demo app on {adb.serial} did not start: {failed}", f"It may be too old. {INSTALL}")


def fetch_answers(adb: Adb, run: str, answers: Path) -> None:
    """The outputs of all rows.

    Raises:
        DataError: There are none, or other files among them.
    """
    with tempfile.TemporaryDirectory(prefix="edgecv-") as folder:
        place = Path(folder, "answers")
        adb.pull(protocol.answers_folder(run), place)
        take_answers(place, answers, adb.serial)


def clean(adb: Adb, run: str) -> None:
    """Remove what the run left on the phone, if that can be reached."""
    with suppress(DeviceError):
        adb.shell(f"rm -rf {protocol.FOLDER} {protocol.RESULTS}/{run}.*")


def _gave_up(adb: Adb, run: str) -> DeviceError:
    said = protocol.read_error(adb.shell(f"cat {protocol.error_file(run)}").encode())
    if said is None:
        return DeviceError(f"the demo app on {adb.serial} failed and did not say why", INSTALL)
    return DeviceError(f"the demo app on {adb.serial}: {said.message}", said.hint)
