"""Decoding once more, from docs/decoding.md alone: loops over Python's floats (float64) and `np.float32` scalars.

Only the records that say what to do are shared with edgecv. Written for being obviously right, not for speed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from math import floor, inf
from typing import Any

import numpy as np
from edgecv_runtime.decoders import BoxDecoder, Columns, Coordinates, Heatmaps, Pixels, Planes
from edgecv_runtime.schema import HeadSpec, Preprocess

from tests.golden.decode_axes import Axis, axes, part
from tests.golden.decode_steps import F32, Step, around, bilinear, cells, held, overlap, plain, quarter

Outputs = dict[str, np.ndarray]
Answer = tuple[tuple[int, ...] | None, np.ndarray]  # the decisions and the scores of a golden case
UNSEEN = 255


def exact(x: float) -> float:
    """The exponential, infinite where it is too large for float64."""
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def nudged(factor: float) -> Callable[[float], float]:
    """An exponential that is wrong by a factor near 1, but right where every library is: at 0, and where it is 0."""
    return lambda x: 1.0 if x == 0 else exact(x) * factor


class Decoding:
    """One head's way from outputs to what a golden case records of its answer."""

    def __init__(
        self, spec: HeadSpec, exp: Callable[[float], float] = exact, steps: tuple[Step, Step, Step] = (plain,) * 3
    ) -> None:
        self.spec, self.exp, self.steps = spec, exp, steps

    def __call__(self, outputs: Outputs, preprocess: Preprocess, picture: tuple[int, int] | None) -> Answer:
        """The decisions and the scores."""
        self.outputs = {name: outputs[name][0] for name in self.spec.outputs}
        self.down, self.across = axes(preprocess, picture)
        decode: Any = self.spec.decode
        with np.errstate(all="ignore"):
            if isinstance(decode, BoxDecoder):
                return self.detection(decode)
            if isinstance(decode, Planes):
                return None, self.mask(decode)
            if isinstance(decode, Coordinates):
                return None, self.coordinates(decode)
            if isinstance(decode, Heatmaps):
                return None, self.peaks(decode)
            if isinstance(decode, Pixels):
                return None, self.picture(decode)
            return None, self.unit()

    # What several kinds need

    def rows(self, columns: Columns) -> list[list[np.float32]]:
        """The rows of one `Columns`."""
        values = self.outputs[columns.output]
        if columns.channels == "second":
            values = np.moveaxis(values, 0, -1)
        flat = list(values.astype(F32).ravel(order="C"))
        width = columns.width or values.shape[-1]
        last = width if columns.count is None else columns.first + columns.count
        return [flat[at + columns.first : at + last] for at in range(0, len(flat), width)]

    def all_rows(self, several: Sequence[Columns]) -> list[list[np.float32]]:
        """Rows of several `Columns`, one after the other."""
        return [row for columns in several for row in self.rows(columns)]

    def sigmoid(self, x: float) -> float:
        """In float64, and without a large exponential."""
        if x >= 0:
            return 1.0 / (1.0 + self.exp(-x))
        e = self.exp(x)
        return e / (1.0 + e)

    def activated(self, row: Sequence[np.float32]) -> list[np.float32]:
        """Values after the head's activation."""
        if self.spec.activation == "sigmoid":
            return [F32(self.sigmoid(float(v))) for v in row]
        if self.spec.activation == "softmax":
            top = max(float(v) for v in row)
            powers = [self.exp(float(v) - top) for v in row]
            total = 0.0
            for power in powers:
                total = total + power
            return [F32(power / total) for power in powers]
        return list(row)

    def back(self, x: float, y: float) -> tuple[float, float]:
        """A place of the input in the picture."""
        if self.down.unchanged and self.across.unchanged:
            return x, y
        return self.across.back(x), self.down.back(y)

    # Boxes

    def detection(self, decode: Any) -> Answer:
        """The labels, and rows of places and score."""
        places = [
            tuple(F32(number) for number in corners)
            for corners in getattr(self, f"form_{decode.__struct_config__.tag}")(decode)
        ]
        found = []
        for score, row, label in self.candidates(decode):
            box = places[row]
            if all(math.isfinite(float(n)) for n in box) and box[2] > box[0] and box[3] > box[1]:
                found.append((score, label, box))
        labels, numbers = [], []
        for score, label, box in self.suppressed(found, decode):
            shown = self.shown(box)
            if shown[2] > shown[0] and shown[3] > shown[1]:
                labels.append(label)
                numbers.append([*shown, score])
        return tuple(labels), np.array(numbers, F32).reshape(1, -1, 5)

    def numbered(self, decode: Any) -> list[tuple[np.float32, int, int]]:
        """Score, row and label of the rows whose class is a number."""
        labels = [c for c in range(decode.class_count) if c != decode.background]
        objectness, found = self.all_rows(decode.objectness), []
        for r, (row, (number,)) in enumerate(
            zip(self.all_rows(decode.scores), self.all_rows(decode.numbers), strict=True)
        ):
            (score,) = self.activated(row)
            if objectness:
                score = F32(score * self.objectness(objectness[r]))
            c = round(float(number))  # half to even
            if c in labels:
                label = labels.index(c)
                thresholds = self.spec.thresholds
                if score >= F32(thresholds[label] if len(thresholds) > 1 else thresholds[0]):
                    found.append((score, r, label))
        found.sort(key=lambda one: (-float(one[0]), one[1]))
        return found[: decode.before]

    def objectness(self, row: Sequence[np.float32]) -> np.float32:
        """The factor of the scores of a row."""
        (there,) = row
        return F32(self.sigmoid(float(there))) if self.spec.activation == "sigmoid" else there

    def candidates(self, decode: Any) -> list[tuple[np.float32, int, int]]:
        """Score, row and label of the best pairs."""
        if getattr(decode, "numbers", ()):
            return self.numbered(decode)
        rows, objectness = self.all_rows(decode.scores), self.all_rows(decode.objectness)
        peaks = self.window_peaks(decode, rows) if hasattr(decode, "window") else None
        found = []
        for r, row in enumerate(rows):
            scores = self.activated(row)
            if objectness:
                scores = [F32(score * self.objectness(objectness[r])) for score in scores]
            classes = [c for c in range(len(row)) if c != decode.background]
            labels = {c: label for label, c in enumerate(classes)}
            if decode.classes == "best":
                classes = [max(classes, key=lambda c: (float(row[c]), -c))]
            for c in classes:
                if peaks is not None and (r, c) not in peaks:
                    continue
                thresholds = self.spec.thresholds
                bar = thresholds[labels[c]] if len(thresholds) > 1 else thresholds[0]
                if scores[c] >= F32(bar):
                    found.append((scores[c], r, labels[c]))
        found.sort(key=lambda one: (-float(one[0]), one[1], one[2]))
        return found[: decode.before]

    def window_peaks(self, decode: Any, rows: list[list[np.float32]]) -> set[tuple[int, int]]:
        """The (row, class) of values that no value of their class around them exceeds."""
        found, start, reach = set(), 0, decode.window // 2
        for level in decode.levels:
            high, wide = level.grid
            for i in range(high):
                for j in range(wide):
                    around = [
                        rows[start + y * wide + x]
                        for y in range(max(0, i - reach), min(high, i + reach + 1))
                        for x in range(max(0, j - reach), min(wide, j + reach + 1))
                    ]
                    here = start + i * wide + j
                    for c, value in enumerate(rows[here]):
                        if not any(other[c] > value for other in around):
                            found.add((here, c))
            start += high * wide
        return found

    def suppressed(self, found: list[Any], decode: Any) -> list[Any]:
        """What stays of the candidates."""
        kept: list[Any] = []
        for score, label, box in found:
            if len(kept) == decode.most:
                break
            rivals = [other for _, of, other in kept if decode.agnostic or of == label]
            if decode.overlap is None or not any(overlap(other, box) > F32(decode.overlap) for other in rivals):
                kept.append((score, label, box))
        return kept

    def shown(self, box: Sequence[np.float32]) -> list[np.float32]:
        """A box in the picture's pixels, cut at its border."""
        left, top = self.back(float(box[0]), float(box[1]))
        right, bottom = self.back(float(box[2]), float(box[3]))
        x, y = (
            (lambda v: min(max(v, 0.0), float(self.across.whole))),
            (lambda v: min(max(v, 0.0), float(self.down.whole))),
        )
        return [F32(x(left)), F32(y(top)), F32(x(right)), F32(y(bottom))]

    def form_boxes(self, decode: Any) -> Iterator[tuple[float, ...]]:
        """Boxes that the model decoded."""
        for row in self.all_rows(decode.boxes):
            a, b, c, d = (float(v) for v in row)
            if decode.unit == "relative":
                wide, high = self.across.canvas, self.down.canvas
                if decode.order == "yxyx":
                    wide, high = high, wide
                a, b, c, d = a * wide, b * high, c * wide, d * high
            yield {
                "xyxy": (a, b, c, d),
                "yxyx": (b, a, d, c),
                "xywh": (a, b, a + c, b + d),
                "cxcywh": around(a, b, c, d),
            }[decode.order]

    def form_ssd(self, decode: Any) -> Iterator[tuple[float, ...]]:
        """Offsets from anchor boxes."""
        vx, vy, vw, vh = decode.variances
        most = inf if decode.largest is None else decode.largest
        for row, (i, j, sy, sx, (w, h)) in zip(self.all_rows(decode.boxes), cells(decode), strict=True):
            a, b, c, d = (float(v) for v in row)
            tx, ty, tw, th = (b, a, d, c) if decode.order == "yxhw" else (a, b, c, d)
            tx, ty, tw, th = tx * vx, ty * vy, min(tw * vw, most), min(th * vh, most)
            x, y = tx * w + (j + decode.centre) * sx, ty * h + (i + decode.centre) * sy
            yield around(x, y, self.exp(tw) * w, self.exp(th) * h)

    def form_grid(self, decode: Any) -> Iterator[tuple[float, ...]]:
        """Distances from the centres of cells."""
        for row, (i, j, sy, sx, _) in zip(self.all_rows(decode.boxes), cells(decode), strict=True):
            n = decode.bins
            a, b, c, d = (self.mean([float(v) for v in row[k * n : (k + 1) * n]]) for k in range(4))
            x, y = j + decode.centre, i + decode.centre
            yield (x - a) * sx, (y - b) * sy, (x + c) * sx, (y + d) * sy

    def mean(self, values: list[float]) -> float:
        """The mean place in a distribution of logits, or the one value itself."""
        if len(values) == 1:
            return values[0]
        top, over, under = max(values), 0.0, 0.0
        for place, value in enumerate(values):
            power = self.exp(value - top)
            over, under = over + power * place, under + power
        return over / under

    def form_anchors(self, decode: Any) -> Iterator[tuple[float, ...]]:
        """Offsets by a sigmoid."""

        def grown(x: float) -> float:
            return self.exp(x) if decode.growth == "exp" else (2.0 * self.sigmoid(x)) * (2.0 * self.sigmoid(x))

        def moved(x: float) -> float:
            return self.sigmoid(x) * decode.stretch - (decode.stretch - 1) / 2

        for row, (i, j, sy, sx, (w, h)) in zip(self.all_rows(decode.boxes), cells(decode), strict=True):
            a, b, c, d = (float(v) for v in row)
            yield around((j + moved(a)) * sx, (i + moved(b)) * sy, grown(c) * w, grown(d) * h)

    def form_center(self, decode: Any) -> Iterator[tuple[float, ...]]:
        """Sizes and offsets at the peaks of heat maps."""
        rows = self.all_rows(decode.boxes)
        offsets = self.all_rows(decode.offsets) or [[F32(0), F32(0)]] * len(rows)
        for row, offset, (i, j, sy, sx, _) in zip(rows, offsets, cells(decode), strict=True):
            (a, b), (u, v) = (float(n) for n in row), (float(n) for n in offset)
            yield around((j + u) * sx, (i + v) * sy, a * sx, b * sy)

    # Masks

    def mask(self, decode: Planes) -> np.ndarray:
        """A class for every pixel of the picture."""
        (planes,) = self.outputs.values()
        planes = planes.astype(F32).reshape(*planes.shape[:2], -1)
        high, wide, count = planes.shape
        if count == 1 and self.spec.activation == "sigmoid":
            planes = np.array([[self.activated(list(cell)) for cell in line] for line in planes], F32)
        same = self.down.unchanged and self.across.unchanged and (high, wide) == (self.down.canvas, self.across.canvas)
        made = np.full((1, self.down.whole, self.across.whole), UNSEEN, np.uint8)
        for i in range(self.down.whole):
            for j in range(self.across.whole):
                y, x = self.down.ahead(i + 0.5), self.across.ahead(j + 0.5)
                if not (self.sees(self.down, y) and self.sees(self.across, x)):
                    continue
                p, q = y * high / self.down.canvas, x * wide / self.across.canvas
                nearest = same or decode.kernel == "nearest"
                values = (
                    planes[held(floor(p), high), held(floor(q), wide)]
                    if nearest
                    else bilinear(planes, p, q, self.steps)
                )
                made[0, i, j] = self.held_class(list(values))
        return made

    @staticmethod
    def sees(axis: Axis, place: float) -> bool:
        """Whether a place of the input shows the picture."""
        return axis.at <= place <= axis.at + axis.shown

    def held_class(self, values: list[np.float32]) -> int:
        """The class of a pixel."""
        if len(values) == 1:
            return int(values[0] >= F32(self.spec.thresholds[0]))
        return max(range(len(values)), key=lambda c: (float(values[c]), -c))

    # Points

    def coordinates(self, decode: Coordinates) -> np.ndarray:
        """Points that the model gives as numbers."""
        scores = None if decode.scores is None else [self.activated(row) for row in self.rows(decode.scores)]
        made = []
        for k, (a, b) in enumerate(self.rows(decode.points)):
            x, y = (float(a), float(b)) if decode.order == "xy" else (float(b), float(a))
            if decode.unit == "relative":
                x, y = x * self.across.canvas, y * self.down.canvas
            x, y = self.back(x, y)
            made.append([F32(x), F32(y), F32(1) if scores is None else scores[k][0]])
        return np.array([made], F32)

    def peaks(self, decode: Heatmaps) -> np.ndarray:
        """Points at the largest values of maps."""
        (maps,) = self.outputs.values()
        high, wide, count = maps.shape
        made = []
        for k in range(count):
            i, j = max(
                ((i, j) for i in range(high) for j in range(wide)), key=lambda at: (maps[*at, k], -at[0], -at[1])
            )
            dx = quarter(maps[i, j - 1, k], maps[i, j + 1, k]) if 0 < j < wide - 1 else 0.0
            dy = quarter(maps[i - 1, j, k], maps[i + 1, j, k]) if 0 < i < high - 1 else 0.0
            x = (j + dx + decode.centre) * self.across.canvas / wide
            y = (i + dy + decode.centre) * self.down.canvas / high
            x, y = self.back(x, y)
            made.append([F32(x), F32(y), self.activated([F32(maps[i, j, k])])[0]])
        return np.array([made], F32)

    # Pictures and vectors

    def picture(self, decode: Pixels) -> np.ndarray:
        """Bytes of the part that shows the picture."""
        (values,) = self.outputs.values()
        values = values.reshape(*values.shape[:2], -1)
        top, bottom = part(self.down, values.shape[0])
        left, right = part(self.across, values.shape[1])
        made = np.zeros((1, bottom - top, right - left, values.shape[2]), np.uint8)
        for i, j, c in np.ndindex(made.shape[1:]):
            value = (float(values[top + i, left + j, c]) - decode.low) * 255 / (decode.high - decode.low)
            made[0, i, j, c] = min(max(round(value), 0), 255)
        return made

    def unit(self) -> np.ndarray:
        """The vector of length one."""
        (values,) = self.outputs.values()
        numbers = [float(v) for v in values.ravel()]
        total = 0.0
        for number in numbers:
            total = total + number * number
        length = math.sqrt(total)
        return np.array([[F32(n / length) if length else F32(0) for n in numbers]], F32)
