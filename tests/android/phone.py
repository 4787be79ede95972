"""Run `edgecv bench --device adb` against the app's own code on the Java virtual machine: no phone takes part.

Usage: python -m tests.android.phone, after `mvn verify`.

What adb would be is the stand-in of tests/standin_adb.py; what it starts is the app's reading of the extras, its
benchmark and its files (`JvmPhone.kt`), with ONNX Runtime. So both sides of the protocol meet.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import DeviceError

from edgecv.bench.devices import protocol
from edgecv.bench.devices.android import AdbDevice
from edgecv.terminal.observer import Silent
from tests import standin_adb
from tests.android.bundles import BUILD, REPOSITORY

APP = REPOSITORY / "android_demo" / "app" / "target"
OPTIONS = Options(targets=("onnx",), threads=(1,), rounds=2, seconds=0.1, warm_up_seconds=0.5, peaks=False)


class JvmPhone(standin_adb.Phone):
    """A phone whose app is a Java process; `pidof` looks at it."""

    def am(self, words: list[str]) -> int:
        code = super().am(words)
        if words[:1] == ["start"]:
            classes = f"{APP}/classes{os.pathsep}{APP}/test-classes{os.pathsep}{(APP / 'classpath').read_text()}"
            command = ["java", "-cp", classes, "dev.edgecv.demo.JvmPhoneKt", str(self.root), *words[4:]]
            with (self.folder / "app.log").open("w") as log:
                app = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            self.save(pid=app.pid)
        return code

    def step(self) -> bool:
        return "pid" in self.state and Path(f"/proc/{self.state['pid']}/cmdline").read_bytes() != b""


def main() -> int:
    """Measure a bundle with samples, then ask for what the app must refuse."""
    measured("digits")
    refused("digits")
    return 0


def connected(folder: Path) -> AdbDevice:
    """Return a device on a stand-in for adb that runs this file for its phone."""
    programs = standin_adb.install(folder)
    for script in (programs / "adb", *(folder / "phone" / "bin").iterdir()):
        script.write_text(script.read_text().replace(f"-SE {standin_adb.__file__}", f"-m {__spec__.name}"))
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    os.environ["PYTHONPATH"] = os.pathsep.join(str(REPOSITORY / part) for part in ("", "converters", "runtime"))
    return AdbDevice(time_limit=120, poll=0.2)


def measured(name: str) -> None:
    """Check that the result that comes back is this bundle's, with the outputs of every row.

    Raises:
        SystemExit: Something is missing.
    """
    with tempfile.TemporaryDirectory() as scratch, Bundle.load(BUILD / f"{name}.edgecv") as bundle:
        device, answers = connected(Path(scratch)), Path(scratch, "answers")
        samples = BUILD / f"{bundle.manifest.name}.samples"
        try:
            result = device.bench(bundle.root, OPTIONS, Silent(), samples=samples, answers=answers)
        except DeviceError as error:
            raise SystemExit(f"{error.message}\n{Path(scratch, 'app.log').read_text()}") from error
        count = len(np.load(samples / "0.npy"))
        wanted = [artifact.file for artifact in bundle.manifest.artifacts if artifact.target == "onnx"]
        shapes = [np.load(answers / str(row) / "evaluation/0.npy").shape[0] for row in range(len(result.rows))]
        check([row.artifact for row in result.rows] == wanted, f"rows are {result.rows}")
        check(all(row.total for row in result.rows), f"not run: {result.rows}")
        check(result.identity == bundle.manifest.identity, "the identity is another bundle's")
        check(shapes == [count] * len(wanted), f"answers are {shapes}, not {count} a row")
        left = [
            path for place in ("sdcard", "data") for path in Path(scratch, "phone", place).rglob("*") if path.is_file()
        ]
        check(not left, f"files stayed on the phone: {left}")
    print(f"phone: {len(wanted)} rows and {sum(shapes)} answers over the protocol of adb")


def refused(name: str) -> None:
    """Check that a newer protocol is an error with a hint, at once.

    Raises:
        SystemExit: It is not.
    """
    future = patch.object(protocol, "VERSION", protocol.VERSION + 1)
    with tempfile.TemporaryDirectory() as scratch, future:
        try:
            connected(Path(scratch)).bench(BUILD / f"{name}.edgecv", OPTIONS, Silent())
        except DeviceError as error:
            check("knows the protocol 1, it was started with 2" in error.message, error.message)
            check("demo app" in (error.hint or ""), f"the hint is {error.hint}")
        else:
            raise SystemExit("a protocol of the future was not refused")
    print("phone: an unknown protocol is refused in words")


def check(holds: bool, otherwise: str) -> None:
    """End the program where something does not hold.

    Raises:
        SystemExit: It does not.
    """
    if not holds:
        raise SystemExit(f"phone: {otherwise}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        phone = JvmPhone(Path(sys.argv[1]))
        given = sys.argv[2:]
        sys.exit(phone.android(given[1], given[2:]) if given[:1] == ["--android"] else phone.adb(given))
    sys.exit(main())
