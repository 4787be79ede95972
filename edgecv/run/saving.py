"""Captioned pictures on disk: a folder of them, or a video; each file is whole or not there."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from edgecv_runtime.errors import EdgecvError, UsageError
from edgecv_runtime.opencv import opencv
from edgecv_runtime.stream import Frame, FrameSource
from edgecv_runtime.stream.pictures import Pictures
from edgecv_runtime.video_files import SUFFIXES as VIDEO_SUFFIXES
from edgecv_runtime.writing import unused_name, write_whole
from PIL import Image

VIDEO = ".mp4"
CODE = "mp4v"  # MPEG-4 part 2: what every build of OpenCV can write
USUAL_FPS = 25.0
KEPT_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
QUALITY = 92


class Saver(Protocol):
    """Takes captioned pictures."""

    def add(self, frame: Frame, pixels: np.ndarray) -> None:
        """Save one: uint8 RGB (height, width, 3)."""

    def finish(self) -> None:
        """Complete what is there."""

    def discard(self) -> None:
        """Remove what is not complete."""


def check_save(path: Path, kind: str, sources: list[str], *, force: bool) -> None:
    """Refuse a place that does not fit the source, or that something is at.

    Raises:
        UsageError: See the message.
    """
    suffix = path.suffix.lower()
    if suffix == VIDEO and kind == "pictures":
        raise UsageError(f"--save {path} is a video, and the source is pictures", "Give a folder")
    if suffix != VIDEO and suffix in {*VIDEO_SUFFIXES, *KEPT_FORMATS}:
        raise UsageError(f"--save {path} is neither an .mp4 file nor a folder", "Give NAME.mp4, or a folder")
    if any(_real(Path(source)) == _real(path) for source in sources):
        raise UsageError(f"--save {path} is the source itself", "Give another place")
    if path.is_symlink() and not path.exists():
        raise UsageError(f"--save {path} is a link that leads nowhere", "Give another place")
    if path.is_dir() == (suffix == VIDEO) and path.exists():
        found = "a folder" if path.is_dir() else "a file"
        raise UsageError(f"--save {path} is {found} already", "Give another place")
    if path.exists() and not force and (path.is_file() or any(path.iterdir())):
        raise UsageError(f"{path} exists", "Give --force to replace it, or another --save")


def open_saver(path: Path, source: FrameSource, *, fps: float | None, stride: int = 1) -> Saver:
    """The saver for a place that `check_save` let through.

    Args:
        path: The place.
        source: The frames come from it.
        fps: A limit that the frames are held to.
        stride: How many frames of the source there are for one that is saved.

    Raises:
        UsageError: A saved picture would replace one of the source.
        MissingDependencyError: A video needs OpenCV.
    """
    if path.suffix.lower() == VIDEO:
        own = (source.fps or USUAL_FPS) / (1 if source.live else stride)
        rates = [rate for rate in (own, fps if source.live else None) if rate]
        return VideoSaver(path, min(rates), real_time=source.live)
    return FolderSaver(path, source)


class FolderSaver:
    """A captioned copy of each picture under the name it had, or numbered JPEG files of frames."""

    def __init__(self, folder: Path, source: FrameSource) -> None:
        self._folder = folder
        self._names = _names(source) if isinstance(source, Pictures) else None
        if isinstance(source, Pictures) and self._names:
            ours = {_real(folder / name) for name in self._names}
            lost = next((file for file in source.files if _real(file) in ours), None)
            if lost is not None:
                raise UsageError(f"--save {folder} would replace {lost}", "Give another folder")

    def add(self, frame: Frame, pixels: np.ndarray) -> None:
        """Write one picture.

        Raises:
            EdgecvError: The disk refused it.
        """
        path = self._folder / (self._names[frame.index] if self._names else f"{frame.index:06d}.jpg")
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, KEPT_FORMATS[path.suffix.lower()], quality=QUALITY)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content.getvalue())
        except OSError as error:
            raise _refused(path, error) from error

    def finish(self) -> None:
        """Every picture is complete already."""

    def discard(self) -> None:
        """Every picture is complete already."""


def _real(path: Path) -> str:
    """Follow a path as far as it leads anywhere: `Path.resolve` fails on links in a circle."""
    return os.path.realpath(path)


def _names(source: Pictures) -> list[str]:
    """Name each picture's copy: its path below the folder that was given, never the same twice."""
    taken: set[str] = set()
    names = []
    for place in source.places():
        suffix = place.suffix if place.suffix.lower() in KEPT_FORMATS else ".png"
        stem, number = place.with_suffix(""), 1
        name = f"{stem}{suffix}"
        while name.lower() in taken:  # some file systems ignore case
            number += 1
            name = f"{stem}-{number}{suffix}"
        taken.add(name.lower())
        names.append(name)
    return names


