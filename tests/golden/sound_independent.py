"""The meaning of a sound's preprocessing once more, in loops over samples, bins and bands, without edgecv's code.

Only the records that say what to do are shared. Written for being obviously right, not for speed.
"""

from __future__ import annotations

import math

import numpy as np
from edgecv_runtime.clip_sound_schema import Cepstra, MelFilters, Sound
from edgecv_runtime.schema import Preprocess


def spectrogram(wave: np.ndarray, spec: Preprocess) -> np.ndarray:
    """Normalized float32 (times, frequencies) of a waveform."""
    sound = spec.sound
    assert isinstance(sound, Sound)
    assert sound.samples is not None
    samples = [float(value) for value in wave[: sound.samples]]
    samples = pad(samples + [0.0] * (sound.samples - len(samples)), sound)
    rows = []
    for start in range(0, len(samples) - sound.window + 1, sound.hop):
        values = magnitudes(samples[start : start + sound.window], sound)
        if sound.mel is not None:
            values = bands(values, sound.mel, sound.rate, sound.fft)
        values = [float(np.float32(logarithm(value, sound))) for value in values]
        rows.append(values if sound.cepstra is None else coefficients(values, sound.cepstra))
    found = np.array(rows, np.float32)
    return found * np.array(spec.normalize.scale, np.float32) + np.array(spec.normalize.offset, np.float32)


def pad(samples: list[float], sound: Sound) -> list[float]:
    """Half a window at each end, of zeros or of the samples mirrored at the first and the last."""
    half = sound.window // 2
    if sound.padding == "none":
        return samples
    if sound.padding == "zeros":
        return [0.0] * half + samples + [0.0] * half
    before = [samples[half - place] for place in range(half)]
    after = [samples[len(samples) - 2 - place] for place in range(half)]
    return before + samples + after


def magnitudes(samples: list[float], sound: Sound) -> list[float]:
    """The discrete Fourier transform as it is defined, of the samples under the window."""
    count = len(samples)
    high = {"hann": 0.5, "hamming": 0.54}.get(sound.taper.split("_")[0], 1.0)
    whole = count - 1 if sound.taper.endswith("symmetric") else count
    shaped = [
        value * float(np.float32(high - (1 - high) * math.cos(2 * math.pi * place / whole)))
        for place, value in enumerate(samples)
    ]
    found = []
    for bin_ in range(sound.fft // 2 + 1):
        turns = [2 * math.pi * (bin_ * place % sound.fft) / sound.fft for place in range(count)]
        real = math.fsum(value * math.cos(turn) for value, turn in zip(shaped, turns, strict=True))
        imaginary = math.fsum(value * math.sin(turn) for value, turn in zip(shaped, turns, strict=True))
        power = real * real + imaginary * imaginary
        found.append(float(np.float32(power if sound.spectrum == "power" else math.sqrt(power))))
    return found


def bands(values: list[float], mel: MelFilters, rate: int, fft: int) -> list[float]:
    """Every triangle's sum."""
    high = rate / 2 if mel.high is None else mel.high
    found = []
    for band in range(mel.bins):
        edges = [edge(mel, high, band + part) for part in range(3)]
        total = 0.0
        for bin_, value in enumerate(values):
            total += float(np.float32(weight(mel, edges, bin_, rate / fft))) * value
        found.append(float(np.float32(total)))
    return found


def edge(mel: MelFilters, high: float, number: int) -> float:
    """One of the equally spaced edges, in mel."""
    low, last = to_mel(mel.low, mel.form), to_mel(high, mel.form)
    return low + (last - low) * number / (mel.bins + 1)


def weight(mel: MelFilters, edges: list[float], bin_: int, width: float) -> float:
    """How much of a bin a band takes."""
    if mel.form == "tensorflow":
        place, (left, middle, right) = to_mel(bin_ * width, mel.form), edges
    else:
        place, (left, middle, right) = bin_ * width, [to_hertz(one, mel.form) for one in edges]
    slope = min((place - left) / (middle - left), (right - place) / (right - middle))
    return max(0.0, slope) * (2 / (right - left) if mel.form == "slaney" else 1.0)


def to_mel(hertz: float, form: str) -> float:
    """HTK's scale, or Slaney's: 3 mel for 200 Hz up to 1000 Hz, then 27 mel for a factor of 6.4."""
    if form != "slaney":
        return 2595 * math.log10(1 + hertz / 700)
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def to_hertz(mel: float, form: str) -> float:
    """The inverse of `to_mel`."""
    if form != "slaney":
        return 700 * (10 ** (mel / 2595) - 1)
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def coefficients(values: list[float], cepstra: Cepstra) -> list[float]:
    """The discrete cosine transform as it is defined (type II)."""
    count = len(values)
    found = []
    for order in range(cepstra.count):
        turns = [math.pi * order * (2 * place + 1) / (2 * count) for place in range(count)]
        total = math.fsum(value * math.cos(turn) for value, turn in zip(values, turns, strict=True))
        first = math.sqrt(0.5) if order == 0 and cepstra.form == "orthonormal" else 1.0
        found.append(first * math.sqrt(2 / count) * total)
    return found


def logarithm(value: float, sound: Sound) -> float:
    """The logarithm of a value and the floor."""
    if sound.log == "none":
        return value
    floor = float(np.float32(sound.floor))
    value = max(value, floor) if sound.floor_by == "max" else float(np.float32(value + floor))
    if sound.log == "ln":
        return math.log(value)
    return {"log10": 1, "db": 10 if sound.spectrum == "power" else 20}[sound.log] * math.log10(value)
