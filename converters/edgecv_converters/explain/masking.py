"""Methods that need nothing but answers: the picture is changed, and what the answer loses is noted.

Occlusion: M. Zeiler, R. Fergus, Visualizing and understanding convolutional networks (2014). RISE: V. Petsiuk, A. Das,
K. Saenko, RISE: randomized input sampling for explanation of black-box models (2018).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from edgecv_converters.explain.canvas import Canvas, Score
from edgecv_converters.explain.records import Floats, Tensor
from edgecv_converters.explain.settings import ExplainSettings

AT_ONCE: Final = 16  # changed pictures that are made and answered together
SMALL: Final = 200_000  # multiplications of one product; beyond, BLAS starts threads, which cost more than they bring
Progress = Callable[[int], None]


def occlusion(canvas: Canvas, score: Score, settings: ExplainSettings, tell: Progress) -> Floats:
    """Return what the score loses where a square is hidden: of each pixel the mean over the squares that hide it."""
    height, width = canvas.size
    side = max(1, round(settings.window * min(height, width)))
    step = max(1, round(settings.stride * min(height, width)))
    corners = [(top, left) for top in starts(height, side, step) for left in starts(width, side, step)]
    whole = float(score(canvas.raw[None])[0])
    total, count = np.zeros((height, width)), np.zeros((height, width))
    for start in range(0, len(corners), AT_ONCE):
        part = corners[start : start + AT_ONCE]
        kept = np.ones((len(part), height, width), np.float32)
        for row, (top, left) in enumerate(part):
            kept[row, top : top + side, left : left + side] = 0
        for (top, left), found in zip(part, score(canvas.mixed(kept)), strict=True):
            total[top : top + side, left : left + side] += whole - found
            count[top : top + side, left : left + side] += 1
        tell(len(part))
    return np.asarray(total / count, np.float32)


def occlusion_count(size: tuple[int, int], settings: ExplainSettings) -> int:
    """Return how many pictures `occlusion` has answered."""
    side = max(1, round(settings.window * min(size)))
    step = max(1, round(settings.stride * min(size)))
    return len(starts(size[0], side, step)) * len(starts(size[1], side, step))


def starts(length: int, side: int, step: int) -> list[int]:
    """Return where squares begin so that they cover an axis, the last one flush with its end."""
    last = max(0, length - side)
    return sorted({*range(0, last + 1, step), last})


def rise(canvas: Canvas, score: Score, settings: ExplainSettings, tell: Progress) -> Floats:
    """Return the mean score of the masked pictures that show a pixel, weighed by how much of it they show."""
    masks = RandomMasks.draw(canvas.size, settings)
    painter = _Painter(canvas, masks)
    sums = np.zeros((2, painter.width), np.float32)  # of the masks weighed by their scores, and of the masks
    for rows in masks.batches(AT_ONCE):
        pictures, shares = painter.paint(rows)
        weights = np.ones((2, len(rows)), np.float32)
        weights[0] = score(pictures)
        for start in range(0, painter.width, SMALL // weights.size):
            part = slice(start, start + SMALL // weights.size)
            sums[:, part] += weights @ shares[:, part]
        tell(len(rows))
    total, shown = painter.places(sums)
    return np.asarray(total / np.maximum(shown, 1e-6), np.float32)


@dataclass(frozen=True, slots=True)
class RandomMasks:
    """Random masks of few cells, enlarged bilinearly and shifted by a part of a cell.

    Attributes:
        grids: (n, cells + 2, cells + 2) float32 of zeros and ones.
        shifts: (n, 2): by how many pixels each is shifted.
        down, across: (shifts, pixels, cells + 2): the interpolation along each axis, for each shift.
    """

    grids: Floats
    shifts: npt.NDArray[np.int64]
    down: Floats
    across: Floats

    @classmethod
    def draw(cls, size: tuple[int, int], settings: ExplainSettings) -> RandomMasks:
        """Return the masks of a seed."""
        rng = np.random.default_rng(settings.seed)
        side = settings.cells + 2
        grids = (rng.random((settings.masks, side, side)) < 0.5).astype(np.float32)
        cells = [-(-length // settings.cells) for length in size]
        shifts = np.stack([rng.integers(0, cell, settings.masks) for cell in cells], axis=1)
        down, across = (_enlarging(length, settings.cells, cell) for length, cell in zip(size, cells, strict=True))
        return cls(grids, shifts, down, across)

    def batches(self, size: int) -> Iterator[npt.NDArray[np.int64]]:
        """Give the places of some masks at a time."""
        for start in range(0, len(self.grids), size):
            yield np.arange(start, min(start + size, len(self.grids)))


class _Painter:
    """Masked copies of one picture; what does not change from mask to mask is made once."""

    def __init__(self, canvas: Canvas, masks: RandomMasks) -> None:
        shape = canvas.raw.shape
        self._raw = canvas.raw
        self._masks = masks
        self._channels = 1 if canvas.planar or len(shape) == 2 else shape[2]
        flat = shape if canvas.planar else (shape[0], -1)
        self._across = np.ascontiguousarray(np.repeat(masks.across, self._channels, axis=1).transpose(0, 2, 1))
        self._rows = max(1, SMALL // self._across[0].size)
        self._base = canvas.base.reshape(flat)
        self._difference = (canvas.raw - canvas.base).reshape(flat)
        self._values = np.empty_like(self._difference)

    @property
    def width(self) -> int:
        """The number of values of one mask, once for every channel that lies beside its pixel."""
        return int(self._masks.down.shape[1] * self._across.shape[2])

    def paint(self, rows: npt.NDArray[np.int64]) -> tuple[Tensor, Floats]:
        """Return the picture under some of the masks, as raw tensors, and the masks: (n, width)."""
        made = np.empty((len(rows), *self._raw.shape), self._raw.dtype)
        shares = np.empty((len(rows), *self._values.shape[-2:]), np.float32)
        values = self._values
        for row, place in enumerate(rows.tolist()):
            tall, wide = self._masks.shifts[place]
            cells, across = self._masks.down[tall] @ self._masks.grids[place], self._across[wide]
            for top in range(0, len(cells), self._rows):
                part = slice(top, top + self._rows)
                np.matmul(cells[part], across, out=shares[row, part])
            np.multiply(self._difference, shares[row], out=values)
            values += self._base
            if made.dtype.kind in "iu":
                np.rint(values, out=values)
            np.copyto(made[row].reshape(values.shape), values, casting="unsafe")
        return made, shares.reshape(len(rows), -1)

    def places(self, sums: Floats) -> Floats:
        """Return sums over masks, (n, width), at the picture's places: (n, height, width)."""
        return sums.reshape(len(sums), *self._values.shape[-2:])[..., :: self._channels]


def _enlarging(length: int, cells: int, cell: int) -> Floats:
    """For each shift within a cell, the matrix that interpolates cells + 2 values to an axis of pixels."""
    found = np.zeros((cell, length, cells + 2), np.float32)
    for shift in range(cell):
        places = (np.arange(length) + shift) / cell
        low = places.astype(int)
        part = places - low
        found[shift, np.arange(length), low] = 1 - part
        found[shift, np.arange(length), low + 1] = part
    return found
