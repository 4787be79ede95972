"""A command with all that it starts, watched from outside: its seconds, and the memory of its processes together."""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edgecv_runtime.errors import GateError

SECONDS: Final = 0.2
ENDED: Final = frozenset({0, GateError.exit_code})


def watched(command: Sequence[str]) -> tuple[float, int, str | None]:
    """Run a command: its seconds, the peak of its memory in bytes, and how it failed where it did.

    The memory is the sum of the proportional set sizes (PSS) of the process and of all that it started, looked at five
    times a second. A conversion that a gate refuses has ended as well: all the work was done.
    """
    began, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as said, subprocess.Popen(command, stdout=said, stderr=said) as run:
        while run.poll() is None:
            peak = max(peak, sum(map(pss, tree(run.pid))))
            time.sleep(SECONDS)
        said.seek(0)
        lines = said.read().strip().splitlines()
    return time.monotonic() - began, peak, failure(run.returncode, lines)


def pss(pid: int) -> int:
    """The proportional set size of a process in bytes; 0 where it is gone."""
    try:
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return 1024 * int(found[1]) if found else 0


def tree(root: int) -> list[int]:
    """A process and all that it and its children have started."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(folder.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def failure(status: int, lines: Sequence[str]) -> str | None:
    """Say how a process that said these lines failed; None where it did not."""
    if status in ENDED:
        return None
    if status < 0:
        return f"stopped by {signal.Signals(-status).name}"
    return lines[-1] if lines else f"exit status {status}"