class VideoSaver:
    """A video, written beside its place and moved there when it is complete.

    Args:
        path: The .mp4 file.
        fps: Its frames a second.
        real_time: Frames come when they come: each is shown until the next one came.
    """

    def __init__(self, path: Path, fps: float, *, real_time: bool) -> None:
        self._cv2 = opencv()
        self._path = path
        self._partial = unused_name(path, VIDEO)
        self._fps = fps
        self._real_time = real_time
        self._writer: Any = None
        self._size = (0, 0)
        self._written = 0
        self._first = 0.0
        self._last: np.ndarray | None = None

    def add(self, frame: Frame, pixels: np.ndarray) -> None:
        """Write one frame; in real time, the one before it as often as its time lasted.

        Raises:
            EdgecvError: The disk refused it.
        """
        if self._writer is None:
            self._start(frame, pixels)
        if self._real_time:
            due = round((frame.seconds - self._first) * self._fps)
            if due < self._written:
                return
            while self._last is not None and self._written < due:
                self._write(self._last)
        self._last = self._fitted(pixels)
        self._write(self._last)

    def finish(self) -> None:
        """Complete the file and move it into place.

        Raises:
            EdgecvError: The file is not whole, because the disk is full for example.
        """
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        read = self._cv2.VideoCapture(str(self._partial))
        count = int(read.get(self._cv2.CAP_PROP_FRAME_COUNT))
        read.release()
        try:
            if count + 1 < self._written:  # a second Ctrl-C may have left one frame in doubt
                raise EdgecvError(f"{self._path} could not be written whole", "Is the disk full?")
            self._partial.replace(self._path)
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove the unfinished file."""
        self._partial.unlink(missing_ok=True)

    def _start(self, frame: Frame, pixels: np.ndarray) -> None:
        height, width = pixels.shape[:2]
        self._size = (width - width % 2, height - height % 2)  # the codec halves the colour's size
        self._first = frame.seconds
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._partial.touch()
        except OSError as error:
            raise _refused(self._path, error) from error
        code = self._cv2.VideoWriter_fourcc(*CODE)
        self._writer = self._cv2.VideoWriter(str(self._partial), code, self._fps, self._size)
        if not self._writer.isOpened():
            self._partial.unlink(missing_ok=True)
            raise EdgecvError(f"{self._path} cannot be written", f"OpenCV has no encoder for {CODE}")

    def _fitted(self, pixels: np.ndarray) -> np.ndarray:
        """B, G, R in the size of the first frame: the writer drops others without a word."""
        width, height = self._size
        bgr: np.ndarray = self._cv2.cvtColor(pixels, self._cv2.COLOR_RGB2BGR)
        if abs(bgr.shape[0] - height) <= 1 and abs(bgr.shape[1] - width) <= 1:
            bgr = bgr[:height, :width]
        if bgr.shape[:2] != (height, width):
            bgr = self._cv2.resize(bgr, self._size)
        return np.ascontiguousarray(bgr)

    def _write(self, bgr: np.ndarray) -> None:
        self._written += 1
        self._writer.write(bgr)


def _refused(path: Path, error: OSError) -> EdgecvError:
    return EdgecvError(f"{path} cannot be written: {error.strerror}", "Choose another --save")
