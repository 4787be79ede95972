"""The command line of adb: which device, and what its failures mean."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgecv_runtime.errors import DeviceError

READY: Final = "device"
TURN_ON: Final = "Turn on USB debugging (Settings > Developer options), plug the phone in, and look: adb devices"
_STATES: Final = {
    "unauthorized": (
        "has not allowed this computer to debug it",
        "Unlock the phone and accept 'Allow USB debugging?'; if it does not ask, plug it in again",
    ),
    "authorizing": ("is asking whether to allow this computer", "Unlock the phone and accept, then try again"),
    "offline": ("is offline", "Unlock the phone and plug it in again, or restart adb: adb kill-server"),
    "no permissions": (
        "may not be used by this user",
        "Add the udev rules of Android devices and yourself to the group plugdev, then: adb kill-server",
    ),
}
_LOST: Final = re.compile(
    r"device '.*' not found|device offline|device unauthorized|no devices/emulators found|error: closed|"
    r"protocol fault|couldn't read from device|connection reset|broken pipe",
    re.IGNORECASE,
)
_FULL: Final = re.compile("No space left on device|Disk quota exceeded")


@dataclass(frozen=True, slots=True)
class Attached:
    """A line of `adb devices`."""

    serial: str
    state: str


@dataclass(frozen=True, slots=True)
class Adb:
    """One device, by its serial.

    Raises:
        DeviceError: From every method: adb is missing, the device went away or is full, or time was up.
    """

    serial: str

    def shell(self, script: str, *, seconds: float = 30, check: bool = False) -> str:
        """Run a line in the device's shell; what it wrote on stdout. With `check` its failure is an error."""
        done = self._run("shell", script, seconds=seconds)
        if check and done.returncode:
            raise self._failure(f"`{script}`", done)
        return done.stdout.decode("utf-8", "replace").replace("\r\n", "\n")

    def push(self, files: Sequence[Path], folder: str, *, seconds: float) -> None:
        """Copy files and folders into a folder that is there."""
        done = self._run("push", *map(str, files), f"{folder}/", seconds=seconds)
        if done.returncode:
            raise self._failure("copying the bundle", done)

    def pull(self, file: str, place: Path, *, seconds: float = 120) -> None:
        """Fetch a file, or a folder into a new one."""
        done = self._run("pull", file, str(place), seconds=seconds)
        if done.returncode:
            raise self._failure("fetching the result", done)

    def read(self, file: str) -> bytes:
        """Read a file on the device."""
        with tempfile.TemporaryDirectory(prefix="edgecv-") as folder:
            place = Path(folder, "file")
            self.pull(file, place)
            return place.read_bytes()

    def free_bytes(self, folder: str) -> int | None:
        """Read the free bytes of a folder's disk; None if `df` says it in words that are not known."""
        lines = self.shell(f"df -k {shlex.quote(folder)}").split("\n")
        columns = next((line.split() for line in reversed(lines) if line.strip()), [])
        return int(columns[3]) << 10 if len(columns) >= 6 and columns[3].isdigit() else None

    def _run(self, *words: str, seconds: float) -> subprocess.CompletedProcess[bytes]:
        done = run_adb("-s", self.serial, *words, seconds=seconds)
        text = _words(done)
        if done.returncode and _LOST.search(text):
            raise DeviceError(
                f"the connection to {self.serial} was lost: {_last(text)}", "Check the cable; no result was kept"
            )
        return done

    def _failure(self, what: str, done: subprocess.CompletedProcess[bytes]) -> DeviceError:
        text = _words(done)
        if _FULL.search(text):
            return DeviceError(f"the storage of {self.serial} is full", "Make room on the phone; no result was kept")
        return DeviceError(f"{what} failed on {self.serial}: {_last(text)}", "No result was kept")


def run_adb(*words: str, seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run adb.

    Raises:
        DeviceError: It is not installed, or did not end in time.
    """
    try:
        return subprocess.run(
            ["adb", *words], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=seconds
        )
    except FileNotFoundError as error:
        raise DeviceError(
            "adb is not installed here",
            "Install Android's platform-tools: apt install adb, or from developer.android.com",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise DeviceError(
            f"`adb {words[2] if words[0] == '-s' else words[0]}` did not end within {seconds:.0f} s",
            "Restart adb: adb kill-server",
        ) from error


def attached() -> tuple[Attached, ...]:
    """List the devices that `adb devices` shows.

    Raises:
        DeviceError: adb is missing or failed.
    """
    done = run_adb("devices", seconds=30)
    if done.returncode:
        raise DeviceError(f"`adb devices` failed: {_last(_words(done))}", "Restart adb: adb kill-server")
    _, _, listing = done.stdout.decode("utf-8", "replace").partition("List of devices attached")
    lines = (line.split(maxsplit=1) for line in listing.splitlines() if line.strip())
    return tuple(Attached(words[0], words[1].strip()) for words in lines if len(words) == 2)


def choose(serial: str | None) -> Adb:
    """The device of that serial, or the only one that is ready.

    Raises:
        DeviceError: None is there or ready, or several are.
    """
    found = attached()
    mine = tuple(device for device in found if serial in {None, device.serial})
    ready = tuple(device for device in mine if device.state == READY)
    if len(ready) == 1:
        return Adb(ready[0].serial)
    if ready:
        names = ", ".join(device.serial for device in ready)
        raise DeviceError(f"{len(ready)} Android devices are connected: {names}", f"Name one: adb:{ready[0].serial}")
    if mine:
        raise _not_ready(mine[0])
    if serial is None:
        raise DeviceError("no Android device is connected", TURN_ON)
    there = ", ".join(device.serial for device in found)
    raise DeviceError(f"adb knows no device {serial}", f"It knows {there}" if there else TURN_ON)


def _not_ready(device: Attached) -> DeviceError:
    for state, (message, hint) in _STATES.items():
        if device.state.startswith(state):
            return DeviceError(f"{device.serial} {message}", hint)
    return DeviceError(f"{device.serial} is in the state {device.state!r}", "Start Android on it, then: adb devices")


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")


def _last(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")
