"""From a model's numbers to boxes: the arithmetic of each form of decoder, in float64, rounded once (docs/decoding.md).

Boxes are left, top, right and bottom in pixels of the model's input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.decoders import Anchors, BoxDecoder, Centers, Decoded, Distances, Level, Offsets
from edgecv_runtime.errors import SpecError
from edgecv_runtime.heads.arithmetic import powers_of, sums_in_order

Numbers = npt.NDArray[np.float64]
Numbers32 = npt.NDArray[np.float32]
CORNERS: Final = 4  # numbers of a box
PARTS: Final = 6  # numbers of a cell
ZERO: Final = np.float32(0)


@dataclass(frozen=True, slots=True)
class Cells:
    """The place that each row of a decoder stands for, one number a row: level by level, row, column, size.

    Attributes:
        column, row: The cell.
        across, down: Its stride in pixels.
        width, height: The size of its anchor in pixels; 0 without one.
    """

    column: Numbers
    row: Numbers
    across: Numbers
    down: Numbers
    width: Numbers
    height: Numbers

    @classmethod
    def of(cls, levels: Sequence[Level]) -> Cells:
        """Return the cells of all levels; none where boxes are decoded already."""
        parts = [_level(level) for level in levels] or [(np.zeros(0),) * PARTS]
        return cls(*(np.concatenate([part[place] for part in parts]) for place in range(PARTS)))

    def __len__(self) -> int:
        return len(self.column)

    def taken(self, rows: npt.NDArray[np.int64]) -> Cells:
        """Return those of some rows; of no cells none."""
        if not len(self):
            return self
        return Cells(self.column[rows], self.row[rows], self.across[rows], self.down[rows],
                     self.width[rows], self.height[rows])  # fmt: skip


def _level(level: Level) -> tuple[Numbers, ...]:
    (tall, wide), (down, across) = level.grid, level.stride
    sizes = np.asarray(level.sizes or ((0.0, 0.0),), np.float64)
    row, column, size = (axis.reshape(-1) for axis in np.indices((tall, wide, len(sizes))))
    count = len(row)
    strides = np.full(count, across, np.float64), np.full(count, down, np.float64)
    return column.astype(np.float64), row.astype(np.float64), *strides, sizes[size, 0], sizes[size, 1]


def levels_of(decoder: BoxDecoder) -> tuple[Level, ...]:
    """Return the levels of a decoder; none where its boxes are decoded already.

    Raises:
        SpecError: A level has no cells' stride, or sizes that do not belong there.
    """
    levels: tuple[Level, ...] = getattr(decoder, "levels", ())
    anchored = isinstance(decoder, Offsets | Anchors)
    for level in levels:
        if min(level.stride) <= 0 or any(min(size) <= 0 for size in level.sizes):
            raise SpecError("the strides and sizes of its decoder must be over 0")
        if anchored != bool(level.sizes):
            raise SpecError(f"the levels of its decoder {'need' if anchored else 'have'} sizes")
    if not levels and not isinstance(decoder, Decoded):
        raise SpecError("its decoder has no levels")
    return levels


def box_numbers(decoder: BoxDecoder) -> int:
    """Return how many numbers the decoder has of each box."""
    if isinstance(decoder, Distances):
        return CORNERS * decoder.bins
    return 2 if isinstance(decoder, Centers) else CORNERS


def decode_boxes(
    decoder: BoxDecoder, values: np.ndarray, offsets: np.ndarray | None, cells: Cells, canvas: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Return the boxes of some rows: (n, 4) float32.

    Args:
        decoder: How they are decoded.
        values: Their numbers, (n, `box_numbers`) float32.
        offsets: Of `Centers` with offsets, (n, 2).
        cells: The cells of the rows.
        canvas: The model's input, (height, width) in pixels.
    """
    numbers = values.astype(np.float64)
    if isinstance(decoder, Decoded) and decoder.unit == "relative":
        height, width = canvas
        numbers *= (height, width, height, width) if decoder.order == "yxyx" else (width, height, width, height)
    with np.errstate(over="ignore", invalid="ignore"):
        if isinstance(decoder, Centers):
            inner = np.zeros((len(numbers), 2)) if offsets is None else offsets.astype(np.float64)
            corners = _around(
                (cells.column + inner[:, 0]) * cells.across,
                (cells.row + inner[:, 1]) * cells.down,
                numbers[:, 0] * cells.across,
                numbers[:, 1] * cells.down,
            )
        else:
            corners = FORMS[type(decoder)](decoder, numbers, cells)
        return np.stack(corners, axis=1).astype(np.float32)


def _around(x: Numbers, y: Numbers, width: Numbers, height: Numbers) -> tuple[Numbers, ...]:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _decoded(decoder: Decoded, values: Numbers, _cells: Cells) -> tuple[Numbers, ...]:
    a, b, c, d = values[:, (1, 0, 3, 2) if decoder.order == "yxyx" else (0, 1, 2, 3)].T
    if decoder.order == "cxcywh":
        return _around(a, b, c, d)
    return (a, b, a + c, b + d) if decoder.order == "xywh" else (a, b, c, d)


def _offsets(decoder: Offsets, values: Numbers, cells: Cells) -> tuple[Numbers, ...]:
    places = (1, 0, 3, 2) if decoder.order == "yxhw" else (0, 1, 2, 3)
    x, y, w, h = (values[:, place] * scale for place, scale in zip(places, decoder.variances, strict=True))
    if decoder.largest is not None:
        w, h = np.minimum(w, decoder.largest), np.minimum(h, decoder.largest)
    return _around(
        x * cells.width + (cells.column + decoder.centre) * cells.across,
        y * cells.height + (cells.row + decoder.centre) * cells.down,
        np.exp(w) * cells.width,
        np.exp(h) * cells.height,
    )


