"""The server's log: one JSON object a line on stderr. It never holds a picture, a key or an address's query."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

Level = Literal["info", "warning", "error"]


class JsonLog:
    """Writes the log.

    Args:
        write: Takes each line; by default it goes to stderr.
    """

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self._write = write or _to_stderr

    def __call__(self, level: Level, event: str, **fields: Any) -> None:
        """Write one line: the time, the level, what happened, and what belongs to it."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = msgspec.json.encode({"time": now, "level": level, "event": event, **fields}, enc_hook=str)
        self._write(line.decode(errors="replace") + "\n")


def _to_stderr(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()
