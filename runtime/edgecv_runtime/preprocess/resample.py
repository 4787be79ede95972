"""Resizing with the arithmetic of Pillow, or of `tf.image.resize` without antialiasing."""

from __future__ import annotations

import numpy as np
from PIL import Image

from edgecv_runtime.preprocess import taps
from edgecv_runtime.schema import Resize

PILLOW = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}


def resample(image: Image.Image, size: tuple[int, int], resize: Resize) -> np.ndarray:
    """Scale to `size` (height, width): H x W x C, uint8 for Pillow's semantics, float32 for TensorFlow's."""
    height, width = size
    if resize.semantics == "pillow":
        return as_array(_pillow(image, width, height, PILLOW[resize.kernel]))
    return TENSORFLOW[resize.kernel](as_array(image), height, width)


def as_array(image: Image.Image) -> np.ndarray:
    """Pixels as H x W x C uint8."""
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _pillow(image: Image.Image, width: int, height: int, kernel: Image.Resampling) -> Image.Image:
    """Pillow 13's order of the two passes with every Pillow: before 13 the horizontal one always came first.

    Source: `ImagingResampleInner` in Pillow 13.0.0, src/libImaging/Resample.c.
    """
    across, down = image.width - width, image.height - height
    if across and down and kernel != Image.Resampling.NEAREST:
        first = (image.width, height) if down > max(0, 2 * across) else (width, image.height)
        image = image.resize(first, kernel)
    return image.resize((width, height), kernel)


def _nearest(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = taps.nearest(pixels.shape[0], height), taps.nearest(pixels.shape[1], width)
    taken: np.ndarray = pixels[rows[:, None], columns[None, :]]
    return taken.astype(np.float32)


def _bilinear(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Horizontally first, then vertically, each as low + (high - low) * share."""
    top, bottom, fy = taps.bilinear(pixels.shape[0], height)
    left, right, fx = taps.bilinear(pixels.shape[1], width)
    used, place = np.unique(np.concatenate([top, bottom]), return_inverse=True)
    rows = pixels[used]
    across = _mix(rows[:, left].astype(np.float32), rows[:, right].astype(np.float32), fx[None, :, None])
    return _mix(across[place[:height]], across[place[height:]], fy[:, None, None])


def _mix(low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Low + (high - low) * share, in place of `high`."""
    high -= low
    high *= share
    high += low
    return high


def _bicubic(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    return _across(_down(pixels, taps.bicubic(pixels.shape[0], height)), taps.bicubic(pixels.shape[1], width))


def _lanczos(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    return _across(_down(pixels, taps.lanczos(pixels.shape[0], height)), taps.lanczos(pixels.shape[1], width))


def _box(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    values = _down(_across(pixels, taps.box(pixels.shape[1], width)), taps.box(pixels.shape[0], height))
    values *= taps.box_share(pixels.shape[:2], (height, width))
    return values


def _down(pixels: np.ndarray, along: taps.Taps) -> np.ndarray:
    """The weighted sums of rows: out x W x C float32."""
    weights = along.weight[:, :, None, None]
    total: np.ndarray = pixels[along.index[0]] * weights[0]
    for index, weight in zip(along.index[1:], weights[1:], strict=True):
        total += pixels[index] * weight
    return total


def _across(pixels: np.ndarray, along: taps.Taps) -> np.ndarray:
    """The weighted sums of columns: H x out x C float32."""
    weights = along.weight[:, None, :, None]
    total: np.ndarray = pixels[:, along.index[0]] * weights[0]
    for index, weight in zip(along.index[1:], weights[1:], strict=True):
        total += pixels[:, index] * weight
    return total


TENSORFLOW = {"nearest": _nearest, "bilinear": _bilinear, "bicubic": _bicubic, "lanczos": _lanczos, "box": _box}
