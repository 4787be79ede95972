"""COCO's mean average precision, by a library of its own (extra "convert"), with a bootstrap interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.errors import MissingDependencyError
from edgecv_runtime.heads.words import TextTable

RESAMPLES: Final = 60
ENOUGH: Final = 10  # pictures for an interval
LEVELS: Final = (0.025, 0.975)
IOUS, RECALLS = 10, 101  # thresholds of overlap 0.5 to 0.95, and of recall 0 to 1
HALF_IOU, THREE_QUARTERS = 0, 5  # their places
ALL_AREAS, MOST_ANSWERS = 0, -1  # places in COCO's tables


@dataclass(frozen=True, slots=True, eq=False)
class TrueBoxes:
    """The marked objects of one picture, in pixels of the model's input.

    Attributes:
        boxes: (n, 4) float64: left, top, right, bottom.
        labels: (n,) int64.
        ignored: (n,) bool: neither to be found nor wrong.
    """

    boxes: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    ignored: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPrecision:
    """The average precision (0..1) of one label, over all overlaps and at 0.5, and how many objects it has.

    It is None where no picture has such an object.
    """

    label: str
    objects: int
    ap: float | None
    ap50: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxMetrics:
    """Mean average precision as COCO defines it: over overlaps of 0.5 to 0.95, at 0.5 and at 0.75.

    `interval` is the 95 % bootstrap interval of `map`, over pictures; None for fewer than ten. `curves` have for each
    label the precision at recalls of 0, 0.01, ... 1 at an overlap of 0.5.
    """

    count: int
    objects: int
    map: float
    map50: float
    map75: float
    interval: tuple[float, float] | None
    classes: tuple[ClassPrecision, ...]
    curves: dict[str, list[float]]

    def sentence(self) -> str:
        """Return the mean average precision with its interval."""
        between = (
            ""
            if self.interval is None
            else f" (95 % interval {_points(self.interval[0])} to {_points(self.interval[1])})"
        )
        return f"mAP@[.5:.95] {_points(self.map)}{between}, mAP@.5 {_points(self.map50)} on {self.count} pictures"

    def tables(self) -> Iterator[TextTable]:
        """Return the labels."""
        yield TextTable(
            headings=("label", "objects", "AP", "AP@.5"),
            rows=tuple((one.label, str(one.objects), _points(one.ap), _points(one.ap50)) for one in self.classes),
            total=("mean", str(self.objects), _points(self.map), _points(self.map50)),
        )

    def headline(self) -> tuple[str, float]:
        """Return what a loss is measured by."""
        return "mAP@[.5:.95]", self.map


def _points(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def box_metrics(truth: Sequence[TrueBoxes], answers: npt.NDArray[Any], labels: tuple[str, ...]) -> BoxMetrics:
    """Return the metrics of boxes.

    Args:
        truth: The marked objects of each picture.
        answers: (pictures, most, 6): left, top, right, bottom, score, label; NaN where there are fewer.
        labels: The labels' names.

    Raises:
        MissingDependencyError: The library is not installed.
    """
    precision = _precision(truth, answers, range(len(truth)), len(labels))
    objects = np.zeros(len(labels), np.int64)
    for one in truth:
        np.add.at(objects, one.labels[~one.ignored], 1)
    classes = tuple(
        ClassPrecision(
            label=name,
            objects=int(objects[place]),
            ap=_mean(precision[:, :, place]),
            ap50=_mean(precision[HALF_IOU, :, place]),
        )
        for place, name in enumerate(labels)
    )
    return BoxMetrics(
        count=len(truth),
        objects=int(objects.sum()),
        map=_mean(precision) or 0.0,
        map50=_mean(precision[HALF_IOU]) or 0.0,
        map75=_mean(precision[THREE_QUARTERS]) or 0.0,
        interval=_interval(truth, answers, len(labels)) if len(truth) >= ENOUGH else None,
        classes=classes,
        curves={
            name: np.round(precision[HALF_IOU, :, place], 4).tolist()
            for place, name in enumerate(labels)
            if objects[place]
        },
    )


def _interval(truth: Sequence[TrueBoxes], answers: npt.NDArray[Any], labels: int) -> tuple[float, float]:
    """The bootstrap's percentile interval. Source: B. Efron, Bootstrap methods, Annals of Statistics 7 (1979)."""
    rng = np.random.default_rng(0)
    found = [
        _mean(_precision(truth, answers, rng.integers(0, len(truth), len(truth)).tolist(), labels)) or 0.0
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(found, LEVELS)
    return float(low), float(high)


def _mean(precision: npt.NDArray[np.float64]) -> float | None:
    """The mean of what is defined: -1 stands for labels without objects."""
    defined = precision[precision > -1]
    return float(defined.mean()) if defined.size else None


def _precision(
    truth: Sequence[TrueBoxes], answers: npt.NDArray[Any], pictures: Sequence[int], labels: int
) -> npt.NDArray[np.float64]:
    """Precision by overlap, recall and label: (10, 101, labels); -1 where a label has no object.

    A picture may be in `pictures` several times.
    """
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise MissingDependencyError("faster-coco-eval is not installed", 'pip install "edgecv[convert]"') from error
    found = _detections(answers, pictures)
    if not found:
        objects = np.zeros(labels, bool)
        for place in pictures:
            objects[truth[place].labels[~truth[place].ignored]] = True
        return np.where(objects, 0.0, -1.0) * np.ones((IOUS, RECALLS, 1))
    marked = COCO(
        {
            "images": [{"id": number + 1} for number in range(len(pictures))],
            "categories": [{"id": label + 1, "name": str(label)} for label in range(labels)],
            "annotations": _objects(truth, pictures),
        }
    )
    judged = COCOeval_faster(marked, marked.loadRes(found), iouType="bbox")
    judged.evaluate()
    judged.accumulate()
    table: npt.NDArray[np.float64] = np.asarray(judged.eval["precision"])[:, :, :, ALL_AREAS, MOST_ANSWERS]
    return table


def _objects(truth: Sequence[TrueBoxes], pictures: Sequence[int]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, place in enumerate(pictures):
        one = truth[place]
        for box, label, ignored in zip(one.boxes.tolist(), one.labels.tolist(), one.ignored.tolist(), strict=True):
            left, top, right, bottom = box
            size = [left, top, right - left, bottom - top]
            rows.append(
                {
                    "id": len(rows) + 1,
                    "image_id": number + 1,
                    "category_id": label + 1,
                    "bbox": size,
                    "area": size[2] * size[3],
                    "iscrowd": int(ignored),
                }
            )
    return rows


def _detections(answers: npt.NDArray[Any], pictures: Sequence[int]) -> list[dict[str, Any]]:
    rows = []
    for number, place in enumerate(pictures):
        kept = answers[place][np.isfinite(answers[place][:, 4])]
        for left, top, right, bottom, score, label in kept.tolist():
            rows.append(
                {
                    "image_id": number + 1,
                    "category_id": int(label) + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "score": score,
                }
            )
    return rows
