"""Resizing with the arithmetic of Pillow, or of `tf.image.resize` without antialiasing."""

from __future__ import annotations

import numpy as np
from PIL import Image

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
        return as_array(image.resize((width, height), PILLOW[resize.kernel]))
    pixels = as_array(image)
    if resize.kernel == "nearest":
        return _tf_nearest(pixels, height, width).astype(np.float32)
    return _tf_bilinear(pixels, height, width)


def as_array(image: Image.Image) -> np.ndarray:
    """Pixels as H x W x C uint8."""
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _tf_nearest(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Half-pixel centres: floor((i + 0.5) * in / out), as TensorFlow's `ResizeNearestNeighbor`."""
    rows, columns = (
        np.minimum(np.floor((np.arange(out, dtype=np.float32) + np.float32(0.5)) * _scale(n, out)), n - 1).astype(int)
        for n, out in ((pixels.shape[0], height), (pixels.shape[1], width))
    )
    return np.asarray(pixels[rows[:, None], columns[None, :]])


def _tf_bilinear(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Source: tensorflow/core/kernels/image/resize_bilinear_op.cc: horizontal lerp first, then vertical, in float32."""
    top, bottom, fy = _lerp(pixels.shape[0], height)
    left, right, fx = _lerp(pixels.shape[1], width)
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


def _lerp(size: int, out: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    at = (np.arange(out, dtype=np.float32) + np.float32(0.5)) * _scale(size, out) - np.float32(0.5)
    floor = np.floor(at)
    low = np.maximum(floor, 0).astype(np.int64)
    high = np.minimum(np.ceil(at), size - 1).astype(np.int64)
    return low, high, (at - floor).astype(np.float32)


def _scale(size: int, out: int) -> np.float32:
    return np.float32(size) / np.float32(out)
