"""The records of a head's decoder: how the numbers of outputs become boxes, masks, points and pictures.

What each one computes, operation by operation, stands in docs/decoding.md. Pixels are those of the model's input: x to
the right and y down from its top left corner, so that the first pixel reaches from 0 to 1.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edgecv_runtime.records import Record

Place = Annotated[int, msgspec.Meta(ge=0, le=1 << 20)]
Side = Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]


class Columns(Record, frozen=True, kw_only=True):
    """Some columns of an output, whose values are read as rows: one row for each box, point or cell.

    Rows have `width` values, or those of the whole channel axis; columns are `first` to `first + count`, or to the last
    one. `channels` is where the channel axis stands: "last", or "second" after the batch.
    """

    output: str
    first: Place = 0
    count: Side | None = None
    width: Side | None = None
    channels: Literal["last", "second"] = "last"


class Level(Record, frozen=True, kw_only=True):
    """The cells of one map of features: `grid` (rows, columns), each `stride` (down, across) pixels large.

    `sizes` are the (width, height) in pixels of the boxes that each cell proposes; without sizes it has one place.
    """

    grid: tuple[Side, Side]
    stride: tuple[float, float]
    sizes: tuple[tuple[float, float], ...] = ()


class BoxDecoder(Record, frozen=True, kw_only=True):
    """The part that decoders of boxes share: where scores and boxes stand, and which boxes are answers.

    Attributes:
        scores: Columns with a value for each class, rows in the order of the boxes; several are one after the other.
        boxes: Columns with the numbers of each box.
        objectness: Columns with one value a box, by which its scores are multiplied.
        background: The class that stands for nothing, which has no label.
        classes: "all" that reach their threshold are answers of a box, or the "best" one alone.
        overlap: A box that overlaps a better one by more (intersection over union) is left out; None keeps all.
        agnostic: Whether boxes of different classes suppress each other.
        before: The number of best answers that are looked at.
        most: The number of answers to a picture at most.
    """

    scores: tuple[Columns, ...]
    boxes: tuple[Columns, ...]
    objectness: tuple[Columns, ...] = ()
    background: Place | None = None
    classes: Literal["all", "best"] = "all"
    overlap: float | None = 0.5
    agnostic: bool = False
    before: Side = 1000
    most: Side = 100


class Decoded(BoxDecoder, frozen=True, kw_only=True, tag_field="form", tag="boxes"):
    """Boxes that the model decodes itself: their corners, or corner and size, or centre and size.

    `unit` is "pixels" of the input, or "relative" to its width and height. Detectors that finish the work give one
    score a box, and in `numbers` the number of its class, which is one of 0 to `class_count` - 1, the background among
    them. Without `numbers` there is a score for each class.
    """

    numbers: tuple[Columns, ...] = ()
    class_count: Side | None = None
    order: Literal["xyxy", "yxyx", "xywh", "cxcywh"] = "xyxy"
    unit: Literal["pixels", "relative"] = "pixels"


class Offsets(BoxDecoder, frozen=True, kw_only=True, tag_field="form", tag="ssd"):
    """Offsets from anchor boxes, as SSD and RetinaNet have them.

    `variances` scale the offsets of x, y, width and height; `order` says whether x or y comes first. Anchors are the
    boxes of `sizes` at each cell, whose centre is `centre` of its stride from its corner. `largest` is the most that a
    logarithm of a size may be.
    """

    levels: tuple[Level, ...]
    order: Literal["xywh", "yxhw"] = "xywh"
    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    centre: float = 0.5
    largest: float | None = None


class Distances(BoxDecoder, frozen=True, kw_only=True, tag_field="form", tag="grid"):
    """Distances from each cell's centre to left, top, right and bottom, in strides, as FCOS and YOLOv8 have them.

    With `bins` over 1 each distance is the mean of 0 to bins - 1 by the softmax of so many values.
    """

    levels: tuple[Level, ...]
    bins: Side = 1
    centre: float = 0.5


class Anchors(BoxDecoder, frozen=True, kw_only=True, tag_field="form", tag="anchors"):
    """Offsets by a sigmoid inside a cell and sizes relative to anchors, as YOLOv3, v4 and v5 have them.

    `stretch` widens the sigmoid around its middle; sizes grow by an "exp", or by the "square" of twice a sigmoid.
    """

    levels: tuple[Level, ...]
    stretch: float = 1.0
    growth: Literal["exp", "square"] = "exp"


class Centers(BoxDecoder, frozen=True, kw_only=True, tag_field="form", tag="center"):
    """Peaks of a heat map for each class, with a size and an offset at each cell, as CenterNet has them.

    `boxes` are width and height of each cell's box, `offsets` the (x, y) from the cell's corner to the centre; both in
    cells. A peak is the largest value of the `window` x `window` cells around it.
    """

    levels: tuple[Level, ...]
    offsets: tuple[Columns, ...] = ()
    window: Side = 3


class Planes(Record, frozen=True, kw_only=True, tag_field="form", tag="planes"):
    """A plane of values for each class, (height, width, classes), resampled to the picture: its largest one holds.

    One plane alone is a probability: the second label holds where it reaches the threshold.
    """

    kernel: Literal["nearest", "bilinear"] = "bilinear"


class Coordinates(Record, frozen=True, kw_only=True, tag_field="form", tag="coordinates"):
    """Coordinates of points: `points` has two columns, `scores` one, rows in the order of the labels.

    `skeleton` are the pairs of points between which lines are drawn.
    """

    points: Columns
    scores: Columns | None = None
    order: Literal["xy", "yx"] = "xy"
    unit: Literal["pixels", "relative"] = "pixels"
    skeleton: tuple[tuple[Place, Place], ...] = ()


class Heatmaps(Record, frozen=True, kw_only=True, tag_field="form", tag="heatmaps"):
    """A map for each point, (height, width, points): the place of its largest value.

    The place is moved by a quarter of a cell towards the larger one of its two neighbours, in both directions.
    `centre` is where in its cell a point lies; `skeleton` is as in `Coordinates`.
    """

    centre: float = 0.5
    skeleton: tuple[tuple[Place, Place], ...] = ()


class Pixels(Record, frozen=True, kw_only=True, tag_field="form", tag="pixels"):
    """A picture, (height, width, 1 or 3 channels): `low` is black and `high` white."""

    low: float = 0.0
    high: float = 1.0


Decoder = Decoded | Offsets | Distances | Anchors | Centers | Planes | Coordinates | Heatmaps | Pixels
