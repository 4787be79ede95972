"""Video files: the endings of their names, and the frames of one that make a clip."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgecv_runtime.errors import ImageError
from edgecv_runtime.opencv import opencv, reversed_channels

SUFFIXES: Final = frozenset(
    {".3gp", ".avi", ".flv", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv"}
)
DAMAGED: Final = "It may be damaged, or OpenCV lacks its codec"


def open_video(path: Path | str, threads: int | None = None) -> Any | None:
    """OpenCV's capture of a video file, or None where it cannot be opened.

    Args:
        path: The file.
        threads: How many FFmpeg may decode in, whose number changes no pixel; by default one for each core.
    """
    cv2 = opencv()
    # Absolute, lest FFmpeg take what stands before a colon in a name for a protocol.
    place = os.path.abspath(path)  # noqa: PTH100 - `absolute` keeps `..`, to no end
    ways: list[tuple[int, list[int]]] = [(cv2.CAP_ANY, [])]
    if threads is not None:
        ways.insert(0, (cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads]))
    for backend, settings in ways:
        capture = cv2.VideoCapture(place, backend, settings)
        if capture.isOpened():
            return capture
    return None


def middle_clip(count: int, frames: int, stride: int) -> list[int]:
    """Return the places in a video of `count` frames that its one clip is made of.

    The clip lies in the middle, an odd frame left over after it. Of a video that is too short it begins at the first
    frame, and the last frame stands in for those that there are none of.
    """
    first = max(0, (count - (frames - 1) * stride - 1) // 2)
    return [min(first + place * stride, count - 1) for place in range(frames)]


def read_clip(path: Path | str, frames: int, stride: int) -> list[np.ndarray]:
    """The frames of a video's clip, uint8 RGB (height, width, 3), upright as the video's rotation says.

    The video is gone through twice: the number of frames in its header is an estimate.

    Raises:
        ImageError: It is missing, no video, or holds no frame.
        MissingDependencyError: OpenCV is not installed.
    """
    count = _count(path)
    if not count:
        raise ImageError(f"{path} holds no frame that can be read", "The file may be damaged")
    wanted = middle_clip(count, frames, stride)
    found: dict[int, np.ndarray] = {}
    capture = _opened(path)
    for place in range(wanted[-1] + 1):
        read = capture.grab()
        if read and place in wanted:
            read, pixels = capture.retrieve()
            found[place] = reversed_channels(pixels) if read else pixels
        if not read:
            raise ImageError(f"{path} gives other frames when it is read again", "The file may be damaged")
    capture.release()
    return [found[place] for place in wanted]


def _count(path: Path | str) -> int:
    capture, count = _opened(path), 0
    while capture.grab():
        count += 1
    capture.release()
    return count


def _opened(path: Path | str) -> Any:
    if not os.path.lexists(path):
        raise ImageError(f"{path} does not exist")
    capture = open_video(path)
    if capture is None:
        raise ImageError(f"{path} cannot be opened as a video", DAMAGED)
    return capture
