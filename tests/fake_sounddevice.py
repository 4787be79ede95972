"""A stand-in for the module `sounddevice`, with the real one's blocking streams and its ways to fail."""

from __future__ import annotations

import types
from dataclasses import dataclass, field

import numpy as np


class PortAudioError(Exception):
    """What the real module raises."""


@dataclass
class Device:
    """The hardware: it records `wave` (samples at `rate`) again and again, and fails after `vanishes` samples."""

    wave: np.ndarray
    rate: int
    vanishes: int | None = None
    absent: bool = False
    events: list[str] = field(default_factory=list)

    def check_there(self, at):
        if self.vanishes is not None and at >= self.vanishes:
            raise PortAudioError("Stream is stopped")


def module(hardware: Device) -> types.ModuleType:
    """The module."""

    class InputStream:
        def __init__(self, *, device, channels, dtype, samplerate):
            hardware.events.append(f"open {device}")
            assert (channels, dtype) == (1, "float32")
            if hardware.absent:
                raise PortAudioError("Error querying device")
            if samplerate != hardware.rate:
                raise PortAudioError("Invalid sample rate")
            self._at = 0

        def start(self):
            hardware.events.append("start")

        def read(self, frames):
            hardware.check_there(self._at)
            places = np.arange(self._at, self._at + frames) % len(hardware.wave)
            self._at += frames
            return hardware.wave[places][:, None].astype(np.float32), False

        def close(self):
            hardware.events.append("close")

    def check_input_settings(*, device, channels, dtype, samplerate):
        if samplerate != hardware.rate:
            raise PortAudioError("Invalid sample rate")

    def query_devices(device, kind):
        hardware.events.append(f"query {device} {kind}")
        return {"default_samplerate": float(hardware.rate)}

    made = types.ModuleType("sounddevice")
    made.PortAudioError = PortAudioError
    made.InputStream = InputStream
    made.check_input_settings = check_input_settings
    made.query_devices = query_devices
    return made
