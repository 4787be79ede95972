"""The fits: how a picture of any shape becomes one of the input's size."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from edgecv_runtime.errors import ImageError
from edgecv_runtime.preprocess.resample import resample
from edgecv_runtime.schema import Preprocess

MAX_SCALED = 1 << 28  # pixels; a thread-thin picture scaled by its short side would need more memory than there is


def fit(image: Image.Image, spec: Preprocess, size: tuple[int, int]) -> np.ndarray:
    """Bring a picture to `size` (height, width): H x W x C in the colour order of `spec`, uint8 or float32.

    Raises:
        ImageError: The picture is so thin that its scaled form does not fit in memory.
    """
    pixels = FITS[spec.fit.mode](image, spec, size)
    return pixels[..., ::-1] if spec.color == "bgr" else pixels


def _stretch(image: Image.Image, spec: Preprocess, size: tuple[int, int]) -> np.ndarray:
    return resample(image, size, spec.resize)


def _crop(image: Image.Image, spec: Preprocess, size: tuple[int, int]) -> np.ndarray:
    side = max(1, math.floor(min(image.size) * (spec.fit.fraction or 1.0) + 0.5))
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return resample(image.crop((left, top, left + side, top + side)), size, spec.resize)


def _resize_crop(image: Image.Image, spec: Preprocess, size: tuple[int, int]) -> np.ndarray:
    """Torchvision's `Resize(shorter)` and `CenterCrop(size)`: the long side truncated, the offset rounded half to even.

    Where the scaled picture is smaller than the crop, torchvision pads with zeros; so does this.
    """
    shorter = spec.fit.shorter or min(size)
    short, long = min(image.size), max(image.size)
    scaled = int(shorter * long / short)
    if shorter * scaled > MAX_SCALED:
        raise ImageError(
            f"the picture of {image.width} x {image.height} pixels is too thin for fit.mode = 'resize_crop'",
            "Leave it out, or use another fit.mode",
        )
    width, height = (shorter, scaled) if image.width <= image.height else (scaled, shorter)
    pixels = resample(image, (height, width), spec.resize)
    pad = [max(0, want - have) for want, have in zip(size, (height, width), strict=True)]
    if any(pad):
        pixels = np.pad(pixels, [*((p // 2, (p + 1) // 2) for p in pad), (0, 0)])
    top, left = (round((have - want) / 2.0) for have, want in zip(pixels.shape, size, strict=False))
    return pixels[top : top + size[0], left : left + size[1]]


def _letterbox(image: Image.Image, spec: Preprocess, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    inner = _letterbox_size(image.height, image.width, height, width)
    scaled = resample(image, inner, spec.resize)
    pad = spec.fit.pad or (0,)
    out = np.empty((height, width, scaled.shape[2]), scaled.dtype)
    out[:] = np.asarray(pad[::-1] if spec.color == "bgr" else pad, scaled.dtype)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    out[top : top + inner[0], left : left + inner[1]] = scaled
    return out


def _letterbox_size(h: int, w: int, height: int, width: int) -> tuple[int, int]:
    """The largest size of the same shape that fits, rounded half up in integer arithmetic, at least one pixel."""
    if width * h <= height * w:
        return max(1, (2 * h * width + w) // (2 * w)), width
    return height, max(1, (2 * w * height + h) // (2 * h))


FITS = {"stretch": _stretch, "crop": _crop, "resize_crop": _resize_crop, "letterbox": _letterbox}
