"""Data for the zoo, drawn or scanned: nothing is downloaded, and a seed gives the same samples everywhere.

Every function takes (count, seed) and more, and returns float32 samples with int64 labels in equal shares.
Pixels are 0..255 unless said otherwise.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
SHAPES = ("circle", "triangle", "square")


def digits(count: int, seed: int, size: int = 28) -> tuple[Array, Labels]:
    """Scanned digits of scikit-learn, upscaled bilinearly: (count, size, size, 1), each shifted by up to two pixels."""
    rng = np.random.default_rng(seed)
    labels = _labels(count, 10, rng)
    return np.stack([_digit(int(label), size, rng) for label in labels])[..., None], labels


def pictures(count: int, seed: int, size: int = 32) -> tuple[Array, Labels]:
    """Colour pictures of ten classes, (count, size, size, 3): a digit in one colour on a noisy gradient of another."""
    rng = np.random.default_rng(seed)
    labels = _labels(count, 10, rng)
    return np.stack([_picture(int(label), size, rng) for label in labels]), labels


def shapes(count: int, seed: int, size: int = 28, *, classes: int = 3, color: bool = False) -> tuple[Array, Labels]:
    """Filled circles, squares and triangles of any size and place: (count, size, size, 3 if color else 1)."""
    rng = np.random.default_rng(seed)
    labels = _labels(count, classes, rng)
    drawn = np.stack([_shape(SHAPES[label], size, rng) for label in labels])[..., None]
    if not color:
        return drawn, labels
    ink, paper = rng.uniform(100, 255, (2, count, 1, 1, 3))
    mask = drawn / 255
    noisy = mask * ink + (1 - mask) * paper * 0.4 + rng.normal(0, 8, (count, size, size, 3))
    return np.clip(noisy, 0, 255).astype(np.float32), labels


def textures(count: int, seed: int, size: int = 96) -> tuple[Array, Labels]:
    """Colour gratings of ten classes, (count, size, size, 3): five directions, each coarse and fine, in noise.

    What random convolutions and a global average still tell apart, unlike the shape of a digit.
    """
    rng = np.random.default_rng(seed)
    labels = _labels(count, 10, rng)
    return np.stack([_texture(int(label), size, rng) for label in labels]), labels


def features(count: int, seed: int) -> tuple[Array, Labels]:
    """What a convolutional base hands to its head, (count, 7, 7, 512): random non-negative features of picture patches.

    A picture of 56 x 56 is cut into 7 x 7 patches; a fixed random matrix and a ReLU make 512 features of each.
    """
    pixels, labels = pictures(count, seed, 56)
    patches = pixels.reshape(count, 7, 8, 7, 8, 3).transpose(0, 1, 3, 2, 4, 5).reshape(count, 7, 7, 192) / 128 - 1
    projection = np.random.default_rng(7).normal(0, 1 / 8, (192, 512)).astype(np.float32)
    return np.maximum(patches @ projection, 0).astype(np.float32), labels


def clips(count: int, seed: int, frames: int = 30, size: int = 128) -> tuple[Array, Labels]:
    """A square that moves right, moves down or grows: (count, frames, size, size, 1)."""
    rng = np.random.default_rng(seed)
    labels = _labels(count, 3, rng)
    return np.stack([_clip(int(label), frames, size, rng) for label in labels])[..., None], labels


def spectrograms(count: int, seed: int, size: int = 64) -> tuple[Array, Labels]:
    """Log power of a tone that rises, falls or stays, in noise: (count, size, size, 1), about -2..6."""
    rng = np.random.default_rng(seed)
    labels = _labels(count, 3, rng)
    return np.stack([_spectrogram(int(label), size, rng) for label in labels])[..., None], labels


def _labels(count: int, classes: int, rng: np.random.Generator) -> Labels:
    return rng.permutation(np.arange(count) % classes).astype(np.int64)


@lru_cache(maxsize=1)
def _scans() -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.images, found.target


def _digit(label: int, size: int, rng: np.random.Generator) -> Array:
    images, targets = _scans()
    scan = images[rng.choice(np.flatnonzero(targets == label))]
    picture = Image.fromarray((scan * 255 / 16).astype(np.uint8)).resize((size, size), Image.Resampling.BILINEAR)
    shift = rng.integers(-2, 3, 2)
    pixels: Array = np.roll(np.asarray(picture, np.float32), shift.tolist(), (0, 1))
    return pixels


def _picture(label: int, size: int, rng: np.random.Generator) -> Array:
    mask = _digit(label, size, rng)[..., None] / 255
    ink = rng.uniform(150, 255, 3)
    start, end = rng.uniform(0, 120, (2, 3))
    ramp = np.linspace(0, 1, size)[:, None, None]
    paper = np.broadcast_to(start * (1 - ramp) + end * ramp, (size, size, 3))
    noisy = mask * ink + (1 - mask) * paper + rng.normal(0, 10, (size, size, 3))
    pixels: Array = np.clip(noisy, 0, 255).astype(np.float32)
    return pixels


def _texture(label: int, size: int, rng: np.random.Generator) -> Array:
    angle = np.pi * (label % 5) / 5 + rng.normal(0, 0.05)
    cycles = (6 if label < 5 else 14) * rng.uniform(0.95, 1.05)
    y, x = np.mgrid[:size, :size] / size
    wave = np.sin(2 * np.pi * (cycles * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform()))
    tint = 1 + 0.3 * np.cos(2 * np.pi * (label / 10 + np.arange(3) / 3))
    noisy = 128 + 70 * wave[..., None] * tint + rng.normal(0, 12, (size, size, 3))
    pixels: Array = np.clip(noisy, 0, 255).astype(np.float32)
    return pixels


def _shape(kind: str, size: int, rng: np.random.Generator) -> Array:
    canvas = Image.new("L", (size, size))
    radius = float(rng.uniform(0.2, 0.4) * size)
    x, y = rng.uniform(radius, size - radius, 2)
    box = (x - radius, y - radius, x + radius, y + radius)
    draw = ImageDraw.Draw(canvas)
    if kind == "circle":
        draw.ellipse(box, fill=255)
    elif kind == "square":
        draw.rectangle(box, fill=255)
    else:
        draw.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], fill=255)
    return np.asarray(canvas, np.float32)


def _clip(label: int, frames: int, size: int, rng: np.random.Generator) -> Array:
    start, across = rng.uniform(0.1, 0.3, 2) * size
    clip = rng.uniform(0, 40, (frames, size, size)).astype(np.float32)
    for frame in range(frames):
        travel = frame / frames * 0.5 * size
        side = int(size * 0.15 + (travel if label == 2 else 0))
        x = int(start + (travel if label == 0 else 0))
        y = int(across + (travel if label == 1 else 0))
        clip[frame, y : y + side, x : x + side] += 200
    return clip


def _spectrogram(label: int, size: int, rng: np.random.Generator) -> Array:
    window = 2 * size
    times = np.arange(size * window // 2 + window)
    low, high = rng.uniform(0.05, 0.15), rng.uniform(0.3, 0.45)
    begin, end = [(low, high), (high, low), (low, low)][label]
    phase = 2 * np.pi * np.cumsum(np.linspace(begin, end, len(times)))
    signal = np.sin(phase) + rng.normal(0, 0.3, len(times))
    starts = np.arange(size) * (window // 2)
    pieces = np.stack([signal[start : start + window] for start in starts]) * np.hanning(window)
    power = np.abs(np.fft.rfft(pieces, axis=1)[:, :size]) ** 2
    return np.log(power.T + 0.1).astype(np.float32)
