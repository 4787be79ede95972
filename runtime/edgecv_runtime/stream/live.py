"""Cameras, of whatever kind: the newest frame, and patience when one vanishes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from edgecv_runtime.errors import StreamError
from edgecv_runtime.stream.frame import Frame, Pace

FIRST_DELAY, LONGEST_DELAY, PATIENCE = 0.5, 8.0, 30.0  # seconds


class Capture(Protocol):
    """An open camera."""

    fps: float | None

    def grab(self) -> bool:
        """Wait for the next frame; False where the camera has none any more."""

    def pixels(self) -> np.ndarray | None:
        """The frame that was grabbed, uint8 RGB (height, width, 3), which the caller may keep."""

    def release(self) -> None:
        """Let the camera go."""


class Live:
    """A camera as a source.

    Args:
        name: What it is, in messages.
        connect: Opens the camera, or raises StreamError.
        max_fps: Frames that come faster are skipped without being converted.
        notify: Called with a line for people when the camera vanishes or comes back.
        first_delay, longest_delay, patience: Seconds before the first try to open it again (each further one waits
            twice as long), the longest wait, and all waits together before it is given up.

    Raises:
        StreamError: The camera cannot be opened.
    """

    live = True
    instant = False
    count: int | None = None

    def __init__(
        self,
        name: str,
        connect: Callable[[], Capture],
        *,
        max_fps: float | None = None,
        notify: Callable[[str], None] = lambda _: None,
        first_delay: float = FIRST_DELAY,
        longest_delay: float = LONGEST_DELAY,
        patience: float = PATIENCE,
    ) -> None:
        self.name = name
        self._connect = connect
        self._notify = notify
        self._pace = Pace(max_fps)
        self._delays = (first_delay, longest_delay, patience)
        self._capture: Capture | None = connect()
        self.fps = self._capture.fps

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Frames as they come.

        Raises:
            StreamError: The camera vanished and did not come back.
        """
        index, began = 0, time.monotonic()
        while not stop.is_set():
            found = self._next()
            if found is None:
                self._return(stop)
                continue
            captured, pixels = found
            if pixels is not None:
                yield Frame(image=pixels, name=self.name, index=index, seconds=captured - began, captured=captured)
            index += 1

    def _next(self) -> tuple[float, np.ndarray | None] | None:
        """Wait for the next frame: its time, and its pixels unless it came too early; None if the camera is gone."""
        if self._capture is None or not self._capture.grab():
            return None
        captured = time.monotonic()
        if not self._pace.due():
            return captured, None
        pixels = self._capture.pixels()
        return None if pixels is None else (captured, pixels)

    def _return(self, stop: threading.Event) -> None:
        """Open the camera again, once it gives a frame; or give up."""
        self.close()
        delay, longest, patience = self._delays
        waited = 0.0
        while waited < patience:
            self._notify(f"{self.name} gives no frames; trying again in {delay:g} s")
            if stop.wait(delay):
                return
            waited, delay = waited + delay, min(2 * delay, longest)
            if self._works():
                self._notify(f"{self.name} is back")
                return
        raise StreamError(f"{self.name} vanished and did not come back within {waited:g} s", "Is it still connected?")

    def _works(self) -> bool:
        try:
            self._capture = self._connect()
        except StreamError:
            return False
        if self._capture.grab():
            return True
        self.close()
        return False

    def close(self) -> None:
        """Let the camera go."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()
