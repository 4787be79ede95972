"""Heads of the kind `keypoints`: points in the picture's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.decoders import Coordinates, Heatmaps
from edgecv_runtime.errors import DataError, SpecError
from edgecv_runtime.geometry import View
from edgecv_runtime.heads.annotation import Annotations, Marked
from edgecv_runtime.heads.answers import HeadAnswer, PointsAnswer, in_form
from edgecv_runtime.heads.arithmetic import activate
from edgecv_runtime.heads.base import Ending, Outputs
from edgecv_runtime.heads.columns import form_of, places_of, read_rows
from edgecv_runtime.heads.explained import Explained
from edgecv_runtime.heads.matches import ShareCounts
from edgecv_runtime.heads.place_metrics import PointMetrics, TruePoints, point_metrics
from edgecv_runtime.heads.spatial import SpatialHead
from edgecv_runtime.heads.words import AnswerCell, Drawn, Skeleton, rounded
from edgecv_runtime.schema import Activation
from edgecv_runtime.text import one_line

MAP_AXES: Final = 4  # batch, height, width, points
QUARTER: Final = 0.25
NEAR: Final = 0.05  # of the object's longer side; points so near are the same
SHOWN: Final = np.float32(0.1)  # points with a lower score are not drawn


@dataclass(frozen=True)
class Keypoints(SpatialHead):
    """Points of one object, in the pixels of the picture."""

    kind = "keypoints"
    meaning = "points in the picture"
    decoders = (Coordinates, Heatmaps)

    @classmethod
    def usual_decoder(cls, shape: Sequence[int]) -> Heatmaps | None:
        """Return heat maps for an output that has such axes; of coordinates somebody must say what they are."""
        return Heatmaps() if len(shape) == MAP_AXES else None

    @classmethod
    def pending(cls, ending: Ending) -> Activation:
        """Return none: coordinates are what they are."""
        return "none"

    def check_decoder(self) -> None:
        """Check that the decoder fits the outputs.

        Raises:
            SpecError: It does not.
        """
        super().check_decoder()
        self.check_canvas()
        decoder = self.spec.decode
        if isinstance(decoder, Heatmaps):
            if len(self.shapes) != 1 or len(self.shapes[0]) != MAP_AXES:
                raise SpecError(f"heat maps are one output of height, width and points, got {self.shapes}")
        elif isinstance(decoder, Coordinates):
            shapes = dict(zip(self.spec.outputs, self.shapes, strict=True))
            rows, width = form_of((decoder.points,), shapes, "points")
            if width != 2:
                raise SpecError(f"the points of its decoder have 2 columns, got {width}")
            if decoder.scores is not None and form_of((decoder.scores,), shapes, "scores") != (rows, 1):
                raise SpecError(f"the scores of its decoder must be {rows} rows of one column")
        if self.spec.activation == "softmax":
            raise SpecError("the scores of points have no softmax, which is over classes", "Use sigmoid, or none")
        count = self.class_count
        if any(max(line) >= count for line in self.skeleton):
            raise SpecError(f"the skeleton of its decoder names a point beyond the {count} that there are")

    @property
    def skeleton(self) -> tuple[tuple[int, int], ...]:
        """The pairs of points between which lines are drawn."""
        decoder = self.spec.decode
        return decoder.skeleton if isinstance(decoder, Coordinates | Heatmaps) else ()

    @property
    def class_count(self) -> int:
        """The number of points."""
        decoder = self.spec.decode
        if isinstance(decoder, Coordinates):
            return form_of((decoder.points,), dict(zip(self.spec.outputs, self.shapes, strict=True)), "points")[0]
        return self.shapes[0][-1]

    def find(self, outputs: Outputs, sample: int = 0) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        """Return the points of one sample in pixels of the input, (n, 2) float64, and their scores."""
        decoder = self.spec.decode
        if isinstance(decoder, Heatmaps):
            return self._peaks(decoder, np.asarray(outputs[self.spec.outputs[0]][sample], np.float32))
        assert isinstance(decoder, Coordinates), "checked when the head was opened"
        points = read_rows((decoder.points,), outputs, sample).astype(np.float64)
        if decoder.order == "yx":
            points = points[:, ::-1]
        if decoder.unit == "relative":
            height, width = self.picture
            points = points * (width, height)
        if decoder.scores is None:
            return points, np.ones(len(points), np.float32)
        return points, activate(read_rows((decoder.scores,), outputs, sample)[:, 0], self.spec.activation)

    def explained(self, outputs: Outputs, wanted: str | None = None) -> Explained:
        """Return the peak of a point's heat map, or its score, or the sum of its coordinates."""
        decoder, output = self.spec.decode, self.spec.outputs[0]
        index = int(self.find(outputs)[1].argmax()) if wanted is None else self.label_index(wanted)
        if isinstance(decoder, Coordinates):
            columns, what = (decoder.points, ", its place") if decoder.scores is None else (decoder.scores, "")
            own = places_of((columns,), outputs)
            return Explained.of(self.label(index) + what, own.output, own.places[index])
        maps = np.asarray(outputs[output][0], np.float32)
        peak = int(maps[..., index].argmax()) * self.class_count + index
        return Explained.of(self.label(index), output, [peak])

    def _peaks(self, decoder: Heatmaps, maps: np.ndarray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        tall, wide, count = maps.shape
        best = maps.reshape(-1, count).argmax(axis=0)
        row, column = np.divmod(best, wide)
        every = np.arange(count)
        x = column + QUARTER * _towards(maps[row], column, every)
        y = row + QUARTER * _towards(maps[:, column].swapaxes(0, 1), row, every)
        height, width = self.picture
        points = np.stack([(x + decoder.centre) * width / wide, (y + decoder.centre) * height / tall], axis=1)
        return points, activate(maps[row, column, every], self.spec.activation)

    def read(self, outputs: Outputs, view: View | None = None) -> PointsAnswer:
        """Return the points.

        Raises:
            BackendError: The model gave NaN.
        """
        self.check_outputs(outputs)
        points, scores = self.placed(outputs, view)
        return PointsAnswer(head=self.name, kind=self.kind, scores=scores, points=points)

    def placed(self, outputs: Outputs, view: View | None) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the points of one sample in pixels of the picture, and their scores; some may be outside."""
        points, scores = self.find(outputs)
        if view is not None and not view.unchanged:
            points = view.back(points)
        return points.astype(np.float32), scores

    def recorded(self, outputs: Outputs, view: View | None) -> tuple[None, npt.NDArray[Any]]:
        """Return x, y and score of each point: (1, n, 3) float32."""
        points, scores = self.placed(outputs, view)
        return None, np.concatenate([points, scores[:, None]], axis=1)[None]

    def comparison(self) -> ShareCounts:
        """Return what counts the points that are near the source's."""
        return ShareCounts(self.name, self._near)

    def _near(self, reference: Outputs, candidate: Outputs) -> npt.NDArray[np.bool_]:
        rows = [
            _same(self.find(reference, sample)[0], self.find(candidate, sample)[0], self.picture)
            for sample in range(len(next(iter(reference.values()))))
        ]
        return np.stack(rows)

    def answers(self, outputs: Outputs) -> npt.NDArray[Any]:
        """Return the points in pixels of the input: (batch, n, 2) float64."""
        return np.stack([self.find(outputs, sample)[0] for sample in range(len(next(iter(outputs.values()))))])

    def read_marks(self, marks: Sequence[Marked], annotations: Annotations) -> npt.NDArray[Any] | None:
        """Return the marked points of each sample in pixels of the input: (n,) of `TruePoints`; None without points.

        Raises:
            DataError: A sample has another number of points than the head.
        """
        if not any(one.marks.points is not None for one in marks):
            return None
        rows = np.empty(len(marks), object)
        rows[:] = [self._true_points(one, str(annotations.path)) for one in marks]
        return rows

    def _true_points(self, one: Marked, origin: str) -> TruePoints:
        count, points = self.class_count, one.marks.points
        if points is None:
            return TruePoints(np.zeros((count, 2)), np.zeros(count, bool), 1.0)
        if len(points) != count:
            raise DataError(f"{origin} has {len(points)} points in {one.id}, and the head {count}")
        scale = one.view.across.scaled / one.view.across.taken
        span = float((points[:, :2].max(axis=0) - points[:, :2].min(axis=0)).max())
        return TruePoints(one.view.ahead(points[:, :2]), points[:, 2] > 0, scale * (one.marks.extent or span))

    def measure(self, truth: npt.NDArray[Any], answers: npt.NDArray[Any]) -> PointMetrics:
        """Return the share of points that are near the marked ones."""
        return point_metrics(truth.tolist(), answers, tuple(self.label(place) for place in range(self.class_count)))

    def cells(self, answer: HeadAnswer, count: int) -> tuple[AnswerCell, ...]:
        """Return the first points."""
        found = in_form(answer, PointsAnswer)
        rows = found.points[:count].tolist()
        return tuple(AnswerCell(one_line(self.label(place)), f"{x:.1f},{y:.1f}") for place, (x, y) in enumerate(rows))

    def record(self, answer: HeadAnswer, outputs: Outputs, count: int) -> dict[str, Any]:
        """Return all points: label, x and y in the picture's pixels, and score."""
        found = in_form(answer, PointsAnswer)
        rows = zip(found.points.tolist(), found.scores.tolist(), strict=True)
        points = [
            {"label": self.label(place), "x": rounded(x), "y": rounded(y), "score": rounded(score)}
            for place, ((x, y), score) in enumerate(rows)
        ]
        return {"points": points}

    def drawing(self, answer: HeadAnswer, count: int) -> tuple[Drawn, ...]:
        """Return the points and the lines between them."""
        found = in_form(answer, PointsAnswer)
        rows = zip(found.points.tolist(), found.scores, strict=True)
        return (Skeleton(tuple((x, y) if score >= SHOWN else None for (x, y), score in rows), self.skeleton),)


def _towards(lines: np.ndarray, places: npt.NDArray[np.int64], every: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """1 or -1 where the neighbour after or before a peak is the larger one; 0 at a border, or where they are equal.

    `lines` are the values along the axis of each peak: (points, cells, maps).
    """
    count = lines.shape[1]
    before = lines[every, np.maximum(places - 1, 0), every]
    after = lines[every, np.minimum(places + 1, count - 1), every]
    inner = (places > 0) & (places < count - 1)
    return np.where(inner, np.sign(after.astype(np.float64) - before.astype(np.float64)), 0.0)


def _same(
    wanted: npt.NDArray[np.float64], got: npt.NDArray[np.float64], canvas: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Mark the points that are within a twentieth of the object's longer side, which the source's points span."""
    size = float((wanted.max(axis=0) - wanted.min(axis=0)).max())
    limit = NEAR * (size or max(canvas))
    return np.asarray(np.hypot(*(got - wanted).T) <= limit)
