"""Pictures made from calibration pictures: mirrored, shifted, mixed with another, lit differently."""

from __future__ import annotations

import numpy as np

from edgecv_converters.tflite.reader import Array

LARGEST_SHIFT = 1 / 8  # of the picture's side
LIGHT, CONTRAST = 0.1, 0.2  # of the range of values; of 1


def augmented(pictures: Array, low: float, high: float, rng: np.random.Generator) -> Array:
    """Change every picture of a batch (N, H, W, C) at random; values stay in `low` to `high`."""
    count, height, width, _ = pictures.shape
    mirrored = np.where(rng.random((count, 1, 1, 1)) < 0.5, pictures[:, :, ::-1], pictures)
    rows = _shifted(height, count, rng)[:, :, None]
    columns = _shifted(width, count, rng)[:, None, :]
    moved = mirrored[np.arange(count)[:, None, None], rows, columns]
    share = np.where(rng.random(count) < 0.5, 1.0, rng.beta(1.0, 1.0, count)).astype(np.float32)[:, None, None, None]
    mixed = share * moved + (1 - share) * moved[rng.permutation(count)]
    gain = rng.uniform(1 - CONTRAST, 1 + CONTRAST, (count, 1, 1, 1))
    offset = rng.uniform(-LIGHT, LIGHT, (count, 1, 1, 1)) * (high - low)
    middle = mixed.mean(axis=(1, 2, 3), keepdims=True)
    lit: Array = np.clip((mixed - middle) * gain + middle + offset, low, high).astype(np.float32)
    return lit


def _shifted(size: int, count: int, rng: np.random.Generator) -> Array:
    """For each picture the rows (or columns) to read, shifted by up to an eighth and mirrored at the edge."""
    most = max(1, int(size * LARGEST_SHIFT)) if size > 1 else 0
    places = np.arange(size)[None] + rng.integers(-most, most + 1, (count, 1))
    mirrored: Array = size - 1 - np.abs(size - 1 - np.abs(places))
    return mirrored
