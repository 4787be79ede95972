"""The rules of a sound's preprocessing, and its fitting to one input of a model."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from edgecv_runtime.clip_sound_schema import MelFilters, Sound
from edgecv_runtime.errors import SpecError
from edgecv_runtime.schema import Preprocess

MOST_RATE: Final = 1_000_000  # samples a second
MOST_FFT: Final = 1 << 15
MOST_BINS: Final = 512  # mel bands; with the longest transform their weights fill 67 MB
MOST_SAMPLES: Final = 1 << 24  # 17 minutes at 16 kHz
REPEATED: Final = frozenset({1, 3})  # channels that may all have the one spectrogram
DOCS: Final = "docs/preprocessing.md describes every field"


def bins_of(sound: Sound) -> int:
    """Return how many frequencies (or cepstral coefficients) a spectrogram has."""
    return bands_of(sound) if sound.cepstra is None else sound.cepstra.count


def bands_of(sound: Sound) -> int:
    """Return how many frequencies a spectrogram has before a cosine transform."""
    return sound.fft // 2 + 1 if sound.mel is None else sound.mel.bins


def padded(sound: Sound) -> int:
    """Return how many samples are added at each end before the waveform is cut into windows."""
    return 0 if sound.padding == "none" else sound.window // 2


def windows_of(sound: Sound, samples: int) -> int:
    """Return how many windows a waveform of so many samples gives; below one where it is shorter than one."""
    return 1 + (samples + 2 * padded(sound) - sound.window) // sound.hop


def resolve_sound(spec: Preprocess, shape: tuple[int, ...], name: str) -> Preprocess:
    """Complete a checked preprocessing of a sound for an input of two axes, with or without channels.

    Raises:
        SpecError: The spectrogram has another shape than the input.
    """
    if not isinstance(spec.sound, Sound):
        raise SpecError("kind = 'sound' needs a table sound", DOCS)
    sound, inner = spec.sound, shape[1:]
    if len(inner) not in {2, 3} or (len(inner) == 3 and inner[2] not in REPEATED):
        raise SpecError(
            f"input {name!r} has the shape {shape}, which is no spectrogram (1, time, frequencies, 1 or 3 channels)",
            "Use another kind of preprocessing",
        )
    times, bins = inner[:2] if sound.axes == "time_frequency" else (inner[1], inner[0])
    if bins != bins_of(sound):
        other = "frequency_time" if sound.axes == "time_frequency" else "time_frequency"
        hint = "Set cepstra.count or mel.bins, or fft to 2 (frequencies - 1)"
        hint = f"Is it axes = {other!r}?" if times == bins_of(sound) else hint
        raise SpecError(f"input {name!r} has {bins} frequencies, the preprocessing {bins_of(sound)}", hint)
    samples = sound.samples or max(1, (times - 1) * sound.hop + sound.window - 2 * padded(sound))
    if windows_of(sound, samples) != times:
        raise SpecError(
            f"input {name!r} has {times} windows of time, and {samples} samples give {windows_of(sound, samples)}",
            "Leave samples out, or change window, hop or padding",
        )
    done = msgspec.structs.replace(sound, samples=samples, step=sound.step or max(1, samples // 2))
    check_sound(done)
    return msgspec.structs.replace(spec, sound=done)


def check_sound(sound: Sound) -> None:
    """Refuse what is impossible.

    Raises:
        SpecError: Names the field, the rule and the value got.
    """
    _check_range("rate", sound.rate, 1, MOST_RATE)
    _check_range("fft", sound.fft, 2, MOST_FFT)
    _check_range("window", sound.window, 1, sound.fft)
    _check_range("hop", sound.hop, 1, MOST_SAMPLES)
    for field in ("samples", "step"):
        if getattr(sound, field) is not None:
            _check_range(field, getattr(sound, field), 1, MOST_SAMPLES)
    if sound.padding == "reflect" and sound.samples is not None and sound.samples <= padded(sound):
        _refuse("samples", f"over {padded(sound)}, half a window, with padding = 'reflect'", sound.samples)
    if not (math.isfinite(sound.floor) and 1e-37 <= sound.floor <= 1e30):
        _refuse("floor", "a number of float32 over 0", sound.floor)
    if sound.mel is not None:
        _check_mel(sound.mel, sound.rate)
    if sound.cepstra is not None:
        _check_range("cepstra.count", sound.cepstra.count, 1, min(bands_of(sound), MOST_BINS))


def _check_mel(mel: MelFilters, rate: int) -> None:
    _check_range("mel.bins", mel.bins, 1, MOST_BINS)
    high = rate / 2 if mel.high is None else mel.high
    if not 0 <= mel.low < high <= rate / 2:
        _refuse("mel.low and mel.high", f"0 <= low < high <= {rate / 2:g} Hz, half the rate", f"{mel.low} and {high}")


def _check_range(field: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        _refuse(field, f"{least:,} to {most:,}", value)


def _refuse(field: str, rule: str, got: object) -> None:
    raise SpecError(f"sound.{field} must be {rule}, got {got}", DOCS)
