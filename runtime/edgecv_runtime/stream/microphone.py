"""Microphones, through sounddevice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from edgecv_runtime.clip_sound_schema import Sound
from edgecv_runtime.errors import StreamError
from edgecv_runtime.sound_files import Resampler, mono, sound_library
from edgecv_runtime.stream.frame import Frame
from edgecv_runtime.stream.sounds import Windows

INSTALL: Final = 'pip install "edgecv[microphone]"'
LACKING: Final = "Install PortAudio, on Debian and Ubuntu: sudo apt install libportaudio2"
BLOCK: Final = 0.05  # seconds that are read at once: so soon an end is seen


class Microphone:
    """The newest window of a microphone, every step.

    A microphone that does not record at the model's rate is resampled.

    Args:
        device: Its number; None for the system's own choice.
        sound: What the model takes.

    Raises:
        StreamError: It cannot be opened.
        MissingDependencyError: sounddevice is not installed.
    """

    live = True
    instant = False
    count: int | None = None

    def __init__(self, device: int | None, sound: Sound) -> None:
        self._library = sound_library("sounddevice", INSTALL, LACKING)
        self._sound = sound
        self.name = "the microphone" if device is None else f"microphone {device}"
        self._samples, step = sound.samples or 1, sound.step or 1
        self.fps: float | None = sound.rate / step
        self._windows = Windows(self._samples, step)
        try:
            self._rate, self._stream = self._open(device)
        except self._library.PortAudioError as error:
            raise StreamError(f"{self.name} cannot be opened: {error}", "Is it connected? Try mic:1, mic:2") from error
        self._resample = Resampler(self._rate, sound.rate)

    def _open(self, device: int | None) -> tuple[int, Any]:
        """The stream, at the model's rate where the device has it, else at its own."""
        rate = self._sound.rate
        try:
            self._library.check_input_settings(device=device, channels=1, dtype="float32", samplerate=rate)
        except self._library.PortAudioError:
            rate = round(self._library.query_devices(device, "input")["default_samplerate"])
        stream = self._library.InputStream(device=device, channels=1, dtype="float32", samplerate=rate)
        stream.start()
        return rate, stream

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Windows as they are complete.

        Raises:
            StreamError: The microphone vanished.
        """
        index, began = 0, time.monotonic()
        block = max(1, round(BLOCK * self._rate))
        while not stop.is_set():
            try:
                recorded, _ = self._stream.read(block)
            except self._library.PortAudioError as error:
                raise StreamError(f"{self.name} vanished: {error}", "Is it still connected?") from error
            captured = time.monotonic()
            for waveform in self._windows.add(self._resample(mono(np.asarray(recorded)))):
                yield Frame(
                    image=waveform,
                    name=self.name,
                    index=index,
                    seconds=captured - began,
                    captured=captured,
                    whole=True,
                )
                index += 1

    def close(self) -> None:
        """Let the microphone go."""
        self._stream.close()
