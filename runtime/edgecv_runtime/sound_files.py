"""Sound files, through soundfile and soxr: the endings of their names, and their waveforms at a model's rate."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgecv_runtime.errors import ImageError, MissingDependencyError
from edgecv_runtime.files import open_regular

SUFFIXES: Final = frozenset({".wav", ".wave", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff"})
SUFFIXES_IN_WORDS: Final = ", ".join(sorted(SUFFIXES))
INSTALL: Final = 'pip install "edgecv[sound]"'
BLOCK: Final = 1 << 16  # samples that are read at once


def sound_library(name: str, install: str = INSTALL, lacking: str | None = None) -> Any:
    """A module that reads, resamples or records sound, imported when it is needed.

    Args:
        name: The module's.
        install: The line that installs it.
        lacking: What to do where it misses a library of the system.

    Raises:
        MissingDependencyError: It is not installed, or misses a library of the system.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"{name} is not installed", install) from error
    except (ImportError, OSError) as error:
        raise MissingDependencyError(f"{name} cannot be loaded: {error}", lacking or install) from error


def mono(samples: np.ndarray) -> np.ndarray:
    """The mean of the channels of (samples, channels), in float64, rounded once to float32."""
    return np.asarray(samples.mean(axis=1, dtype=np.float64), np.float32)


class Resampler:
    """Brings a waveform that comes in parts to another rate, by soxr's "HQ"; the same rate leaves it as it is."""

    def __init__(self, rate: int, wanted: int) -> None:
        self._stream = None
        if rate != wanted:
            self._stream = sound_library("soxr").ResampleStream(rate, wanted, 1, dtype="float32")

    def __call__(self, part: np.ndarray, *, last: bool = False) -> np.ndarray:
        """Return what is ready after one more part, float32; all that is left with the last one."""
        if self._stream is None:
            return part
        return np.asarray(self._stream.resample_chunk(part, last=last), np.float32)


def waveform_parts(source: Path | str | bytes, rate: int) -> Iterator[np.ndarray]:
    """The waveform of a sound file part by part: float32 of -1 to 1, one channel, `rate` samples a second.

    Raises:
        ImageError: The file is missing, no sound, damaged, or holds NaN or infinity.
        MissingDependencyError: soundfile (or soxr, for another rate) is not installed.
    """
    library = sound_library("soundfile")
    name = "the sound" if isinstance(source, bytes) else str(source)
    try:
        with (
            io.BytesIO(source) if isinstance(source, bytes) else open_regular(source) as data,
            library.SoundFile(data) as file,
        ):
            resample = Resampler(file.samplerate, rate)
            while True:
                part = mono(file.read(BLOCK, dtype="float64", always_2d=True))
                if not np.isfinite(part).all():
                    raise ImageError(f"{name} holds NaN or infinity")
                ready = resample(part, last=len(part) < BLOCK)
                if len(ready):
                    yield ready
                if len(part) < BLOCK:
                    return
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist") from error
    except (OSError, library.SoundFileError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ImageError(f"{name} cannot be read as a sound: {reason}", "The file may be damaged") from error


def read_waveform(source: Path | str | bytes, rate: int, most: int) -> np.ndarray:
    """The first `most` samples of a sound file's waveform, or all where there are fewer; as `waveform_parts` says.

    Raises:
        ImageError, MissingDependencyError: As `waveform_parts`; or it holds no sample.
    """
    parts, count = [], 0
    for part in waveform_parts(source, rate):
        parts.append(part)
        count += len(part)
        if count >= most:
            break
    if not count:
        raise ImageError(f"{'the sound' if isinstance(source, bytes) else source} holds no sample")
    return np.concatenate(parts)[:most]
