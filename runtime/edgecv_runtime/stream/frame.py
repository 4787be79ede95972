"""One picture of a source, and what every source has."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np

Picture = Path | bytes | np.ndarray | Mapping[str, np.ndarray]


class Frame(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One picture, as a predictor takes it.

    Attributes:
        image: A file, an encoded picture, or uint8 RGB pixels (height, width, 3), of which memory may hold B, G, R
            (`numpy.ascontiguousarray` makes what other libraries want); or the numbers that a model takes which takes
            no picture, by the input's name where it has several; or a waveform.
        name: Where it comes from, as a person would write it.
        index: Its place in the source, counted from 0; frames that were dropped count.
        seconds: Its time: in the video for a file, else since the source began.
        captured: When it was taken, on the clock of `time.monotonic`.
        whole: It is all that one answer is about, also where the model takes several frames for an answer.
    """

    image: Picture
    name: str
    index: int
    seconds: float
    captured: float
    whole: bool = False


class FrameSource(Protocol):
    """A source of frames, which is opened when it is made.

    Attributes:
        name: What it is, in messages.
        live: It does not wait: the newest frame counts, and older ones may be dropped.
        count: How many frames it has, where that is known.
        fps: Its frames a second, where that is known.
        instant: Its frames are there without work or waiting, as the names of files are.
    """

    name: str
    live: bool
    count: int | None
    fps: float | None
    instant: bool

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame, once; ends early, within a fraction of a second, when `stop` is set.

        Raises:
            StreamError: The source ended before its time.
        """

    def close(self) -> None:
        """Free it; never while another thread is inside `frames`."""


class Pace:
    """Says when the next frame is due, for at most `fps` of them a second; None is never too fast."""

    def __init__(self, fps: float | None) -> None:
        self._interval = 0.0 if fps is None else 1 / fps
        self._next = 0.0

    def due(self) -> bool:
        """Tell whether a frame may be taken now; if so, the next one may be taken an interval later."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._advance(now)
        return True

    def wait(self, stop: threading.Event) -> None:
        """Sleep until a frame is due."""
        delay = self._next - time.monotonic()
        if delay > 0:
            stop.wait(delay)
        self._advance(time.monotonic())

    def _advance(self, now: float) -> None:
        # From the planned time, not from now, lest every frame's lateness slow down the rest.
        planned = self._next + self._interval
        self._next = planned if planned > now else now + self._interval
