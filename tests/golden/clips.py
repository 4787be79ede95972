"""Golden vectors of clips: frames as they are decoded, and the tensor that they give. README.md describes the files.

Usage: python -m tests.golden.clips
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import msgspec
import numpy as np
from edgecv_runtime.golden_schema import GoldenTensor
from edgecv_runtime.preprocess import from_preset, input_preprocessor, resolve
from edgecv_runtime.preprocess.presets import as_clip, float32s
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Fit, Preprocess, QuantParams, Resize, TensorIO

from tests.golden import independent
from tests.golden.format import FOLDER, FORMAT_VERSION, little_endian, read_tensor, sha256
from tests.golden.make import encode_index

INDEX = FOLDER / "clips.json"


class ClipCase(Record, frozen=True, kw_only=True):
    """One vector: the frames of a clip, uint8 (frames, height, width, 3), and the tensor that comes out."""

    name: str
    spec: Preprocess
    io: TensorIO
    frames: GoldenTensor
    expected: GoldenTensor


class ClipIndex(Record, frozen=True, kw_only=True):
    """All of `clips.json`."""

    format_version: int
    cases: tuple[ClipCase, ...]


def plans() -> Iterator[tuple[str, Preprocess, TensorIO]]:
    """What is tested: each fit, both arithmetics, colours, no channel axis, integers, a stride that changes nothing."""
    letterbox = Fit(mode="letterbox", pad=(114,))
    gray = msgspec.structs.replace(from_preset("rescale"), color="gray")
    for name, picture, stride, shape, params in (
        ("clip_stretch", from_preset("rescale"), 1, (1, 4, 9, 11, 3), None),
        ("clip_stride", from_preset("rescale"), 5, (1, 4, 9, 11, 3), None),
        ("clip_one_frame", from_preset("tf"), 1, (1, 1, 9, 11, 3), None),
        ("clip_crop_bgr", _fitted("caffe", Fit(mode="crop", fraction=0.875)), 2, (1, 4, 10, 10, 3), None),
        ("clip_letterbox", _fitted("torch", letterbox), 1, (1, 3, 16, 16, 3), None),
        ("clip_resize_crop", _fitted("none", Fit(mode="resize_crop", shorter=14)), 1, (1, 3, 12, 12, 3), None),
        ("clip_gray", gray, 1, (1, 4, 8, 8, 1), None),
        ("clip_gray_without_channels", gray, 1, (1, 4, 8, 8), None),
        ("clip_int8", from_preset("tf"), 1, (1, 4, 9, 11, 3), (1 / 128, 0)),
        ("clip_uint8_letterbox", _fitted("none", letterbox), 1, (1, 3, 16, 16, 3), (1.0, 0)),
        ("clip_tensorflow", msgspec.structs.replace(from_preset("rescale"), resize=Resize(semantics="tf")), 1,
         (1, 4, 9, 11, 3), None),
    ):  # fmt: skip
        spec = resolve(as_clip(picture, stride), shape)
        dtype = "float32" if params is None else name.split("_")[1]
        quantization = params and QuantParams(scale=float32s([params[0]])[0], zero_point=params[1])
        yield name, spec, TensorIO(name="input", tensor="input", shape=shape, dtype=dtype, quantization=quantization)


def _fitted(preset: str, fit: Fit) -> Preprocess:
    return msgspec.structs.replace(from_preset(preset), fit=fit)


def source(count: int) -> np.ndarray:
    """Noise with a bright square that moves."""
    frames = np.random.default_rng(5).integers(0, 256, (count, 19, 23, 3), np.uint8)
    for place, frame in enumerate(frames):
        frame[5:12, 2 + 3 * place : 9 + 3 * place] = 250
    return frames


def run(case: ClipCase) -> np.ndarray:
    """What the reference makes of a case today."""
    return input_preprocessor(case.spec, case.io)(read_tensor(case.frames))


def again(frames: np.ndarray, spec: Preprocess, io: TensorIO) -> np.ndarray:
    """The same from Pillow or TensorFlow and plain NumPy, frame by frame."""
    values = np.stack([independent.from_pixels(frame, 1, spec) for frame in frames])
    values = values.reshape(io.shape)
    if io.quantization is None:
        return values
    low, high = independent.INTEGER_LIMITS[io.dtype]
    steps = np.rint(values / np.float32(io.quantization.scale)) + io.quantization.zero_point
    return steps.clip(low, high).astype(io.dtype)


def make() -> ClipIndex:
    """Write the frames and the expected tensors, each checked."""
    (FOLDER / "clips").mkdir(exist_ok=True)
    cases = []
    for name, spec, io in plans():
        frames = source(io.shape[1])
        expected, own = input_preprocessor(spec, io)(frames), again(frames, spec, io)
        exact = spec.resize.semantics == "pillow"
        near = independent.LEVEL * max(map(abs, spec.normalize.scale))
        if not (independent.same_bits(expected, own) if exact else np.abs(expected - own).max() < near):
            raise SystemExit(f"{name}: differs from the independent computation")
        cases.append(
            ClipCase(
                name=name,
                spec=spec,
                io=io,
                frames=write(f"clips/frames_{len(frames)}.bin", frames),
                expected=write(f"clips/{name}.bin", expected),
            )
        )
    return ClipIndex(format_version=FORMAT_VERSION, cases=tuple(cases))


def write(file: str, array: np.ndarray) -> GoldenTensor:
    """Write a tensor's file; its entry."""
    data = little_endian(array)
    (FOLDER / file).write_bytes(data)
    return GoldenTensor(file=file, sha256=sha256(data), shape=array.shape, dtype=array.dtype.name)


def main() -> int:
    """Write everything."""
    INDEX.write_bytes(encode_index(make().cases))
    return 0


if __name__ == "__main__":
    sys.exit(main())
