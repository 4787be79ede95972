"""An arm64 Debian root without a Pi: unpacked on this machine, run program by program under QEMU's user emulation.

Each emulated processor comes with the `/proc/cpuinfo` of the board it stands for. The runtimes choose their kernels by
that file; where they find the host's instead, LiteRT 2.3.0 and ONNX Runtime 1.31.1 end in a segmentation fault.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.debian import mirror

QEMU = "qemu-aarch64-static"
TOOLS = {"debootstrap": "debootstrap", "dpkg": "dpkg", QEMU: "qemu-user-static"}  # command: Debian package
PI_CORES = 4


class SetupError(Exception):
    """What this machine lacks: one sentence, and what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """One processor of QEMU's with its options, and what Linux on the board that has it says in `/proc/cpuinfo`.

    `decides` says whether a failure there fails the whole: it does on what a Pi has.
    """

    name: str
    decides: bool = True
    board: str
    features: str
    implementer: str = "0x41"
    variant: str = "0x0"
    part: str
    revision: int

    def cpuinfo(self) -> str:
        """The file, for four equal cores."""
        lines = (
            f"Features\t: {self.features}",
            f"CPU implementer\t: {self.implementer}",
            "CPU architecture: 8",
            f"CPU variant\t: {self.variant}",
            f"CPU part\t: {self.part}",
            f"CPU revision\t: {self.revision}",
        )
        return "".join("\n".join((f"processor\t: {core}", *lines, "\n")) for core in range(PI_CORES))


_A76 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"


def _newest(name: str, board: str, features: str) -> Processor:
    """QEMU's own newest processor, which no Pi has."""
    return Processor(
        name=name,
        decides=False,
        board=board,
        features=f"{_A76} asimdfhm {features}",
        implementer="0x00",
        variant="0xf",
        part="0x051",
        revision=0,
    )


PROCESSORS = (
    Processor(name="cortex-a53", board="Pi 3", features="fp asimd evtstrm crc32 cpuid", part="0xd03", revision=4),
    Processor(name="cortex-a72", board="Pi 4", features="fp asimd evtstrm crc32 cpuid", part="0xd08", revision=3),
    Processor(name="cortex-a76", board="Pi 5", features=_A76, variant="0x4", part="0xd0b", revision=1),
    _newest("max,sve=off,sme=off", "i8mm, no SVE or SME", "i8mm bf16"),
    _newest("max", "i8mm, SVE, SME", "sve i8mm bf16 sme"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A Debian release, as Raspberry Pi OS is built on, and the Python that comes with it."""

    name: str
    python: str


BOOKWORM, TRIXIE = Release(name="bookworm", python="3.11"), Release(name="trixie", python="3.13")


def check_tools() -> None:
    """Say what to install where a tool is missing.

    Raises:
        SetupError: One is.
    """
    missing = [command for command in TOOLS if shutil.which(command) is None]
    if missing:
        packages = " ".join(TOOLS[command] for command in missing)
        raise SetupError(f"{', '.join(missing)} not found", f"On Debian or Ubuntu: apt-get install {packages}")
    if platform.machine() != "x86_64" or sys.version_info[:2] != (3, 11):
        found = f"{platform.machine()} with Python {platform.python_version()}"
        raise SetupError(
            f"the comparison needs x86-64 with Python 3.11, this is {found}",
            "tflite-runtime has no wheel for a later Python: make PYTHON=python3.11 test-arm, in a fresh .venv",
        )


def qemu_version() -> str:
    """As `7.2.22 (Debian 1:7.2+dfsg-7)`."""
    said = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
    return said.splitlines()[0].partition(" version ")[2]


def unpack(release: Release, folder: Path) -> Path:
    """An arm64 root with Python and the C++ library; made once. Nothing in it is configured or started.

    Raises:
        SetupError: debootstrap failed.
    """
    root = folder / f"root-{release.name}"
    ready = folder / f"root-{release.name}.ready"
    if ready.exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    wanted = f"python3,libpython{release.python}-stdlib,libstdc++6"
    options = ["--foreign", "--arch=arm64", "--variant=minbase", f"--include={wanted}"]
    source = mirror()
    done = subprocess.run(
        ["debootstrap", *options, release.name, str(root), *([source] if source else [])],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:] or ["no message"]
        raise SetupError(f"debootstrap of {release.name} failed: {last[0]}", "It needs root and a Debian mirror")
    for package in sorted((root / "var/cache/apt/archives").glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)
    ready.touch()
    return root


def emulate(
    root: Path, release: Release, processor: Processor, arguments: Sequence[str], *, path: str, seconds: int
) -> subprocess.CompletedProcess[str]:
    """Run the root's Python on an emulated processor, with the packages of `path`."""
    cpuinfo = root / "proc" / "cpuinfo"  # under -L this is what the program reads
    cpuinfo.write_text(processor.cpuinfo())
    python = root / "usr" / "bin" / f"python{release.python}"
    command = [
        QEMU,
        "-cpu",
        processor.name,
        "-L",
        str(root),
        str(python),
        "-s",
        "-P",
        *arguments,
    ]
    return subprocess.run(command, env=environment(path), capture_output=True, text=True, timeout=seconds, check=False)


def environment(path: str) -> Mapping[str, str]:
    """A child's variables: the packages of `path`, and nothing of this process's own Python."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": path, "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
