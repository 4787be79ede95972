"""A camera's 420 frames: what they mean, and golden vectors of them. README.md says the same in words.

Usage: python -m tests.golden.yuv

Python's own runtime takes no such frames; this is the reference for those that do (Kotlin, Swift).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import msgspec
import numpy as np
from edgecv_runtime.golden_schema import GoldenTensor
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Fit, Normalize, Preprocess, QuantParams, Resize, TensorIO

from tests.golden.format import FOLDER, FORMAT_VERSION, little_endian, sha256

INDEX = FOLDER / "yuv.json"
APPLE = FOLDER / "yuv_apple.json"
ROTATIONS = {0: 0, 90: 3, 180: 2, 270: 1}  # clockwise degrees until it is upright, as turns of `np.rot90`


class Plane(Record, frozen=True, kw_only=True):
    """Bytes of a file from `offset` on: pixel (row, column) is at row * row_stride + column * pixel_stride."""

    file: str
    sha256: str
    offset: int
    row_stride: int
    pixel_stride: int


class YuvCase(Record, frozen=True, kw_only=True):
    """One vector: a frame of `width` x `height` as stored, to be turned clockwise by `rotation` degrees."""

    name: str
    spec: Preprocess
    io: TensorIO
    width: int
    height: int
    rotation: Literal[0, 90, 180, 270]
    y: Plane
    u: Plane
    v: Plane
    expected: GoldenTensor


class YuvIndex(Record, frozen=True, kw_only=True):
    """All of `yuv.json`."""

    format_version: int
    cases: tuple[YuvCase, ...]


class ColoredCase(YuvCase, frozen=True, kw_only=True):
    """One vector whose numbers become RGB by another of `COLORS`."""

    colors: str


class ColoredIndex(Record, frozen=True, kw_only=True):
    """All of `yuv_apple.json`."""

    format_version: int
    cases: tuple[ColoredCase, ...]


@dataclass(frozen=True, slots=True)
class Colors:
    """How Y, U and V become RGB, in 16-bit fixed point; the names are those of docs/preprocessing.md."""

    black: int
    light: int
    red_v: int
    green_u: int
    green_v: int
    blue_u: int


COLORS = {
    "bt601_full": Colors(0, 65536, 91881, 22554, 46802, 116130),  # the constants of libjpeg's jdcolor.c
    "bt601_video": Colors(16, 76309, 104597, 25675, 53279, 132201),
    "bt709_full": Colors(0, 65536, 103206, 12276, 30679, 121609),
    "bt709_video": Colors(16, 76309, 117489, 13975, 34925, 138438),
}
FULL = COLORS["bt601_full"]


def to_rgb(y: np.ndarray, u: np.ndarray, v: np.ndarray, colors: Colors = FULL) -> np.ndarray:
    """H x W x 3 bytes of planes of one size."""
    light = (y.astype(np.int32) - colors.black) * colors.light + 32768
    blue, red = (plane.astype(np.int32) - 128 for plane in (u, v))
    green = light - colors.green_u * blue - colors.green_v * red
    channels = (light + colors.red_v * red, green, light + colors.blue_u * blue)
    return np.stack([(channel >> 16).clip(0, 255).astype(np.uint8) for channel in channels], -1)


def upright(y: np.ndarray, u: np.ndarray, v: np.ndarray, rotation: int, colors: Colors = FULL) -> np.ndarray:
    """The upright picture of a frame: each pixel takes the chrominance of its block of 2 x 2."""
    height, width = y.shape
    wide = (plane.repeat(2, 0).repeat(2, 1)[:height, :width] for plane in (u, v))
    return np.ascontiguousarray(np.rot90(to_rgb(y, *wide, colors), ROTATIONS[rotation]))


def read_plane(plane: Plane, height: int, width: int) -> np.ndarray:
    """The pixels of a plane, without what is between them."""
    data = np.frombuffer((FOLDER / plane.file).read_bytes(), np.uint8)[plane.offset :]
    place = np.arange(height)[:, None] * plane.row_stride + np.arange(width) * plane.pixel_stride
    pixels: np.ndarray = data[place]
    return pixels


def run(case: YuvCase) -> np.ndarray:
    """What the reference makes of a case today."""
    half = (case.height + 1) // 2, (case.width + 1) // 2
    y = read_plane(case.y, case.height, case.width)
    u, v = (read_plane(plane, *half) for plane in (case.u, case.v))
    colors = COLORS[case.colors] if isinstance(case, ColoredCase) else FULL
    return Preprocessor(case.spec, case.io)(upright(y, u, v, case.rotation, colors))


@dataclass(frozen=True, slots=True)
class Memory:
    """How a frame lies in memory: bytes between rows of Y and of U and V, and whether U and V alternate (NV21)."""

    name: str
    y_stride: int
    uv_stride: int
    alternate: bool


SHAPES = {"even": (22, 30), "odd": (23, 31)}  # height, width
MEMORIES = (Memory("planar", 32, 16, alternate=False), Memory("nv21", 40, 36, alternate=True))
INT8 = QuantParams(scale=1 / 128, zero_point=0)
TO_INT8 = Preprocess(size=(12, 10), normalize=Normalize(preset="tf", scale=(0.007843138,), offset=(-1.0,)))
SPECS = {
    "same": Preprocess(),
    "int8": TO_INT8,
    "crop_gray": msgspec.structs.replace(TO_INT8, color="gray", fit=Fit(mode="crop", fraction=0.875)),
    "tf_letterbox_bgr": Preprocess(
        size=(16, 16), color="bgr", fit=Fit(mode="letterbox", pad=(114,)), resize=Resize(semantics="tf")
    ),
}


def make() -> YuvIndex:
    """Write the planes and the expected tensors."""
    (FOLDER / "yuv").mkdir(exist_ok=True)
    cases = []
    for (shape, size), memory in product(SHAPES.items(), MEMORIES):
        planes = _planes(f"{shape}_{memory.name}", *size, memory)
        for (spec_name, spec), rotation in product(SPECS.items(), ROTATIONS):
            if spec.size is None or shape == "odd":
                cases.append(_case(f"{shape}_{memory.name}_{spec_name}_{rotation}", spec, rotation, size, planes))
    return YuvIndex(format_version=FORMAT_VERSION, cases=tuple(cases))


def make_apple() -> ColoredIndex:
    """Write the expected tensors of the frames that Apple's cameras give: CbCr alternating, full or video range."""
    size = SHAPES["odd"]
    planes = _planes("odd_nv21", *size, MEMORIES[1])
    y, v, u = planes  # U before V, as NV12 has it
    cases = []
    for colors, spec_name, rotation in product(COLORS, ("same", "int8"), (0, 90)):
        made = _case(f"apple_{colors}_{spec_name}_{rotation}", SPECS[spec_name], rotation, size, (y, u, v), colors)
        cases.append(made)
    return ColoredIndex(format_version=FORMAT_VERSION, cases=tuple(cases))


