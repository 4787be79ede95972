"""Keeping Pillow's notes on metadata that it could not read off the terminal, from any number of threads."""

from __future__ import annotations

import threading
import warnings
from types import TracebackType
from typing import Any, Final, cast


class PillowSilence(threading.local):
    """A context manager in which Pillow's warnings are ignored, in the thread that entered it.

    Warning filters belong to the whole process, and overlapping `warnings.catch_warnings` of several threads leave them
    changed for good. So there is one filter, which stays, and matches in threads that are inside.
    """

    _inside = 0

    def __enter__(self) -> None:
        filters = cast("list[Any]", warnings.filters)
        if not filters or filters[0] is not _FILTER:  # someone put another one before it, or took all away
            filters[:] = [_FILTER, *(one for one in filters if one is not _FILTER)]
        self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside -= 1

    def match(self, module: str) -> bool:
        """Tell the warnings module, for which this stands in for a regular expression, whether to ignore a warning."""
        return self._inside > 0 and module.startswith("PIL.")


QUIETLY: Final = PillowSilence()
_FILTER: Final = ("ignore", None, Warning, QUIETLY, 0)
