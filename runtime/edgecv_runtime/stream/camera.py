"""Cameras at this machine and on the network, through OpenCV."""

from __future__ import annotations

import math
import re
import sys
from typing import Any

import numpy as np

from edgecv_runtime.errors import StreamError
from edgecv_runtime.opencv import opencv, reversed_channels

OPEN_TIMEOUT, READ_TIMEOUT = 10_000, 5_000  # milliseconds, network cameras


class OpenCvCamera:
    """An open camera: a number, a device such as /dev/video0, or an address.

    Raises:
        StreamError: It cannot be opened.
        MissingDependencyError: OpenCV is not installed.
    """

    def __init__(self, where: int | str, size: tuple[int, int] | None = None) -> None:
        self._cv2 = opencv()
        self._capture = self._open(where)
        if not self._capture.isOpened():
            raise _unopened(where)
        if size is not None:
            self._capture.set(self._cv2.CAP_PROP_FRAME_WIDTH, size[0])
            self._capture.set(self._cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        self._capture.set(self._cv2.CAP_PROP_BUFFERSIZE, 1)  # else old frames wait in the driver's queue
        fps = float(self._capture.get(self._cv2.CAP_PROP_FPS))
        self.fps = fps if math.isfinite(fps) and 0 < fps <= 1000 else None

    def _open(self, where: int | str) -> Any:
        cv2 = self._cv2
        if isinstance(where, str) and "://" in where:
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT]
            return cv2.VideoCapture(where, cv2.CAP_FFMPEG, limits)
        return cv2.VideoCapture(where, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)

    def grab(self) -> bool:
        """Wait for the next frame."""
        return bool(self._capture.grab())

    def pixels(self) -> np.ndarray | None:
        """The frame that was grabbed; OpenCV gives B, G, R."""
        read, pixels = self._capture.retrieve()
        return reversed_channels(pixels) if read else None

    def release(self) -> None:
        """Let the camera go."""
        self._capture.release()


def without_password(address: str) -> str:
    """An address as it may be shown."""
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", address)


def _unopened(where: int | str) -> StreamError:
    if isinstance(where, str) and "://" in where:
        return StreamError(f"{without_password(where)} cannot be opened", "Is the address right, and the camera on?")
    name = f"camera {where}" if isinstance(where, int) else where
    return StreamError(
        f"{name} cannot be opened",
        "Is it connected, and not in use? ls /dev/video* lists the cameras; the one of a Raspberry Pi is picamera",
    )
