"""The meaning of a preprocessing once more, from Pillow, TensorFlow and plain NumPy: nothing here is edgecv's code.

Only the records that say what to do are shared. Written for being obviously right, not for speed.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import PIL
from edgecv_runtime.schema import Preprocess, TensorIO
from PIL import Image

LEVEL = 1e-4  # how far TensorFlow's own arithmetic may be away, in grey levels
TF_METHODS = {"nearest": "nearest", "bilinear": "bilinear", "bicubic": "bicubic", "lanczos": "lanczos3", "box": "area"}
PILLOW_BEFORE_13 = int(PIL.__version__.split(".")[0]) < 13
INTEGER_LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


def from_pixels(pixels: np.ndarray, orientation: int, spec: Preprocess) -> np.ndarray:
    """Normalized float32, H x W x C, of a decoded picture (bytes, height x width x 1 or 3)."""
    return normalize(levels(pixels, orientation, spec), spec)


def levels(pixels: np.ndarray, orientation: int, spec: Preprocess) -> np.ndarray:
    """Grey levels before they are normalized, in the colour order of `spec`."""
    upright = turn(pixels, orientation) if spec.orientation == "exif" else pixels
    return fit(colored(upright, spec.color), spec)


def turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """EXIF 2.3, 4.6.4: row 0 and column 0 of the stored picture are these sides of the upright one."""
    return {
        1: lambda p: p,  # top, left
        2: lambda p: p[:, ::-1],  # top, right
        3: lambda p: p[::-1, ::-1],  # bottom, right
        4: lambda p: p[::-1],  # bottom, left
        5: lambda p: p.swapaxes(0, 1),  # left, top
        6: lambda p: p.swapaxes(0, 1)[:, ::-1],  # right, top
        7: lambda p: p.swapaxes(0, 1)[::-1, ::-1],  # right, bottom
        8: lambda p: p.swapaxes(0, 1)[::-1],  # left, bottom
    }[orientation](pixels)


def colored(pixels: np.ndarray, color: str) -> np.ndarray:
    """One channel or three, bytes."""
    three = pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)
    if color == "gray":
        red, green, blue = (three[..., c].astype(np.int64) for c in range(3))
        return ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16).astype(np.uint8)[..., None]
    return three if color == "rgb" else three[..., ::-1]


def fit(pixels: np.ndarray, spec: Preprocess) -> np.ndarray:
    """To the input's size, by the definitions of docs/preprocessing.md in exact fractions."""
    (height, width), (h, w) = spec.size or (0, 0), pixels.shape[:2]
    if spec.fit.mode == "stretch":
        return resize(pixels, height, width, spec)
    if spec.fit.mode == "crop":
        side = max(1, floor(min(h, w) * (1.0 if spec.fit.fraction is None else spec.fit.fraction) + 0.5))
        top, left = (h - side) // 2, (w - side) // 2
        return resize(pixels[top : top + side, left : left + side], height, width, spec)
    if spec.fit.mode == "resize_crop":
        shorter = spec.fit.shorter or 0
        h, w = (shorter, shorter * w // h) if h < w else (shorter * h // w, shorter)
        canvas = np.zeros((height, width, pixels.shape[2]), np.float32)
        return paste(canvas, resize(pixels, h, w, spec), centre(height, h), centre(width, w))
    scale = min(Fraction(height, h), Fraction(width, w))
    h, w = (max(1, floor(side * scale + Fraction(1, 2))) for side in (h, w))
    canvas = np.empty((height, width, pixels.shape[2]), np.float32)
    canvas[:] = spec.fit.pad or 0
    return paste(canvas, resize(pixels, h, w, spec), (height - h) // 2, (width - w) // 2)


def centre(want: int, have: int) -> int:
    """Where a side begins in the input: after half the padding, or before it by half the surplus, half to even."""
    return (want - have) // 2 if have < want else -round(Fraction(have - want, 2))


def paste(canvas: np.ndarray, pixels: np.ndarray, top: int, left: int) -> np.ndarray:
    """Put a picture on the canvas; what lies outside is lost."""
    height, width = canvas.shape[:2]
    seen = pixels[max(0, -top) : height - top, max(0, -left) : width - left]
    top, left = max(0, top), max(0, left)
    canvas[top : top + seen.shape[0], left : left + seen.shape[1]] = seen
    return canvas


def resize(pixels: np.ndarray, height: int, width: int, spec: Preprocess) -> np.ndarray:
    """Pillow's or TensorFlow's own function; float32."""
    if spec.resize.semantics == "pillow":
        image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
        kernel = Image.Resampling[spec.resize.kernel.upper()]
        resized = (in_passes if PILLOW_BEFORE_13 else Image.Image.resize)(image, (width, height), kernel)
        return np.asarray(resized).reshape(height, width, -1).astype(np.float32)
    import tensorflow as tf

    resized = tf.image.resize(pixels, (height, width), TF_METHODS[spec.resize.kernel], antialias=False)
    return np.asarray(resized.numpy(), np.float32)


def in_passes(image: Image.Image, size: tuple[int, int], kernel: Image.Resampling) -> Image.Image:
    """One axis at a time in Pillow 13's order, so that every Pillow gives the same (nearest has no order)."""
    (width, height), (w, h) = size, image.size
    vertical_first = h - height > 0 and h - height > 2 * (w - width)
    middle = (w, height) if vertical_first else (width, h)
    if kernel != Image.Resampling.NEAREST:
        image = image.resize(middle, kernel)
    return image.resize(size, kernel)


def normalize(values: np.ndarray, spec: Preprocess) -> np.ndarray:
    """Two float32 operations."""
    scaled = values.astype(np.float32) * np.array(spec.normalize.scale, np.float32)
    return scaled + np.array(spec.normalize.offset, np.float32)


def batched(values: np.ndarray, io: TensorIO) -> np.ndarray:
    """Values without a batch in the layout of the artifact's input; (1, H, W) has no channel axis."""
    batch = (values.transpose(2, 0, 1) if io.layout == "NCHW" else values)[None]
    return batch.reshape(io.shape)


def finish(values: np.ndarray, io: TensorIO) -> np.ndarray:
    """The layout, the batch and the dtype of the artifact's input, of normalized values without a batch."""
    batch = batched(values, io)
    if io.dtype not in INTEGER_LIMITS:
        return batch.astype(io.dtype)
    assert io.quantization is not None
    steps = np.round(batch / np.float32(io.quantization.scale)).astype(np.float64) + io.quantization.zero_point
    return np.clip(steps, *INTEGER_LIMITS[io.dtype]).astype(io.dtype)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal in shape, dtype and every bit (so that -0.0 is not 0.0)."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
