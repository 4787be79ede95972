"""The pictures that the vectors start from: small, made from whole numbers, the same on every machine."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from edgecv_runtime.schema import Depth
from PIL import Image

from tests.golden.format import ORIENTATION, mesh


@dataclass(frozen=True)
class Source:
    """A decoded picture as stored (bytes, height x width x 1 or 3), and the file that it was decoded from, if any."""

    name: str
    pixels: np.ndarray
    formula: str | None = None
    suffix: str = ""
    data: bytes = b""
    orientation: int = 1
    depth: Depth = "shift"


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Every byte a hash of its place."""
    value = np.arange(height * width * channels, dtype=np.uint64) * 2654435761 % 2**32
    for shift in (15, 13):
        value = (value ^ (value >> np.uint64(shift))) * np.uint64(2246822519) % 2**32
    return (value >> np.uint64(24)).astype(np.uint8).reshape(height, width, channels)


def all_bytes() -> np.ndarray:
    """16 x 16 x 3 in which each channel holds every byte once."""
    grays = np.arange(256)
    return np.stack([grays, grays[::-1], grays * 167 % 256], -1).astype(np.uint8).reshape(16, 16, 3)


def scene(height: int, width: int) -> np.ndarray:
    """Smooth ramps with hard edges: what an encoder is made for."""
    return mesh(height * 8, width * 8, 3)[::8, ::8]


def encoded(
    name: str,
    image: Image.Image,
    kind: str,
    *,
    suffix: str | None = None,
    orientation: int = 1,
    depth: Depth = "shift",
    **options: object,
) -> Source:
    """A picture file and what Pillow decodes from it: RGB, or one channel where the file is gray."""
    if orientation != 1:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        options["exif"] = exif
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    stored = Image.open(buffer)
    if stored.mode == "I;16":
        values = np.asarray(stored)
        pixels = (values >> 8 if depth == "shift" else values.clip(0, 255)).astype(np.uint8)[..., None]
    elif stored.mode in {"L", "1"}:
        pixels = np.asarray(stored.convert("L"))[..., None]
    else:
        stored.info.pop("transparency", None)
        pixels = np.asarray(stored.convert("RGB"))
    ending = suffix or f".{kind.lower()}"
    return Source(name, pixels, suffix=ending, data=buffer.getvalue(), orientation=orientation, depth=depth)


def raw_sources() -> list[Source]:
    """Pictures without a file."""
    return [
        Source("noise", noise(23, 31)),
        Source("tall", noise(40, 9)),
        Source("gray_noise", noise(14, 18, 1)),
        Source("bytes", all_bytes()),
        Source("gray_bytes", all_bytes()[..., :1]),
        Source("pixel", noise(1, 1)),
        Source("row", noise(1, 37)),
        Source("column", noise(29, 1)),
        Source("huge", mesh(3000, 4000, 3), formula="mesh"),
        Source("photo", mesh(375, 500, 3), formula="mesh"),
    ]


def turned_sources() -> list[Source]:
    """One picture in the eight orientations; PNG, so that every stored pixel is the same."""
    image = Image.fromarray(noise(9, 14))
    return [encoded(f"turned_{n}", image, "PNG", orientation=n) for n in range(1, 9)]


def file_sources() -> list[Source]:
    """Every kind of file and of pixel."""
    image = Image.fromarray(scene(26, 34))
    alpha = image.convert("RGBA")
    alpha.putalpha(Image.fromarray(noise(26, 34, 1)[..., 0]))
    palette = image.quantize(16, Image.Quantize.MEDIANCUT)
    wide = noise(26, 34, 1)[..., 0].astype(np.uint16) * 256 + 255 - noise(26, 34, 1)[..., 0]
    return [
        encoded("gray", image.convert("L"), "PNG"),
        encoded("gray_jpeg", image.convert("L"), "JPEG", suffix=".jpg", quality=90),
        encoded("bilevel", image.convert("L").point(lambda v: 255 * (v > 99)).convert("1"), "PNG"),
        encoded("gray_alpha", alpha.convert("LA"), "PNG"),
        encoded("gray_16bit", Image.fromarray(wide), "PNG"),
        encoded("gray_16bit_clipped", Image.fromarray(wide // 200), "PNG", depth="clip"),
        encoded("palette", palette, "PNG"),
        encoded("palette_transparent", palette, "PNG", transparency=bytes(range(0, 256, 16))),
        encoded("alpha", alpha, "PNG"),
        encoded("cmyk", image.convert("CMYK"), "JPEG", suffix=".jpg", quality=90),
        encoded("jpeg_420", image, "JPEG", suffix=".jpg", quality=75, subsampling=2),
        encoded("jpeg_444", image, "JPEG", suffix=".jpg", quality=95, subsampling=0),
        encoded("jpeg_progressive", image, "JPEG", suffix=".jpg", quality=75, progressive=True),
        encoded("jpeg_turned", image, "JPEG", suffix=".jpg", quality=75, orientation=6),
        encoded("gif", palette, "GIF"),
        encoded("webp", image, "WEBP", lossless=True),
        encoded("webp_lossy", image, "WEBP", quality=80),
        encoded("bmp", image, "BMP"),
        encoded("tiff", image, "TIFF", compression="tiff_lzw"),
        encoded("ppm", image, "PPM"),
    ]
