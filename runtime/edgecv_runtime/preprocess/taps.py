"""The input pixels that make an output pixel, with their weights, in TensorFlow's own float32 arithmetic.

Every function works on one axis of `size` pixels brought to `out`. Nothing here may be reordered or fused: other
languages repeat these operations bit for bit (docs/preprocessing.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

F = np.float32
HALF = F(0.5)
TABLE = 1024  # steps in TensorFlow's table of the cubic
RADIUS = F(3)  # of Lanczos
PI = F(3.14159265359)
# C's `sinf` as glibc computes it (sysdeps/ieee754/flt-32/s_sinf.c): the series of the sine and of the cosine
SINE = (-0.16666654943701084, 0.008332178146138854, -0.00019517298981385725)
COSINE = (1.0, -0.49999999725108224, 0.041666623324344516, -0.001388676379437604, 2.4390450703564542e-05)


@dataclass(frozen=True, slots=True)
class Taps:
    """A weighted sum: output `i` is the sum over k, in that order, of weight[k, i] * pixel[index[k, i]].

    Attributes:
        index: Input positions, intp (taps, out), all inside the picture.
        weight: float32 (taps, out).
    """

    index: np.ndarray
    weight: np.ndarray


def nearest(size: int, out: int) -> np.ndarray:
    """Half-pixel centres: floor((i + 0.5) * size / out). Source: `ResizeNearestNeighbor`."""
    at: np.ndarray = np.minimum(np.floor(_centres(size, out)), size - 1)
    return at.astype(np.intp)


def pillow_nearest(size: int, out: int) -> np.ndarray:
    """Centres found by adding up steps of size / out in float64. Source: Pillow, src/libImaging/Geometry.c."""
    step = size / out
    steps = np.full(out, step)
    steps[0] = step * 0.5
    return np.add.accumulate(steps).astype(np.intp)


def bilinear(size: int, out: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pixels at both sides, and the share of the second.

    Source: tensorflow/core/kernels/image/resize_bilinear_op.cc.
    """
    at = _centres(size, out) - HALF
    floor = np.floor(at)
    low = np.maximum(floor, 0).astype(np.intp)
    high = np.minimum(np.ceil(at), size - 1).astype(np.intp)
    return low, high, at - floor


def bicubic(size: int, out: int) -> Taps:
    """Keys's cubic, a = -0.5, from a table. Source: tensorflow/core/kernels/image/resize_bicubic_op.cc."""
    at = _centres(size, out) - HALF
    floor = np.floor(at)
    step = np.rint((at - floor) * F(TABLE)).astype(np.intp)
    near, far = _cubic_table()
    weight = np.stack([far[step], near[step], near[TABLE - step], far[TABLE - step]])
    wanted = floor.astype(np.intp) + np.arange(-1, 3)[:, None]
    index = wanted.clip(0, size - 1)
    return Taps(index, _to_one(np.where(index == wanted, weight, F(0))))


def lanczos(size: int, out: int) -> Taps:
    """Lanczos of radius 3. Source: tensorflow/core/kernels/image/scale_and_translate_op.cc and sampling_kernels.h."""
    inverse = F(1) / (F(out) / F(size))
    at = (np.arange(out, dtype=F) + HALF) * inverse
    first, last = (
        edge.astype(np.intp).clip(0, size - 1) for edge in (np.ceil(at - RADIUS - HALF), np.floor(at + RADIUS - HALF))
    )
    wanted = first + np.arange(2 * int(RADIUS) + 1)[:, None]
    weight = _lanczos_kernel(np.abs(wanted.astype(F) + HALF - at))
    return Taps(wanted.clip(0, size - 1), _to_one(np.where(wanted <= last, weight, F(0))))


def box(size: int, out: int) -> Taps:
    """The share of each pixel that an output pixel covers. Source: tensorflow/core/kernels/image/resize_area_op.cc."""
    scale = _scale(size, out)
    low, high = np.arange(out, dtype=F) * scale, np.arange(1, out + 1, dtype=F) * scale
    first, end = np.floor(low), np.ceil(high)
    at = first + np.arange(int((end - first).max()), dtype=F)[:, None]
    within = np.where(at + F(1) > high, high - at, F(1))
    weight = np.where(at < low, np.where(at + F(1) > high, scale, at + F(1) - low), within)
    return Taps(at.astype(np.intp).clip(0, size - 1), np.where(at < end, weight, F(0)))


def box_share(size: tuple[int, int], out: tuple[int, int]) -> np.float32:
    """One over the input pixels that an output pixel covers, both (height, width)."""
    return F(1) / (_scale(size[0], out[0]) * _scale(size[1], out[1]))


def _scale(size: int, out: int) -> np.float32:
    return F(size) / F(out)


def _centres(size: int, out: int) -> np.ndarray:
    centres: np.ndarray = (np.arange(out, dtype=F) + HALF) * _scale(size, out)
    return centres


@cache
def _cubic_table() -> tuple[np.ndarray, np.ndarray]:
    """The cubic at 0..1 and at 1..2 in steps of 1 / 1024; exact in float64, then rounded."""
    a, x = -0.5, np.arange(TABLE + 1) / TABLE
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    x += 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return near.astype(F), far.astype(F)


def _lanczos_kernel(x: np.ndarray) -> np.ndarray:
    """3 sin(pi x) sin(pi x / 3) / (pi x)^2, 1 near 0, 0 beyond 3."""
    angle = PI * x
    small = x <= F(1e-3)
    square = PI * PI * np.where(small, F(1), x) * np.where(small, F(1), x)
    values = RADIUS * _sine(angle) * _sine(angle / RADIUS) / square
    return np.where(small, F(1), np.where(x > RADIUS, F(0), values))


def _sine(angle: np.ndarray) -> np.ndarray:
    """The sine of a float32 of 0 to 9.43, as glibc's `sinf` rounds it; sums and products of float64 only."""
    x = angle.astype(np.float64)
    quarter = np.floor(x * (2 / math.pi) + 0.5)
    x -= quarter * (math.pi / 2)
    x2 = x * x
    sine = (x + x * x2 * SINE[0]) + x * x2 * x2 * (SINE[1] + x2 * SINE[2])
    cosine = (COSINE[0] + x2 * COSINE[1] + x2 * x2 * COSINE[2]) + x2 * x2 * x2 * (COSINE[3] + x2 * COSINE[4])
    values = np.where(quarter % 2 == 0, sine, cosine)
    return np.asarray(values * np.where(quarter % 4 >= 2, -1.0, 1.0), F)


def _to_one(weight: np.ndarray) -> np.ndarray:
    """Weights that add up to one: times the reciprocal of their sum, added in the order of the taps."""
    total = weight[0].copy()
    for row in weight[1:]:
        total += row
    scaled: np.ndarray = weight * (F(1) / total)
    return scaled
