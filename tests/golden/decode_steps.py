"""The steps of `decode_independent` that need no head: boxes, cells and interpolation, scalar by scalar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import floor
from typing import Any

import numpy as np

F32 = np.float32
Step = Callable[[np.float32, np.float32, np.float32], np.float32]


def overlap(kept: Sequence[np.float32], other: Sequence[np.float32]) -> np.float32:
    """The intersection of two boxes over their union, each operation in float32."""
    w = min(kept[2], other[2]) - max(kept[0], other[0])
    h = min(kept[3], other[3]) - max(kept[1], other[1])
    common = max(w, F32(0)) * max(h, F32(0))
    if common == 0:
        return F32(0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (kept, other)]
    return F32(common / ((areas[0] + areas[1]) - common))


def around(x: float, y: float, w: float, h: float) -> tuple[float, float, float, float]:
    """The corners of a box around its centre."""
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def cells(decode: Any) -> Iterator[tuple[int, int, float, float, tuple[float, float]]]:
    """Row, column, strides down and across, and size, for each row of the decoder."""
    for level in decode.levels:
        for i in range(level.grid[0]):
            for j in range(level.grid[1]):
                for size in level.sizes or [(1.0, 1.0)]:
                    yield i, j, *level.stride, size


def held(place: int, length: int) -> int:
    """A cell within the plane."""
    return min(max(place, 0), length - 1)


def plain(start: np.float32, way: np.float32, weight: np.float32) -> np.float32:
    """A part of the way, with two roundings."""
    return F32(start + way * weight)


def fused(start: np.float32, way: np.float32, weight: np.float32) -> np.float32:
    """The same with one rounding, which docs/decoding.md forbids."""
    return F32(float(start) + float(way) * float(weight))


def bilinear(planes: np.ndarray, p: float, q: float, steps: tuple[Step, Step, Step]) -> list[np.float32]:
    """The values of all planes at (row, column) p, q; `steps` are those of the upper, the lower and both rows."""
    (high, wide, count), m, n = planes.shape, p - 0.5, q - 0.5
    tops = held(floor(m), high), held(floor(m) + 1, high)
    lefts = held(floor(n), wide), held(floor(n) + 1, wide)
    wy, wx = F32(m - floor(m)), F32(n - floor(n))
    made = []
    for c in range(count):
        (tl, tr), (bl, br) = ([planes[i, j, c] for j in lefts] for i in tops)
        upper, lower = steps[0](tl, tr - tl, wx), steps[1](bl, br - bl, wx)
        made.append(steps[2](upper, lower - upper, wy))
    return made


def quarter(before: np.float32, after: np.float32) -> float:
    """A quarter of a cell towards the larger neighbour."""
    return 0.0 if before == after else 0.25 if after > before else -0.25
