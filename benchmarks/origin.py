"""Which state of the code measured."""

from __future__ import annotations

import subprocess

from benchmarks.shared import ROOT


def commit() -> str:
    """The commit, with "-dirty" where tracked files differ from it; "unknown" outside a git checkout."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
