"""Video files, through OpenCV."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from edgecv_runtime.cpu import cores
from edgecv_runtime.errors import StreamError
from edgecv_runtime.opencv import opencv, reversed_channels
from edgecv_runtime.stream.frame import Frame
from edgecv_runtime.stream.memory import FrameMemory
from edgecv_runtime.video_files import DAMAGED, open_video

LEAST_SHARE = 0.95  # of the frames that the header promises: the count is an estimate in some formats


class VideoFile:
    """Every frame of a video file, upright as its rotation says (OpenCV turns it)."""

    live = False
    instant = False

    def __init__(self, path: Path, notify: Callable[[str], None] = lambda _: None) -> None:
        cv2 = opencv()
        self.name = str(path)
        self._notify = notify
        capture = open_video(path, max(1, cores() - 1))  # inference has one core to itself
        if capture is None:
            raise StreamError(f"{path} cannot be opened as a video", DAMAGED)
        self._capture = capture
        self._memory = FrameMemory()
        self._shape: tuple[int, ...] | None = None
        fps, count = (float(self._capture.get(key)) for key in (cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_COUNT))
        self.fps = fps if math.isfinite(fps) and 0 < fps <= 1000 else None
        self.count = int(count) if math.isfinite(count) and count > 0 else None

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame.

        Raises:
            StreamError: There is not one that can be read.
        """
        index, pixels = 0, self._read()
        if pixels is None:
            raise StreamError(f"{self.name} holds no frame that can be read", "The file may be damaged")
        while pixels is not None and not stop.is_set():
            yield Frame(
                image=pixels,
                name=self.name,
                index=index,
                seconds=self._seconds(index),
                captured=time.monotonic(),
            )
            index, pixels = index + 1, self._read()
        if pixels is None and self.count is not None and index < LEAST_SHARE * self.count:
            self._notify(f"{self.name} ends after {index} of its {self.count} frames: it may be damaged")

    def _read(self) -> np.ndarray | None:
        read, pixels = self._capture.read(None if self._shape is None else self._memory.take(self._shape))
        if not read:
            return None
        self._shape = pixels.shape
        return reversed_channels(pixels)

    def _seconds(self, index: int) -> float:
        position = float(self._capture.get(opencv().CAP_PROP_POS_MSEC)) / 1000
        if index and position <= 0 and self.fps:  # containers without time stamps
            return index / self.fps
        return max(0.0, position)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()
