"""Cameras of microcontrollers: the size and the format of their frames, as `--camera` names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import UsageError
from edgecv_runtime.preprocess.gather import gray

Bytes = npt.NDArray[np.uint8]
MOST_BYTES: Final = 4 << 20  # of a frame: more than any microcontroller has for one
_TEXT: Final = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})(?::([a-z0-9_]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFormat:
    """One format of frames.

    Attributes:
        name: The name on the command line.
        meaning: The bytes of a pixel, in a few words.
        reader: The C function that reads it.
        colors: The C constant with which it becomes red, green and blue; None where it is that already, or gray.
        pixel: The bytes of a pixel.
        planes: The numbers of a pixel that the reader gives: 3, or 1 for gray.
        pairs: Whether two pixels share their colour, so that the width must be even.
        encode: Makes a frame, (height, bytes of a row), of a picture of height x width x 3.
        decode: Makes the picture that a frame means, height x width x 3.
    """

    name: str
    meaning: str
    reader: str
    colors: str | None = None
    pixel: int
    planes: int = 3
    pairs: bool = False
    encode: Callable[[Bytes], Bytes]
    decode: Callable[[Bytes], Bytes]


@dataclass(frozen=True, slots=True)
class Camera:
    """The frames of a camera: their size in pixels, and their format."""

    height: int
    width: int
    format: CameraFormat

    @property
    def stride(self) -> int:
        """The bytes of a row; a pair of pixels that share their colour is whole."""
        columns = self.width + self.width % 2 if self.format.pairs else self.width
        return columns * self.format.pixel

    def __str__(self) -> str:
        return f"{self.width}x{self.height}:{self.format.name}"


def parse_camera(text: str) -> Camera:
    """Return the camera of `WIDTHxHEIGHT` or `WIDTHxHEIGHT:FORMAT`, whose format is rgb888 where none is named.

    Raises:
        UsageError: That is no camera; the hint says how to write one.
    """
    found = _TEXT.fullmatch(text)
    if found is None or (found[3] or "rgb888") not in FORMATS:
        raise UsageError(
            f"--camera {text!r} is no camera", f"Write WIDTHxHEIGHT:FORMAT, FORMAT one of {', '.join(FORMATS)}"
        )
    return Camera(int(found[2]), int(found[1]), FORMATS[found[3] or "rgb888"])


def check_camera(camera: Camera) -> None:
    """See that there can be such frames.

    Raises:
        UsageError: They are too large, or two pixels share their colour and the width is odd.
    """
    size = camera.height * camera.stride
    if size > MOST_BYTES:
        raise UsageError(
            f"a frame of {camera} has {size:,} bytes, more than the {MOST_BYTES:,} that an export takes",
            "Name the frames of your camera: --camera WIDTHxHEIGHT:FORMAT",
        )
    if camera.format.pairs and camera.width % 2:
        raise UsageError(f"{camera} has an odd width, and two pixels share their colour", "Name an even width")


def _as_bytes(picture: Bytes) -> Bytes:
    return np.ascontiguousarray(picture).reshape(len(picture), -1)


def _as_pixels(frame: Bytes) -> Bytes:
    return frame.reshape(len(frame), -1, 3)


def _swapped(picture: Bytes) -> Bytes:
    return picture[..., ::-1]


def _to_gray8(picture: Bytes) -> Bytes:
    return np.asarray(gray(picture.transpose(2, 0, 1)), np.uint8)


def _from_gray8(frame: Bytes) -> Bytes:
    return np.repeat(frame[..., None], 3, axis=2)


def _to_565(order: str) -> Callable[[Bytes], Bytes]:
    def encode(picture: Bytes) -> Bytes:
        red, green, blue = (picture[..., channel].astype(np.uint16) for channel in range(3))
        pixels = (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3
        return np.ascontiguousarray(pixels.astype(f"{order}u2")).view(np.uint8).reshape(len(picture), -1)

    return encode


def _from_565(order: str) -> Callable[[Bytes], Bytes]:
    def decode(frame: Bytes) -> Bytes:
        pixels = np.ascontiguousarray(frame).view(f"{order}u2").astype(np.uint16)
        red, green, blue = pixels >> 11, pixels >> 5 & 63, pixels & 31
        channels = (red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2)
        return np.stack(channels, -1).astype(np.uint8)

    return decode


@dataclass(frozen=True, slots=True)
class ColorNumbers:
    """The whole numbers with which Y, U and V become colours (docs/preprocessing.md, "Camera frames")."""

    black: int
    light: int
    red_v: int
    green_u: int
    green_v: int
    blue_u: int

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """The three rows that make red, green and blue of Y, U and V."""
        rows = ((self.light, 0, self.red_v), (self.light, -self.green_u, -self.green_v), (self.light, self.blue_u, 0))
        return np.asarray(rows, np.float64) / 65536


FULL: Final = ColorNumbers(0, 65536, 91881, 22554, 46802, 116130)
VIDEO: Final = ColorNumbers(16, 76309, 104597, 25675, 53279, 132201)


def _to_yuv(numbers: ColorNumbers, luma: int) -> Callable[[Bytes], Bytes]:
    """Return what makes frames whose Y is at the byte `luma` of each two, and whose U comes before V."""

    def encode(picture: Bytes) -> Bytes:
        inverse = np.linalg.inv(numbers.matrix)
        yuv = picture.astype(np.float64) @ inverse.T + (numbers.black, 128, 128)
        chroma = yuv[..., 1:].reshape(len(picture), -1, 2, 2).mean(axis=2)
        frame = np.empty((*picture.shape[:2], 2))
        frame[..., luma] = yuv[..., 0]
        frame[..., 1 - luma] = chroma.reshape(len(picture), -1)
        return _as_bytes(np.rint(frame).clip(0, 255).astype(np.uint8))

    return encode


def _from_yuv(numbers: ColorNumbers, luma: int) -> Callable[[Bytes], Bytes]:
    def decode(frame: Bytes) -> Bytes:
        pairs = frame.reshape(len(frame), -1, 2, 2).astype(np.int32)
        light = (pairs[..., luma] - numbers.black) * numbers.light + 32768
        u, v = (pairs[:, :, which, 1 - luma, None] - 128 for which in (0, 1))
        green = light - numbers.green_u * u - numbers.green_v * v
        channels: tuple[npt.NDArray[Any], ...] = (light + numbers.red_v * v, green, light + numbers.blue_u * u)
        return np.stack([(one >> 16).clip(0, 255).astype(np.uint8).reshape(len(frame), -1) for one in channels], -1)

    return decode


def _yuv(name: str, luma: int, numbers: ColorNumbers, constant: str) -> CameraFormat:
    order, span = ("Y, U, Y, V", "U, Y, V, Y")[luma], "full" if numbers is FULL else "video"
    return CameraFormat(
        name=name,
        meaning=f"two pixels as {order}, BT.601, {span} range",
        reader=f"edgecv_read_{name.partition('_')[0]}",
        colors=constant,
        pixel=2,
        pairs=True,
        encode=_to_yuv(numbers, luma),
        decode=_from_yuv(numbers, luma),
    )


def _packed(order: str, name: str, meaning: str) -> CameraFormat:
    return CameraFormat(
        name=name,
        meaning=meaning,
        reader=f"edgecv_read_{name}",
        pixel=2,
        encode=_to_565(order),
        decode=_from_565(order),
    )


_ALL: Final = (
    CameraFormat(
        name="rgb888", meaning="R, G, B", reader="edgecv_read_rgb888", pixel=3, encode=_as_bytes, decode=_as_pixels
    ),
    CameraFormat(
        name="bgr888",
        meaning="B, G, R",
        reader="edgecv_read_bgr888",
        pixel=3,
        encode=lambda picture: _as_bytes(_swapped(picture)),
        decode=lambda frame: _swapped(_as_pixels(frame)),
    ),
    _packed("<", "rgb565le", "5, 6 and 5 bits in two bytes, the low one first"),
    _packed(">", "rgb565be", "5, 6 and 5 bits in two bytes, the high one first"),
    CameraFormat(
        name="gray8",
        meaning="one byte",
        reader="edgecv_read_gray8",
        pixel=1,
        planes=1,
        encode=_to_gray8,
        decode=_from_gray8,
    ),
    _yuv("yuyv", 0, FULL, "edgecv_bt601_full"),
    _yuv("uyvy", 1, FULL, "edgecv_bt601_full"),
    _yuv("yuyv_video", 0, VIDEO, "edgecv_bt601_video"),
    _yuv("uyvy_video", 1, VIDEO, "edgecv_bt601_video"),
)
FORMATS: Final[Mapping[str, CameraFormat]] = {one.name: one for one in _ALL}
"""Every format by its name."""
