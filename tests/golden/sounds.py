"""Golden vectors of sounds: waveforms, and the spectrograms that they give. README.md describes the files.

Usage: python -m tests.golden.sounds
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from edgecv_runtime.clip_sound_schema import Cepstra, MelFilters, Sound
from edgecv_runtime.golden_schema import GoldenTensor
from edgecv_runtime.preprocess import input_preprocessor, resolve
from edgecv_runtime.preprocess.presets import float32s
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Normalize, Preprocess, QuantParams, TensorIO

from tests.golden import sound_independent
from tests.golden.clips import write
from tests.golden.format import FOLDER, FORMAT_VERSION, read_tensor
from tests.golden.make import encode_index

INDEX = FOLDER / "sounds.json"
NEAR = 1e-5  # times the value, or of it where that is more
RATE = 8000
PLAIN = Sound(rate=RATE, window=64, hop=32, fft=64)
MEL = MelFilters(bins=12, low=60.0, high=3800.0)


class SoundCase(Record, frozen=True, kw_only=True):
    """One vector: a waveform, float32 (samples) at the model's rate, and the tensor that comes out."""

    name: str
    spec: Preprocess
    io: TensorIO
    waveform: GoldenTensor
    expected: GoldenTensor


class SoundIndex(Record, frozen=True, kw_only=True):
    """All of `sounds.json`."""

    format_version: int
    cases: tuple[SoundCase, ...]


def settings() -> Iterator[tuple[str, Sound]]:
    """Settings of which each changes what comes out."""
    mel, replace = {"mel": MEL}, msgspec.structs.replace
    yield "magnitude", PLAIN
    yield "power", replace(PLAIN, spectrum="power")
    yield "odd_window_longer_fft", replace(PLAIN, window=55, fft=128)
    yield "odd_window_symmetric", replace(PLAIN, window=55, taper="hann_symmetric")
    yield "fft_of_no_power_of_two", replace(PLAIN, window=60, fft=90, hop=17)
    yield "hamming", replace(PLAIN, taper="hamming")
    yield "hamming_symmetric", replace(PLAIN, taper="hamming_symmetric")
    yield "no_taper", replace(PLAIN, taper="none")
    yield "padded_zeros", replace(PLAIN, padding="zeros", samples=300)
    yield "padded_reflect", replace(PLAIN, padding="reflect", samples=300)
    yield "padded_reflect_odd", replace(PLAIN, padding="reflect", window=55, samples=301)
    for form in ("tensorflow", "htk", "slaney"):
        yield f"mel_{form}", replace(PLAIN, mel=replace(MEL, form=form))
        whole = MelFilters(bins=9, form=form)  # type: ignore[arg-type]
        yield f"mel_{form}_whole_db", replace(PLAIN, mel=whole, spectrum="power", log="db", floor=1e-10)
    yield "mel_ln_max", replace(PLAIN, **mel, log="ln", floor=1e-3)
    yield "mel_ln_add", replace(PLAIN, **mel, log="ln", floor=1e-3, floor_by="add")
    yield "mel_log10", replace(PLAIN, **mel, log="log10")
    yield "mel_db", replace(PLAIN, **mel, log="db", floor=1e-5)
    for form in ("tensorflow", "orthonormal"):
        logs = replace(PLAIN, **mel, log="ln", floor=1e-6, floor_by="add")
        yield f"cepstra_{form}", replace(logs, cepstra=Cepstra(count=5, form=form))  # type: ignore[arg-type]
    yield "cepstra_without_mel", replace(PLAIN, log="ln", cepstra=Cepstra(count=8))
    yield "frequency_time", replace(PLAIN, **mel, log="ln", axes="frequency_time")
    yield "long_hop", replace(PLAIN, hop=100)


