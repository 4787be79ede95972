"""Sounds: from a waveform to a spectrogram, as docs/preprocessing.md says it operation by operation."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.clip_sound_schema import Cepstra, Sound
from edgecv_runtime.errors import ImageError, SpecError
from edgecv_runtime.geometry import View
from edgecv_runtime.preprocess.decode import ImageSource
from edgecv_runtime.preprocess.mel import mel_weights
from edgecv_runtime.preprocess.quantize import quantize
from edgecv_runtime.preprocess.sound_rules import bands_of, bins_of, padded, windows_of
from edgecv_runtime.schema import Preprocess, TensorIO
from edgecv_runtime.sound_files import mono, read_waveform

INTEGERS: Final = ("int8", "uint8", "int16")
FULL_SCALE: Final = 32768.0  # of 16-bit samples
AT_ONCE: Final = 256  # windows that are transformed together: a long sound's spectra need not all be in memory
WITH_CHANNELS: Final = 4
COSINE: Final = {"hann": 0.5, "hamming": 0.54}


class SoundPreprocessor:
    """Makes an artifact's input tensor from a waveform. Several threads may share one.

    Args:
        spec: A resolved preprocessing of the kind "sound".
        io: The artifact's input; None gives float32, as the source model takes it.
        shape: The source model's input where `io` is None.

    Raises:
        SpecError: The preprocessing is not resolved, or an integer input lacks its scale.
    """

    def __init__(self, spec: Preprocess, io: TensorIO | None = None, *, shape: tuple[int, ...] | None = None) -> None:
        if not isinstance(spec.sound, Sound) or spec.sound.samples is None:
            raise SpecError("the preprocessing has no number of samples", "Fit it to the model's input first")
        self.spec, self.sound, self.samples = spec, spec.sound, spec.sound.samples
        self._params = io.quantization if io is not None and io.dtype in INTEGERS else None
        if io is not None and io.dtype in INTEGERS and self._params is None:
            raise SpecError(f"the input {io.name!r} is {io.dtype} without a scale and zero point")
        self._dtype = np.dtype("float32" if io is None else io.dtype)
        times, bins = windows_of(self.sound, self.samples), bins_of(self.sound)
        self._turned = self.sound.axes == "frequency_time"
        own = (bins, times) if self._turned else (times, bins)
        given = shape if io is None else io.shape
        self._shape = (1, *own, 1) if given is None else (1, *given[1:])
        self._taper = taper(self.sound.taper, self.sound.window).astype(np.float64)
        weights = None if self.sound.mel is None else mel_weights(self.sound.mel, self.sound.rate, self.sound.fft)
        self._mel = None if weights is None else weights.astype(np.float64).T
        self._cosines = None if self.sound.cepstra is None else cosines(self.sound.cepstra, bands_of(self.sound))
        self._scale, self._offset = (
            np.asarray(values, np.float32) for values in (spec.normalize.scale, spec.normalize.offset)
        )

    def __call__(self, source: ImageSource, out: np.ndarray | None = None) -> np.ndarray:
        """One tensor with batch 1, in the input's dtype. Arguments and errors are those of `locate`."""
        return self.locate(source, out)[0]

    def locate(self, source: ImageSource, out: np.ndarray | None = None) -> tuple[np.ndarray, View | None]:
        """Prepare a sound; it is no picture, so there is no view.

        Args:
            source: A sound file, its bytes, or a waveform at the model's rate: floats of -1 to 1 or int16, (samples,)
                or (samples, channels). Of a longer one the first samples count; a shorter one ends in zeros.
            out: A C-contiguous array of the result's shape and dtype, which is filled and returned.

        Raises:
            ImageError: The sound cannot be read, or holds NaN or infinity.
            ValueError: `out` has another shape, dtype or layout in memory.
        """
        values = self.spectrogram(self.stored(source)) * self._scale
        values += self._offset
        if out is None:
            out = np.empty(self._shape, self._dtype)
        if out.shape != self._shape or out.dtype != self._dtype or not out.flags.c_contiguous:
            raise ValueError(f"out must be C-contiguous {self._dtype} {self._shape}, got {out.dtype} {out.shape}")
        values = values.T if self._turned else values
        if len(self._shape) == WITH_CHANNELS:
            values = values[..., None]
        if self._params is not None:
            values = quantize(values, self._params, self._dtype.name)
        np.copyto(out[0], values, casting="unsafe")
        return out, None

    def stored(self, source: ImageSource) -> npt.NDArray[np.float32]:
        """The waveform that a source gives: one channel at the model's rate, cut but not filled up.

        Raises:
            ImageError: As `locate`.
        """
        if isinstance(source, Path | str | bytes):
            return read_waveform(source, self.sound.rate, self.samples)
        if not isinstance(source, np.ndarray) or source.ndim not in {1, 2} or not source.size:
            raise ImageError("a sound must be a file or an array of (samples,) or (samples, channels)")
        if source.dtype.kind != "f" and source.dtype != np.int16:
            raise ImageError(f"a sound as an array must be floats of -1 to 1 or int16, got {source.dtype}")
        cut = source[: self.samples]
        wave = mono(cut) if cut.ndim > 1 else cut.astype(np.float32)
        if source.dtype == np.int16:
            wave /= np.float32(FULL_SCALE)
        if not np.isfinite(wave).all():
            raise ImageError("the sound holds NaN or infinity")
        return wave

    def spectrogram(self, wave: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The spectrogram (times, frequencies) of a waveform of at most the model's length, before `normalize`."""
        sound, pad = self.sound, padded(self.sound)
        whole = np.zeros(self.samples, np.float32)
        whole[: len(wave)] = wave
        whole = np.pad(whole, pad, mode="reflect" if sound.padding == "reflect" else "constant")
        windows = np.lib.stride_tricks.sliding_window_view(whole, sound.window)[:: sound.hop]
        found = np.empty((len(windows), bands_of(sound)), np.float32)
        for start in range(0, len(windows), AT_ONCE):
            found[start : start + AT_ONCE] = self._spectra(windows[start : start + AT_ONCE])
        found = self._logarithm(found)
        return found if self._cosines is None else (found.astype(np.float64) @ self._cosines).astype(np.float32)

    def _spectra(self, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Magnitudes or powers of windows, through the mel filters where there are some."""
        bins = np.fft.rfft(windows * self._taper, n=self.sound.fft)
        powers = bins.real * bins.real + bins.imag * bins.imag
        values = (powers if self.sound.spectrum == "power" else np.sqrt(powers)).astype(np.float32)
        return values if self._mel is None else (values.astype(np.float64) @ self._mel).astype(np.float32)

    def _logarithm(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        sound, floor = self.sound, np.float32(self.sound.floor)
        if sound.log == "none":
            return values
        values = np.maximum(values, floor) if sound.floor_by == "max" else values + floor
        wide = values.astype(np.float64)
        if sound.log == "ln":
            return np.log(wide).astype(np.float32)
        factor = {"log10": 1.0, "db": 10.0 if sound.spectrum == "power" else 20.0}[sound.log]
        return (factor * np.log10(wide)).astype(np.float32)


def cosines(cepstra: Cepstra, bands: int) -> npt.NDArray[np.float64]:
    """The cosine transform (bands, coefficients): sqrt(2 / bands) cos(pi n (m + 0.5) / bands), float64."""
    places, orders = np.arange(bands)[:, None] + 0.5, np.arange(cepstra.count)
    factors = np.sqrt(2.0 / bands) * np.cos(np.pi * orders * places / bands)
    if cepstra.form == "orthonormal":
        factors[:, 0] /= np.sqrt(2.0)
    return np.asarray(factors, np.float64)


def taper(kind: str, length: int) -> npt.NDArray[np.float32]:
    """A window: a - (1 - a) cos(2 pi n / length) in float64, rounded once; n / (length - 1) for a symmetric one.

    "none", and a single sample, are ones.
    """
    form, _, symmetric = kind.partition("_")
    if kind == "none" or length == 1:
        return np.ones(length, np.float32)
    high = COSINE[form]
    turns = 2.0 * np.pi * np.arange(length) / (length - 1 if symmetric else length)
    return (high - (1.0 - high) * np.cos(turns)).astype(np.float32)