def _case(
    name: str,
    spec: Preprocess,
    rotation: int,
    shape: tuple[int, int],
    planes: tuple[Plane, Plane, Plane],
    colors: str | None = None,
) -> Any:
    if spec.size is None:
        spec = msgspec.structs.replace(spec, size=shape[::-1] if rotation in {90, 270} else shape)
    integers = spec.normalize.preset is not None
    channels = 1 if spec.color == "gray" else 3
    io = TensorIO(
        name="input",
        tensor="input",
        shape=(1, *(spec.size or (0, 0)), channels),
        dtype="int8" if integers else "float32",
        layout="NHWC",
        quantization=INT8 if integers else None,
    )
    file = f"yuv/{name}.bin"
    empty = GoldenTensor(file=file, sha256="", shape=io.shape, dtype=io.dtype)
    y, u, v = planes
    kind, more = (YuvCase, {}) if colors is None else (ColoredCase, {"colors": colors})
    case: YuvCase = kind(
        name=name,
        spec=spec,
        io=io,
        width=shape[1],
        height=shape[0],
        rotation=rotation,
        y=y,
        u=u,
        v=v,
        expected=empty,
        **more,
    )
    data = little_endian(run(case))
    (FOLDER / file).write_bytes(data)
    return msgspec.structs.replace(case, expected=msgspec.structs.replace(empty, sha256=sha256(data)))


def _planes(name: str, height: int, width: int, memory: Memory) -> tuple[Plane, Plane, Plane]:
    """Noise, with the extremes of all three in the first block; the bytes between rows are noise, too."""
    random = np.random.default_rng(601)
    tall = (height + 1) // 2
    light = random.integers(0, 256, (height, memory.y_stride), np.uint8)
    light[0, :4] = 0, 255, 0, 255
    color = random.integers(
        0, 256, (tall, 2 * memory.uv_stride if not memory.alternate else memory.uv_stride), np.uint8
    )
    color[0, :4] = 0, 255, 255, 0
    y = _plane(f"yuv/{name}_y.bin", light.tobytes(), 0, memory.y_stride, 1)
    step = 2 if memory.alternate else 1
    stride = color.shape[1]
    uv = f"yuv/{name}_uv.bin"
    v, u = (_plane(uv, color.tobytes(), offset, stride, step) for offset in (0, 1 if memory.alternate else stride // 2))
    return y, u, v


def _plane(file: str, data: bytes, offset: int, row_stride: int, pixel_stride: int) -> Plane:
    (FOLDER / file).write_bytes(data)
    return Plane(file=file, sha256=sha256(data), offset=offset, row_stride=row_stride, pixel_stride=pixel_stride)


def main() -> int:
    """Write everything."""
    for place, index in ((INDEX, make()), (APPLE, make_apple())):
        place.write_bytes(msgspec.json.format(msgspec.json.encode(index), indent=1) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
