"""The tables of a resize for one size of frame: which pixels make an output pixel, and with what weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.geometry import Axis
from edgecv_runtime.preprocess.taps import bilinear, nearest, pillow_nearest
from edgecv_runtime.schema import Kernel

BITS: Final = 22  # of Pillow's fixed point
_WHOLE: Final = 1 << BITS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AxisTables:
    """One axis of the fit with its tables, as the C structure `edgecv_axis` has them.

    Attributes:
        axis: The fit.
        taps: The weights of an output pixel; 0 without weights.
        start: The first pixel for each output pixel, of those that the fit takes.
        weights: (output pixels, taps) with 22 fractional bits, for Pillow's kernels.
        share: The share of the pixel after the first one, float32, for TensorFlow's bilinear.
    """

    axis: Axis
    taps: int = 0
    start: npt.NDArray[np.int64]
    weights: npt.NDArray[np.int64] | None = None
    share: npt.NDArray[np.float32] | None = None


def same_size(axis: Axis) -> AxisTables:
    """Return the tables of an axis that keeps its size."""
    return AxisTables(axis=axis, start=np.arange(axis.skipped, axis.skipped + axis.shown))


def nearest_tables(axis: Axis, semantics: str) -> AxisTables:
    """Return the tables of the pixel under the centre, as Pillow or TensorFlow finds it."""
    find: Callable[[int, int], npt.NDArray[Any]] = pillow_nearest if semantics == "pillow" else nearest
    return AxisTables(axis=axis, start=find(axis.taken, axis.scaled)[axis.window].astype(np.int64))


def tf_bilinear_tables(axis: Axis) -> AxisTables:
    """Return the tables of `tf.image.resize`; where both pixels are the same one, its share counts nothing."""
    low, high, share = (part[axis.window] for part in bilinear(axis.taken, axis.scaled))
    return AxisTables(axis=axis, start=low.astype(np.int64), share=np.where(low == high, np.float32(0), share))


def pillow_tables(axis: Axis, kernel: Kernel) -> AxisTables:
    """Return the tables of Pillow's resampling, with the same number of weights for each output pixel.

    Source: `precompute_coeffs` and `normalize_coeffs_8bpc` in Pillow 13.0.0, src/libImaging/Resample.c.
    """
    if axis.taken == axis.scaled:
        rows = [(axis.skipped + place, [_WHOLE]) for place in range(axis.shown)]
    else:
        rows = [_pillow_row(axis, kernel, axis.skipped + place) for place in range(axis.shown)]
    taps = max(len(weights) for _, weights in rows)
    start, table = [], np.zeros((axis.shown, taps), np.int64)
    for place, (first, weights) in enumerate(rows):
        begin = min(first, axis.taken - taps)
        table[place, first - begin : first - begin + len(weights)] = weights
        start.append(begin)
    return AxisTables(axis=axis, taps=taps, start=np.asarray(start, np.int64), weights=table)


def _pillow_row(axis: Axis, kernel: Kernel, place: int) -> tuple[int, list[int]]:
    """Return the first pixel and the weights of one output pixel."""
    reach, weigh = _KERNELS[kernel]
    scale = axis.taken / axis.scaled
    widened = max(scale, 1.0)
    support, centre = reach * widened, (place + 0.5) * scale
    first = max(0, int(centre - support + 0.5))
    end = min(axis.taken, int(centre + support + 0.5))
    weights = [weigh((pixel - centre + 0.5) * (1.0 / widened)) for pixel in range(first, end)]
    total = 0.0
    for weight in weights:  # one after the other, as Pillow adds them
        total += weight
    return first, [_fixed(weight / total if total else weight) for weight in weights]


def _fixed(weight: float) -> int:
    return int(weight * _WHOLE + (-0.5 if weight < 0 else 0.5))


def _box(x: float) -> float:
    return 1.0 if -0.5 < x <= 0.5 else 0.0


def _triangle(x: float) -> float:
    return max(0.0, 1.0 - abs(x))


def _cubic(x: float) -> float:
    a, x = -0.5, abs(x)
    if x < 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2.0 else 0.0


def _lanczos(x: float) -> float:
    return _sinc(x) * _sinc(x / 3) if -3.0 <= x < 3.0 else 0.0


def _sinc(x: float) -> float:
    return math.sin(x * math.pi) / (x * math.pi) if x else 1.0


_KERNELS: Final[dict[Kernel, tuple[float, Callable[[float], float]]]] = {
    "box": (0.5, _box),
    "bilinear": (1.0, _triangle),
    "bicubic": (2.0, _cubic),
    "lanczos": (3.0, _lanczos),
}
