"""Keeping Pillow's notes on metadata that it could not read off the terminal, from any number of threads."""

from __future__ import annotations

import threading
import warnings
from types import TracebackType


class PillowSilence:
    """A context manager in which Pillow's warnings are ignored.

    Warning filters belong to the whole process, and overlapping `warnings.catch_warnings` of several threads leave them
    changed for good. So the first thread in saves them and the last one out restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._saved = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.filterwarnings("ignore", category=Warning, module=r"PIL\.")
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._saved.__exit__(kind, error, trace)
