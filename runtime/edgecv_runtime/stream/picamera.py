"""The camera of a Raspberry Pi, through Picamera2."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from edgecv_runtime.errors import MissingDependencyError, StreamError

SIZE = (1280, 720)
TIMEOUT = 5.0  # seconds without a frame, after which the camera counts as gone
# libcamera names a format by the bytes of one little-endian word, so its arrays hold them the other way round
# (Picamera2 manual, section 4.2.2.2, "Image formats"). For each, the channels that are R, G and B.
CHANNELS = {
    "BGR888": (0, 1, 2),
    "RGB888": (2, 1, 0),
    "XBGR8888": (0, 1, 2),
    "XRGB8888": (2, 1, 0),
    "MJPEG": (0, 1, 2),  # decoded by Picamera2
}
INSTALL = (
    "sudo apt install python3-picamera2, and a virtual environment that sees it: "
    "python3 -m venv --system-site-packages .venv"
)


class PiCamera:
    """An open Pi camera.

    Raises:
        StreamError: There is no such camera, or it cannot give RGB.
        MissingDependencyError: Picamera2 is not installed.
    """

    def __init__(self, number: int = 0, size: tuple[int, int] | None = None) -> None:
        self.fps: float | None = None
        self._pixels: np.ndarray | None = None
        self._camera = _open(number)
        try:
            found = self._start(size or SIZE)
        except Exception as error:
            self._camera.close()
            raise StreamError(f"the Pi camera cannot be started: {error}", "Is another program using it?") from error
        if found not in CHANNELS:
            self.release()
            raise StreamError(f"the Pi camera gives {found}, which is not known here", "A USB camera is /dev/video0")
        self._channels = CHANNELS[found]

    def _start(self, size: tuple[int, int]) -> str:
        """The format that it really gives: it may be another than the one asked for."""
        self._camera.configure(self._camera.create_video_configuration(main={"size": size, "format": "BGR888"}))
        found = str(self._camera.camera_configuration()["main"]["format"])
        self._camera.start()
        return found

    def grab(self) -> bool:
        """Wait for the next frame."""
        try:
            self._pixels = self._camera.capture_array("main", wait=TIMEOUT)
        except (RuntimeError, TimeoutError, OSError, ValueError):
            return False
        return True

    def pixels(self) -> np.ndarray | None:
        """The frame that was grabbed."""
        if self._pixels is None:
            return None
        if self._channels == (0, 1, 2):
            return np.ascontiguousarray(self._pixels[..., :3])
        return np.ascontiguousarray(self._pixels[..., 2::-1])

    def release(self) -> None:
        """Let the camera go."""
        self._camera.stop()
        self._camera.close()


def _open(number: int) -> Any:
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    try:
        from picamera2 import Picamera2
    except ImportError as error:
        raise MissingDependencyError("Picamera2 is not installed", INSTALL) from error
    try:
        return Picamera2(number)
    except (IndexError, RuntimeError, OSError) as error:
        raise StreamError(
            f"Pi camera {number} cannot be opened", "rpicam-hello --list-cameras lists them; is the cable seated?"
        ) from error
