"""Bringing planes of values from a model's output to the pixels of a picture, in float32 (docs/decoding.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.geometry import Axis, View

UNSEEN: Final = 255  # the class of pixels that the model has not seen
BLOCK: Final = 1 << 22  # values that are interpolated at a time
Floats = npt.NDArray[np.float32]
Choose = Callable[[Floats], npt.NDArray[np.uint8]]


def mask_of(
    planes: Floats, choose: Choose, view: View, canvas: tuple[int, int], *, bilinear: bool
) -> npt.NDArray[np.uint8]:
    """Return a class for each pixel of the picture: (height, width) uint8.

    Args:
        planes: (rows, columns, classes) float32, which cover the model's input.
        choose: Gives the classes of values (..., classes).
        view: Where the picture lies in the input.
        canvas: The input's (height, width) in pixels.
        bilinear: Whether values are interpolated; else each pixel has those of the cell that it lies in.
    """
    tall, wide, _ = planes.shape
    if view.unchanged and (tall, wide) == canvas == (view.height, view.width):
        return choose(planes)
    down, seen_down = _places(view.down, view.height, canvas[0], tall)
    across, seen_across = _places(view.across, view.width, canvas[1], wide)
    if bilinear:
        found = _bilinear(planes, choose, _corners(down, tall), _corners(across, wide))
    else:
        cells = choose(planes)
        found = cells[_cell(down, tall)][:, _cell(across, wide)]
    found[~seen_down] = UNSEEN
    found[:, ~seen_across] = UNSEEN
    return found


def _places(axis: Axis, count: int, canvas: int, cells: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Find where the centres of a picture's pixels are, in cells of the planes, and which ones the model sees."""
    places = axis.ahead(np.arange(count, dtype=np.float64) + 0.5)
    seen = (places >= axis.at) & (places <= axis.at + axis.shown)
    return places * cells / canvas, seen


def _cell(places: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.int64]:
    return np.clip(np.floor(places), 0, count - 1).astype(np.int64)


Corners = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]


def _corners(places: npt.NDArray[np.float64], count: int) -> Corners:
    """The two cells whose centres are around each place, the edge's repeated outside, and the weight of the second."""
    middle = places - 0.5
    first = np.floor(middle)
    weight = (middle - first).astype(np.float32)
    low = np.clip(first, 0, count - 1).astype(np.int64)
    high = np.clip(first + 1, 0, count - 1).astype(np.int64)
    return low, high, weight


def _bilinear(planes: Floats, choose: Choose, down: Corners, across: Corners) -> npt.NDArray[np.uint8]:
    """Interpolated along the rows first, then between them: a + (b - a) * weight, each operation in float32."""
    left, right, x = across
    top, bottom, y = down
    found = np.empty((len(top), len(left)), np.uint8)
    step = max(1, BLOCK // (len(left) * planes.shape[2]))
    for begin in range(0, len(top), step):
        rows = slice(begin, begin + step)
        first, last = int(top[rows].min()), int(bottom[rows].max())
        part = planes[first : last + 1]
        lines = part[:, left] + (part[:, right] - part[:, left]) * x[:, None]
        upper, lower = lines[top[rows] - first], lines[bottom[rows] - first]
        found[rows] = choose(upper + (lower - upper) * y[rows, None, None])
    return found
