"""Data for the zoo's models with other inputs or answers than a picture and its class: drawn, the same for a seed.

Every function takes (count, seed) and returns the arrays of the model's inputs, and the truth by the name of its head.
Pictures are 0..1 unless said otherwise.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks import zoo_data

Arrays = dict[str, npt.NDArray[Any]]
WORDS, LENGTH = 2000, 32
NOT, GOOD, BAD = 1, np.arange(2, 60), np.arange(60, 118)
COMPONENTS = 100
SCALE = 3
# Which fingers are stretched, from the thumb on: a hand, a fist, pointing, two, a thumb, and the first and the last.
GESTURES = ((1, 1, 1, 1, 1), (0, 0, 0, 0, 0), (0, 1, 0, 0, 0), (0, 1, 1, 0, 0), (1, 0, 0, 0, 0), (0, 1, 0, 0, 1))


def sized_shapes(count: int, seed: int, size: int = 64) -> tuple[Arrays, Arrays]:
    """Coloured circles, triangles and squares in -1..1, and the part of the picture that each covers, in percent."""
    pixels, masks, labels = _drawn(count, seed, size)
    return {"image": 2 * pixels - 1}, {"shape": labels, "area": 100 * masks.mean((1, 2))}


def masked_shapes(count: int, seed: int, size: int = 64) -> tuple[Arrays, Arrays]:
    """Coloured shapes, and the mask of each: (count, size, size, 1) of zeros and ones."""
    pixels, masks, _ = _drawn(count, seed, size)
    return {"image": pixels}, {"mask": masks}


def three_textures(count: int, seed: int, size: int = 224) -> tuple[Arrays, Arrays]:
    """The first three of the zoo's gratings, in -1..1."""
    found = [zoo_data.textures(10, seed * 1000 + part, size) for part in range(-(-count // 3))]
    samples = np.concatenate([pictures[labels < 3] for pictures, labels in found])
    labels = np.concatenate([labels[labels < 3] for _, labels in found])
    return {"image": samples[:count] / np.float32(127.5) - 1}, {"classes": labels[:count]}


def components(count: int, seed: int) -> tuple[Arrays, Arrays]:
    """Scanned digits in -1..1, (count, 28, 28, 1), and their first 100 principal components, each of variance 1."""
    pictures = zoo_data.digits(count, seed)[0] / np.float32(127.5) - 1
    mean, axes, spread = _principal()
    codes = (pictures.reshape(count, -1) - mean) @ axes / spread
    return {"noise": codes.astype(np.float32)}, {"picture": pictures}


def shrunken(count: int, seed: int, size: int = 96) -> tuple[Arrays, Arrays]:
    """Gray pictures at a third of the size by Pillow's bicubic, and at the full one: shapes on gratings."""
    pixels, masks, _ = _drawn(count, seed, size)
    grating = zoo_data.textures(count, seed, size)[0][..., :1] / np.float32(255)
    full = np.clip(0.5 * grating + 0.5 * masks * pixels.mean(-1, keepdims=True), 0, 1).astype(np.float32)
    small = [np.asarray(_resized(picture[..., 0], size // SCALE), np.float32) for picture in full]
    return {
        "small": np.stack(small)[..., None],
    }, {"large": full}


def digit_pairs(count: int, seed: int) -> tuple[Arrays, Arrays]:
    """Two scanned digits, (count, 28, 28, 1) each, and whether they are the same: in half of the pairs."""
    rng = np.random.default_rng([seed, 1])
    pictures, labels = zoo_data.digits(4 * count, seed)
    left = rng.permutation(4 * count)[:count]
    same = (rng.permutation(count) % 2).astype(np.int64)
    right = [
        rng.choice(np.flatnonzero((labels == labels[one]) == bool(equal)))
        for one, equal in zip(left, same, strict=True)
    ]
    return {"left": pictures[left] / np.float32(255), "right": pictures[right] / np.float32(255)}, {"same": same}


def small_pictures(count: int, seed: int, kind: str) -> tuple[Arrays, Arrays]:
    """The zoo's `pictures` or `textures` of 32 x 32 x 3, ten classes."""
    samples, labels = getattr(zoo_data, kind)(count, seed, 32)
    return {"image": samples / np.float32(255)}, {"classes": labels}


def hands(count: int, seed: int) -> tuple[Arrays, Arrays]:
    """Six gestures as 21 landmarks of a hand, (count, 42): x and y from the wrist on, in parts of the largest."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % len(GESTURES)).astype(np.int64)
    return {"landmarks": np.stack([_hand(GESTURES[label], rng) for label in labels])}, {"gesture": labels}


def reviews(count: int, seed: int) -> tuple[Arrays, Arrays]:
    """Sentences of 32 word numbers, int32, and whether they praise or blame; a "not" turns the word behind it."""
    rng = np.random.default_rng(seed)
    good = (rng.permutation(count) % 2).astype(np.int64)
    words = np.minimum(118 + rng.zipf(1.3, (count, LENGTH)), WORDS - 1)
    for row, praised in zip(words, good, strict=True):
        for place in rng.choice(np.arange(1, LENGTH, 3), rng.integers(3, 6), replace=False):
            turned = rng.random() < 0.4
            row[place] = rng.choice(GOOD if bool(praised) != turned else BAD)
            row[place - 1] = NOT if turned else row[place - 1]
    return {"words": words.astype(np.int32)}, {"praise": good}


def _drawn(count: int, seed: int, size: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any], zoo_data.Labels]:
    """Coloured shapes in 0..1, their masks (count, size, size, 1), and their kinds."""
    rng = np.random.default_rng([seed, 2])
    masks, labels = zoo_data.shapes(count, seed, size)
    masks = (masks > 127).astype(np.float32)
    ink, paper = rng.uniform(0.4, 1, (count, 1, 1, 3)), rng.uniform(0, 0.4, (count, 1, 1, 3))
    noisy = masks * ink + (1 - masks) * paper + rng.normal(0, 0.03, (count, size, size, 3))
    return np.clip(noisy, 0, 1).astype(np.float32), masks, labels


def _resized(picture: npt.NDArray[Any], size: int) -> Image.Image:
    return Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC)


@lru_cache(maxsize=1)
def _principal() -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """The mean, the axes (pixels, components) and the spread along each, of 2,000 digits."""
    rows = zoo_data.digits(2000, 3000)[0].reshape(2000, -1) / 127.5 - 1
    mean = rows.mean(0)
    _, spread, axes = np.linalg.svd(rows - mean, full_matrices=False)
    return mean, axes[:COMPONENTS].T, spread[:COMPONENTS] / np.sqrt(len(rows))


def _hand(stretched: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[Any]:
    """The wrist, then four joints of each finger, turned and a little off."""
    points = [np.zeros(2)]
    for finger, straight in enumerate(stretched):
        angle = np.pi * (0.95 - 0.2 * finger) + rng.normal(0, 0.06)
        along = np.array([np.cos(angle), np.sin(angle)])
        reach = (0.45, 0.65, 0.82, 1.0) if straight else (0.45, 0.55, 0.42, 0.35)
        points += [along * part * rng.uniform(0.9, 1.1) for part in reach]
    turn = rng.normal(0, 0.35)
    turned = np.stack(points) @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    flat = turned.reshape(-1) + rng.normal(0, 0.02, 42)
    flat -= np.tile(flat[:2], 21)
    landmarks: npt.NDArray[Any] = (flat / np.abs(flat).max()).astype(np.float32)
    return landmarks