def _distances(decoder: Distances, values: Numbers, cells: Cells) -> tuple[Numbers, ...]:
    if decoder.bins > 1:
        values = _means(values.reshape(-1, decoder.bins)).reshape(-1, CORNERS)
    x, y = cells.column + decoder.centre, cells.row + decoder.centre
    return (
        (x - values[:, 0]) * cells.across,
        (y - values[:, 1]) * cells.down,
        (x + values[:, 2]) * cells.across,
        (y + values[:, 3]) * cells.down,
    )


def _means(bins: Numbers) -> Numbers:
    """The mean bin by softmax, sums in the order of the bins: (n, bins) to (n,)."""
    powers, total = powers_of(bins)
    return np.asarray(sums_in_order(powers * np.arange(len(powers), dtype=np.float64)[:, None]) / total)


def _anchors(decoder: Anchors, values: Numbers, cells: Cells) -> tuple[Numbers, ...]:
    inner = sigmoid(values[:, :2]) * decoder.stretch - (decoder.stretch - 1) / 2
    if decoder.growth == "exp":
        growth = np.exp(values[:, 2:])
    else:
        twice = 2 * sigmoid(values[:, 2:])
        growth = twice * twice
    return _around(
        (cells.column + inner[:, 0]) * cells.across,
        (cells.row + inner[:, 1]) * cells.down,
        growth[:, 0] * cells.width,
        growth[:, 1] * cells.height,
    )


def sigmoid(values: Numbers) -> Numbers:
    """Return 1 / (1 + exp(-x)) in float64, without overflow."""
    small = np.exp(-np.abs(values))
    return np.asarray(np.where(values >= 0, 1, small) / (1 + small))


FORMS: Final[dict[type[BoxDecoder], Callable[[Any, Numbers, Cells], tuple[Numbers, ...]]]] = {
    Decoded: _decoded,
    Offsets: _offsets,
    Distances: _distances,
    Anchors: _anchors,
}


def overlaps(box: npt.NDArray[np.float32], others: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the intersection over union of one box with others, each operation in float32: (n,).

    It is 0 where they do not meet; union = (area of the box + area of the other) - intersection.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # boxes of 1e20 pixels have infinite areas
        wide = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
        tall = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
        common = np.maximum(wide, np.float32(0)) * np.maximum(tall, np.float32(0))
        own = (box[2] - box[0]) * (box[3] - box[1])
        union = (own + (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])) - common
        shares: npt.NDArray[np.float32] = np.divide(common, union, out=np.zeros_like(common), where=common > 0)
    return shares


def usable_boxes(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Tell which boxes are finite and have an area: (n,)."""
    usable, finite = (boxes[:, 2:] > boxes[:, :2]), np.isfinite(boxes)
    found = usable[:, 0] & usable[:, 1]
    return found if finite.all() else found & finite.all(axis=1)


def suppress(
    boxes: npt.NDArray[np.float32], classes: npt.NDArray[np.int64], decoder: BoxDecoder
) -> npt.NDArray[np.int64]:
    """Return which boxes stay, best first: greedy non-maximum suppression of boxes that are sorted by score."""
    if decoder.overlap is None:
        return np.arange(min(len(boxes), decoder.most))
    limit = np.float32(decoder.overlap)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        left, top, right, bottom = boxes.T
        sides = np.stack([left, top, right, bottom, (right - left) * (bottom - top)])
        if decoder.agnostic or (classes == classes[:1]).all():
            return _kept_of_one(sides, limit, decoder.most)
        return _kept_of_all(sides, classes, limit, decoder.most)


def _kept_of_one(sides: Numbers32, limit: np.float32, most: int) -> npt.NDArray[np.int64]:
    """The first boxes of one class that no better one overlaps, (5, n) of `_shares`."""
    kept: list[int] = []
    count, best = sides.shape[1], 0
    waiting = np.ones(count + 1, bool)  # the last one is the end
    while best < count and len(kept) < most:
        kept.append(best)
        after = best + 1
        waiting[after:count] &= ~(_shares(sides[:, best:after], sides[:, after:]) > limit)
        best = after + int(waiting[after:].argmax())
    return np.asarray(kept, np.int64)


def _kept_of_all(
    sides: Numbers32, classes: npt.NDArray[np.int64], limit: np.float32, most: int
) -> npt.NDArray[np.int64]:
    """The same of several classes, which do not concern each other: in each round the best box of every class stays."""
    places = np.argsort(classes, kind="stable")
    classes, sides = classes[places], sides.take(places, 1)
    kept = places[:0]
    while len(places):
        best = np.ones(len(places), bool)
        best[1:] = classes[1:] != classes[:-1]
        kept = np.concatenate([kept, places[best]])
        rivals = sides.compress(best, 1).take(best.cumsum() - 1, 1)
        stays = ~((_shares(rivals, sides) > limit) | best)
        if len(kept) >= most:
            kept = np.sort(kept)[:most]
            stays &= places < kept[-1]
        places, classes, sides = places[stays], classes[stays], sides.compress(stays, 1)
    return np.sort(kept)


def _shares(rivals: Numbers32, sides: Numbers32) -> Numbers32:
    """The overlap of each box with another, or of all with one: (n,).

    It is `overlaps` but for NaN where boxes without an area do not meet, which is no more than a limit either.

    Args:
        rivals: Rows of left, top, right, bottom and area, (5, n) or (5, 1).
        sides: The same of the boxes, (5, n).
    """
    meet = np.minimum(rivals[2:4], sides[2:4]) - np.maximum(rivals[:2], sides[:2])  # x and y in one operation
    np.maximum(meet, ZERO, out=meet)
    common = meet[0] * meet[1]
    return np.asarray(common / ((rivals[4] + sides[4]) - common))
