"""Mel filters: triangles that gather the bins of a spectrum into bands as wide as hearing tells them apart."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edgecv_runtime.clip_sound_schema import MelFilters

Curve = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]

# Slaney's Auditory Toolbox: straight up to 1000 Hz, then 27 steps for each factor of 6.4.
LINEAR_STEP, KNEE, LOG_STEP = 200 / 3, 1000.0, math.log(6.4) / 27


def mel_weights(mel: MelFilters, rate: int, fft: int) -> npt.NDArray[np.float32]:
    """The weights (bands, fft // 2 + 1): computed in float64, rounded once."""
    low, high = mel.low, rate / 2 if mel.high is None else mel.high
    to_mel, to_hertz = (_slaney_mel, _slaney_hertz) if mel.form == "slaney" else (_htk_mel, _htk_hertz)
    ends = to_mel(np.array([low, high]))
    edges = np.linspace(ends[0], ends[1], mel.bins + 2, dtype=np.float64)
    bins = np.arange(fft // 2 + 1, dtype=np.float64) * (rate / fft)
    if mel.form == "tensorflow":
        bins = to_mel(bins)
    else:
        edges = to_hertz(edges)
    left, middle, right = (edges[start : start + mel.bins, None] for start in range(3))
    weights = np.maximum(0.0, np.minimum((bins - left) / (middle - left), (right - bins) / (right - middle)))
    if mel.form == "slaney":
        weights *= 2.0 / (right - left)
    return np.asarray(weights, np.float32)


def _htk_mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1127.0 * np.log(1.0 + hertz / 700.0)


def _htk_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 700.0 * (np.exp(mel / 1127.0) - 1.0)


def _slaney_mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = KNEE / LINEAR_STEP + np.log(np.maximum(hertz, KNEE) / KNEE) / LOG_STEP
    return np.where(hertz < KNEE, hertz / LINEAR_STEP, above)


def _slaney_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = KNEE * np.exp(LOG_STEP * (mel - KNEE / LINEAR_STEP))
    return np.where(mel < KNEE / LINEAR_STEP, mel * LINEAR_STEP, above)
