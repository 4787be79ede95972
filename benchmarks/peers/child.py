"""A module of ours in a process of its own: what breaks there is a reason, not the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LIMIT = 1800  # seconds
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "OLIVE_DISABLE_TELEMETRY": "1", "NNCF_CI": "1"}


def child(arguments: Sequence[str], log: Path) -> tuple[Any, str | None]:
    """Run a module of ours: its last line as JSON if it is, and the reason if it failed. The rest goes into a log."""
    command = [sys.executable, "-m", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=LIMIT, env={**os.environ, **QUIET}
        )
    except subprocess.TimeoutExpired:
        return None, f"took longer than {LIMIT} seconds"
    log.write_text(done.stdout + done.stderr)
    if done.returncode:
        return None, _reason(done.stderr, done.returncode)
    try:
        return json.loads(done.stdout.strip().rpartition("\n")[2]), None
    except json.JSONDecodeError:
        return None, None


def _reason(stderr: str, code: int) -> str:
    """The last line that says something: an exception's, or else the exit code alone."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = [line for line in lines if "Error" in line or "error" in line or "Exception" in line]
    return f"exit code {code}: {(said or lines or ['nothing was said'])[-1][:300]}"
