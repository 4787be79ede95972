"""One lean install on one machine, real or emulated, and what is asked of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.arm.emulator import Processor, Release, emulate, environment
from tests.arm.subjects import Subject
from tests.arm.wheels import REPOSITORY, Runtime

HERE = Path(__file__).parent
SECONDS = 900
HOST = "x86-64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where a lean install runs: under emulation, or, without `processor`, on this machine."""

    runtime: Runtime
    site: Path
    root: Path | None = None
    release: Release | None = None
    processor: Processor | None = None

    @property
    def name(self) -> str:
        """As `onnxruntime 1.31.1, cortex-a72, bookworm`."""
        place = f"{self.processor.name}, {self.release.name}" if self.processor and self.release else HOST
        return f"{self.runtime.name}, {place}"

    def python(self, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
        """Run Python with the lean install alone, and after it `path`."""
        packages = f"{self.site}{path}"
        if self.root and self.release and self.processor:
            return emulate(self.root, self.release, self.processor, arguments, path=packages, seconds=SECONDS)
        command = [sys.executable, "-S", "-s", "-P", *arguments]
        return subprocess.run(
            command, env=environment(packages), capture_output=True, text=True, timeout=SECONDS, check=False
        )

    def verify(self, subject: Subject) -> dict[str, Any]:
        """What `edgecv verify` says: status by artifact, and golden pictures preprocessed to the bit."""
        done = self.python("-m", "edgecv", "verify", str(subject.bundle), "--json")
        try:
            said = json.loads(done.stdout)
        except ValueError:
            return {"error": how_it_ended(done)}
        ran = [parity for parity in said["parity"] if parity["status"] != "not_run"]
        return {
            "exit_code": done.returncode,
            "pictures": said["pictures"],
            "preprocessing_equal": said["preprocessing_equal"],
            "artifacts": {one["artifact"]: _parity(one) for one in ran},
        }

    def run(self, subject: Subject) -> dict[str, Any]:
        """The first picture's top-1 index, as `edgecv run` prints it."""
        picture = min(subject.pictures.iterdir())
        done = self.python("-m", "edgecv", "run", str(subject.bundle), str(picture), "--json")
        if done.returncode:
            return {"error": f"edgecv run: {how_it_ended(done)}"}
        return {"index": json.loads(done.stdout)["index"]}

    def answers(self, subject: Subject, scratch: Path) -> dict[str, Any]:
        """What `device.py` writes, or an `error`."""
        return self._script("device.py", str(subject.bundle), str(subject.pictures), scratch=scratch)

    def vectors(self, scratch: Path) -> dict[str, Any]:
        """What `vectors.py` writes, or an `error`."""
        return self._script("vectors.py", scratch=scratch, path=f":{REPOSITORY}")

    def _script(self, name: str, *arguments: str, scratch: Path, path: str = "") -> dict[str, Any]:
        result = scratch / "result.json"
        result.unlink(missing_ok=True)
        done = self.python(str(HERE / name), *arguments, str(result), path=path)
        if done.returncode or not result.exists():
            return {"error": how_it_ended(done)}
        return json.loads(result.read_text())


def _parity(parity: dict[str, Any]) -> dict[str, Any]:
    golden = parity["comparisons"].get("golden")
    return {"status": parity["status"], "reason": parity["reason"], "snr_db": golden and golden["snr_db"]}


def how_it_ended(done: subprocess.CompletedProcess[str]) -> str:
    """The last line of what it said, or the signal that ended it."""
    number = -done.returncode if done.returncode < 0 else done.returncode - 128
    if 0 < number < signal.NSIG:
        return f"ended by {signal.Signals(number).name}"
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {done.returncode}"
