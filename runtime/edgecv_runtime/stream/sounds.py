"""Sound files: the windows of each, one after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edgecv_runtime.clip_sound_schema import Sound
from edgecv_runtime.errors import ImageError, StreamError
from edgecv_runtime.folders import files_below
from edgecv_runtime.sound_files import SUFFIXES, SUFFIXES_IN_WORDS, waveform_parts
from edgecv_runtime.stream.frame import Frame


class Windows:
    """Cuts a waveform that comes in parts into windows of `samples`, each `step` after the one before."""

    def __init__(self, samples: int, step: int) -> None:
        self._samples, self._step = samples, step
        self._held = np.empty(0, np.float32)
        self._skip = 0  # samples still to come that no window holds, where steps are longer than windows
        self._given = False

    def add(self, part: np.ndarray) -> Iterator[np.ndarray]:
        """Every window that the part completes, each an array of its own."""
        skipped = min(self._skip, len(part))
        self._skip -= skipped
        self._held = np.concatenate([self._held, part[skipped:]])
        while len(self._held) >= self._samples:
            yield self._held[: self._samples].copy()
            self._given = True
            self._skip = max(0, self._step - len(self._held))
            self._held = self._held[self._step :]

    def rest(self) -> np.ndarray | None:
        """All there was, where that is shorter than a window; else None."""
        return None if self._given or not len(self._held) else self._held.copy()


class SoundFiles:
    """The windows of sound files in a fixed order, as waveforms at the model's rate; each file is read part by part.

    A window begins at the file's first sample and at every step after it where a whole one is left; a file that is
    shorter than a window is one itself.

    Args:
        files: The files.
        sound: What the model takes.
    """

    live = False
    instant = False
    fps: float | None = None
    count: int | None = None

    def __init__(self, files: Sequence[Path], sound: Sound) -> None:
        self.files, self._sound = tuple(files), sound
        self.names = tuple(map(str, files))
        self.name = str(files[0]) if len(files) == 1 else f"{len(files)} sounds"

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every window; `seconds` is where it begins in its file. A file that cannot be read is handed on as it is.

        Raises:
            StreamError: A file turns out to be damaged after its first window.
        """
        index = 0
        for file in self.files:
            for number, waveform in enumerate(self._windows(file)):
                if stop.is_set():
                    return
                seconds = number * (self._sound.step or 1) / self._sound.rate
                yield Frame(
                    image=waveform,
                    name=str(file),
                    index=index,
                    seconds=seconds,
                    captured=time.monotonic(),
                    whole=True,
                )
                index += 1

    def _windows(self, file: Path) -> Iterator[np.ndarray | Path]:
        windows, given = Windows(self._sound.samples or 1, self._sound.step or 1), False
        try:
            for part in waveform_parts(file, self._sound.rate):
                for waveform in windows.add(part):
                    given = True
                    yield waveform
            rest = windows.rest()
        except ImageError as error:
            if given:
                raise StreamError(error.message, error.hint) from error
            yield file  # its reader says why
            return
        if rest is not None:
            yield rest
        elif not given:
            yield file  # without a sample

    def close(self) -> None:
        """Nothing is open between two windows that outlives the iteration."""


def sounds_in(folder: Path) -> list[Path]:
    """The sound files of a folder and its subfolders, sorted by path; hidden ones are left out.

    Raises:
        StreamError: There is none, or the folder cannot be read.
    """
    try:
        found = files_below(folder, SUFFIXES)
    except OSError as error:
        raise StreamError(f"{folder} cannot be read: {error.strerror}") from error
    if not found:
        raise StreamError(f"{folder} holds no sounds", f"Sounds are files that end in {SUFFIXES_IN_WORDS}")
    return found
