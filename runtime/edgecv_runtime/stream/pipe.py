"""Standard input: pictures that another program writes."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Iterator

from edgecv_runtime.errors import StreamError
from edgecv_runtime.stream.frame import Frame, Pace
from edgecv_runtime.stream.split import HINT, pictures

GLANCE = 0.2  # seconds between looks at whether to stop


class Pipe:
    """Pictures from a file descriptor.

    Args:
        descriptor: Where they come from; standard input by default.
        live: Answer the newest picture and drop older ones, instead of letting the writer wait.
        max_fps: For live ones: pictures that come faster are skipped.

    Raises:
        StreamError: It is a terminal.
    """

    name = "standard input"
    instant = False
    count: int | None = None
    fps: float | None = None

    def __init__(self, descriptor: int | None = None, *, live: bool = False, max_fps: float | None = None) -> None:
        self.live = live
        self._descriptor = sys.__stdin__.fileno() if descriptor is None and sys.__stdin__ else descriptor or 0
        self._pace = Pace(max_fps if live else None)
        self._ended = False
        if os.isatty(self._descriptor):
            raise StreamError("standard input is a terminal", f"Pipe pictures into it. {HINT}")

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every picture, as it came.

        Raises:
            StreamError: There is none, or something else than JPEG and PNG.
        """
        index, began = 0, time.monotonic()

        def read(count: int) -> bytes:
            while not stop.is_set():
                if select.select([self._descriptor], [], [], GLANCE)[0]:
                    return _read(self._descriptor, count)
            return b""

        for image in pictures(read):
            if stop.is_set():
                return
            captured = time.monotonic()
            if self._pace.due():
                yield Frame(image=image, name=self.name, index=index, seconds=captured - began, captured=captured)
            index += 1
        if not index and not stop.is_set():
            raise StreamError("standard input held no picture", HINT)

    def close(self) -> None:
        """It belongs to the process: nothing to close."""


def _read(descriptor: int, count: int) -> bytes:
    try:
        return os.read(descriptor, count)
    except OSError as error:
        raise StreamError(f"standard input cannot be read: {error.strerror}", HINT) from error
