"""The records of inputs that go on for a while: clips and sounds."""

from __future__ import annotations

from typing import Literal

from edgecv_runtime.records import Record


class Clip(Record, frozen=True, kw_only=True):
    """The frames of a clip: `frames` of them, each `stride` frames of the source after the one before (1: every one).

    `frames` is None until the preprocessing is fitted to an input.
    """

    frames: int | None = None
    stride: int = 1


class MelFilters(Record, frozen=True, kw_only=True):
    """Triangles that gather the bins of a spectrum into `bins` bands between two frequencies in Hz.

    `high` None is half the sample rate. `form` is whose triangles: "tensorflow" (HTK's scale, straight in mel), "htk"
    (the same scale, straight in Hz) or "slaney" (librosa's default: Slaney's scale, straight in Hz, of equal areas).
    """

    bins: int
    low: float = 0.0
    high: float | None = None
    form: Literal["tensorflow", "htk", "slaney"] = "tensorflow"


class Cepstra(Record, frozen=True, kw_only=True):
    """The first `count` coefficients of a discrete cosine transform over the bands, as MFCC are.

    `form` is whose factors: "tensorflow" (the same for all) or "orthonormal" (librosa's: the first one divided by the
    square root of 2).
    """

    count: int
    form: Literal["tensorflow", "orthonormal"] = "tensorflow"


class Sound(Record, frozen=True, kw_only=True):
    """From a waveform to a spectrogram (docs/preprocessing.md has every operation).

    `rate` is in samples a second; `window`, `hop`, `fft`, `samples` and `step` are in samples. `samples` is the length
    of the waveform that one answer is about: shorter ones end in zeros, longer ones are cut. `step` is the distance
    between two answers on a longer sound. Both are None until the preprocessing is fitted to an input. `mel` None
    leaves the bins of the FFT, `cepstra` None the bands. `floor` is below what the logarithm is taken of: the larger of
    the two ("max"), or their sum ("add").
    """

    rate: int
    window: int
    hop: int
    fft: int
    samples: int | None = None
    step: int | None = None
    taper: Literal["hann", "hamming", "hann_symmetric", "hamming_symmetric", "none"] = "hann"
    padding: Literal["none", "zeros", "reflect"] = "none"
    spectrum: Literal["magnitude", "power"] = "magnitude"
    mel: MelFilters | None = None
    log: Literal["none", "ln", "log10", "db"] = "none"
    floor: float = 1e-6
    floor_by: Literal["max", "add"] = "max"
    cepstra: Cepstra | None = None
    axes: Literal["time_frequency", "frequency_time"] = "time_frequency"