def wave(count: int) -> np.ndarray:
    """Two tones, one that rises, in a little noise; the last fifth is silent."""
    times = np.arange(count) / RATE
    tones = 0.4 * np.sin(2 * np.pi * 700 * times) + 0.3 * np.sin(2 * np.pi * (900 + 20_000 * times) * times)
    tones += np.random.default_rng(8).normal(scale=0.01, size=count)
    tones[count - count // 5 :] = 0
    return tones.astype(np.float32)


def plans() -> Iterator[tuple[str, Preprocess, TensorIO, np.ndarray]]:
    """Every setting on a waveform of the right length; then shorter and longer ones, channels, scales and integers."""
    for name, sound in settings():
        yield planned(name, sound, wave(320))
    logs = msgspec.structs.replace(PLAIN, mel=MEL, log="ln", floor=1e-3)
    yield planned("shorter", logs, wave(150))
    yield planned("longer", logs, wave(900))
    yield planned("three_channels", logs, wave(320), channels=(3,))
    yield planned("no_channel", logs, wave(320), channels=())
    standard = {"scale": [0.5], "offset": [1.25]}
    yield planned("normalized", logs, wave(320), **standard)
    each = {"scale": np.linspace(0.5, 2, MEL.bins).tolist(), "offset": np.linspace(-3, 3, MEL.bins).tolist()}
    yield planned("normalized_by_frequency", logs, wave(320), **each)
    turned = msgspec.structs.replace(logs, axes="frequency_time")
    yield planned("normalized_by_frequency_turned", turned, wave(320), **each)
    yield planned("int8", logs, wave(320), quantization=(0.05, 10))
    yield planned("uint8", logs, wave(320), quantization=(0.04, 180), dtype="uint8")
    yield planned("int16", logs, wave(320), quantization=(0.001, 0), dtype="int16")
    yield planned("float16", logs, wave(320), dtype="float16")


def planned(
    name: str,
    sound: Sound,
    waveform: np.ndarray,
    *,
    channels: tuple[int, ...] = (1,),
    scale: Any = (1.0,),
    offset: Any = (0.0,),
    quantization: tuple[float, int] | None = None,
    dtype: str | None = None,
) -> tuple[str, Preprocess, TensorIO, np.ndarray]:
    """A case without its expected tensor."""
    samples = sound.samples or 320
    padding = 0 if sound.padding == "none" else 2 * (sound.window // 2)
    times = 1 + (samples + padding - sound.window) // sound.hop
    bins = sound.fft // 2 + 1 if sound.mel is None else sound.mel.bins
    bins = bins if sound.cepstra is None else sound.cepstra.count
    inner = (times, bins) if sound.axes == "time_frequency" else (bins, times)
    shape = (1, *inner, *channels)
    normalize = Normalize(scale=float32s(scale), offset=float32s(offset))
    spec = resolve(Preprocess(kind="sound", sound=sound, normalize=normalize), shape)
    params = quantization and QuantParams(scale=float32s([quantization[0]])[0], zero_point=quantization[1])
    kind = dtype or ("int8" if quantization else "float32")
    io = TensorIO(name="input", tensor="input", shape=shape, dtype=kind, quantization=params)
    return f"sound_{name}", spec, io, waveform


def run(case: SoundCase) -> np.ndarray:
    """What the reference makes of a case today."""
    return input_preprocessor(case.spec, case.io)(read_tensor(case.waveform))


def is_near(found: np.ndarray, expected: np.ndarray) -> bool:
    """Tell whether a reader's tensor is near enough: integers and halves may be one step away, where a tie is near."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return False
    if found.dtype == np.float16:
        return bool((np.abs(found.view(np.int16).astype(int) - expected.view(np.int16)) <= 1).all())
    if found.dtype.kind != "f":
        return bool((np.abs(found.astype(np.int64) - expected) <= 1).all())
    room = NEAR * np.maximum(1.0, np.abs(expected.astype(np.float64)))
    return bool((np.abs(found.astype(np.float64) - expected) <= room).all())


def again(waveform: np.ndarray, spec: Preprocess, io: TensorIO) -> np.ndarray:
    """The same in loops."""
    values = sound_independent.spectrogram(waveform, spec)
    if isinstance(spec.sound, Sound) and spec.sound.axes == "frequency_time":
        values = values.T
    values = np.broadcast_to(values.reshape(1, *values.shape, *[1] * (len(io.shape) - 3)), io.shape)
    if io.quantization is None:
        return values.astype(io.dtype)
    limits = np.iinfo(io.dtype)
    steps = np.rint(values / np.float32(io.quantization.scale)) + io.quantization.zero_point
    return steps.clip(limits.min, limits.max).astype(io.dtype)


def make() -> SoundIndex:
    """Write the waveforms and the expected tensors, each checked."""
    (FOLDER / "sounds").mkdir(exist_ok=True)
    cases = []
    for name, spec, io, waveform in plans():
        expected = input_preprocessor(spec, io)(waveform)
        if not is_near(again(waveform, spec, io), expected):
            raise SystemExit(f"{name}: differs from the independent computation")
        cases.append(
            SoundCase(
                name=name,
                spec=spec,
                io=io,
                waveform=write(f"sounds/wave_{len(waveform)}.bin", waveform),
                expected=write(f"sounds/{name}.bin", expected),
            )
        )
    return SoundIndex(format_version=FORMAT_VERSION, cases=tuple(cases))


def main() -> int:
    """Write everything."""
    INDEX.write_bytes(encode_index(make().cases))
    return 0


if __name__ == "__main__":
    sys.exit(main())
