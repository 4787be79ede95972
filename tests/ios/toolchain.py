"""A Swift toolchain: the one that is installed here, or Debian's in a root of its own under build/.

The root is made once and kept. A program that runs in it has a mount namespace and process ids of its own: its mounts
end with it, and it ends with the program that started it, whatever happens.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.debian import mirror

REPOSITORY = Path(__file__).resolve().parents[2]
ROOT = REPOSITORY / "build" / "swift-root"
OLDEST = 6
RELEASE = "trixie"
LIMIT = 1800  # seconds of one program
PACKAGES = (
    "swiftlang",
    "ca-certificates",
    "libc6-dev",
    "libstdc++-14-dev",
    "libncurses-dev",
    "git",
    "pkg-config",
)
TOOLS = ("debootstrap", "unshare", "mount", "chroot")
# Arguments: the root, a folder that is seen in it at the same place, and the command.
ENTER = """
set -e
root=$1 folder=$2
shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root$folder"
mount --bind "$folder" "$root$folder"
exec chroot "$root" "$@"
"""
NAMESPACE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")


class UnavailableError(Exception):
    """There is no Swift on this machine, and none can be had."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Programs of a Swift toolchain; `root` is the Debian root that they lie in, None where they are installed here."""

    root: Path | None

    def command(self, words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> list[str]:
        """The command that runs a program in a folder of the repository, with these variables."""
        given = [f"{name}={value}" for name, value in variables.items()]
        if self.root is None:
            return ["env", "-C", str(folder), *given, *words]
        inside = [
            "env",
            "-i",
            "-C",
            str(folder),
            "PATH=/usr/bin:/bin:/usr/libexec/swift/bin",
            "HOME=/root",
            "LC_ALL=C.UTF-8",
            *given,
            *words,
        ]
        return [*NAMESPACE, "sh", "-c", ENTER, "sh", str(self.root), str(REPOSITORY), *inside]

    def run(
        self, *words: str, folder: Path, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in a folder of the repository; what it says on both streams is in `stdout`.

        Raises:
            subprocess.TimeoutExpired: It does not end.
        """
        command = self.command(words, folder, variables or {})
        return subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=LIMIT
        )


def find_toolchain() -> Toolchain:
    """The installed Swift, else Debian's in a root; makes that where it is not there yet.

    Raises:
        UnavailableError: Neither is to be had; the message says why.
    """
    if shutil.which("swift") is not None:
        said = subprocess.run(["swift", "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"Swift version (\d+)", said.stdout + said.stderr)
        if found and int(found[1]) >= OLDEST:
            return Toolchain(root=None)
    check_tools()
    if not ROOT.exists():
        make_root()
    return Toolchain(root=ROOT)


def check_tools() -> None:
    """See that a root can be made here, and entered.

    Raises:
        UnavailableError: It cannot.
    """
    if os.geteuid() != 0:
        raise UnavailableError(f"there is no swift of version {OLDEST} here, and only root can unpack Debian's")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        tools = ", ".join(missing)
        raise UnavailableError(f"there is no swift of version {OLDEST} here, nor {tools} to unpack Debian's")
    allowed = subprocess.run([*NAMESPACE, "true"], capture_output=True, text=True, check=False)
    if allowed.returncode:
        raise UnavailableError(f"no mount namespace can be made here: {allowed.stderr.strip()}")


def make_root() -> None:
    """Unpack Debian with Swift beside its place, then move it there.

    Raises:
        UnavailableError: debootstrap failed.
    """
    began, partial = time.monotonic(), ROOT.with_name(f"{ROOT.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(exist_ok=True)
    options = ["--variant=minbase", f"--include={','.join(PACKAGES)}", RELEASE, str(partial)]
    command = [*NAMESPACE, "debootstrap", *options, *filter(None, [mirror()])]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        shutil.rmtree(partial, ignore_errors=True)
        last = done.stdout.strip().splitlines()[-1:] or ["no message"]
        raise UnavailableError(f"Debian's Swift cannot be unpacked: {last[0]}")
    for package in (partial / "var/cache/apt/archives").glob("*.deb"):
        package.unlink()
    partial.rename(ROOT)
    print(f"{ROOT.relative_to(REPOSITORY)}: made in {time.monotonic() - began:.0f} s", flush=True)
