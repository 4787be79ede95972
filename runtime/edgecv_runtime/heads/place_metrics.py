"""The quality of masks, points and pictures: intersection over union, share of correct points, noise and likeness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.heads.masks import UNSEEN
from edgecv_runtime.heads.matches import psnr
from edgecv_runtime.heads.words import TextTable
from edgecv_runtime.text import percent

RESAMPLES: Final = 200
LEVELS: Final = (0.025, 0.975)
PCK: Final = 0.1  # of the object's longer side
WINDOW: Final = 7  # pixels
WHITE: Final = 255.0
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOverlap:
    """One class of masks: intersection over union, Dice (0..1; None where neither has it), and its share of pixels."""

    label: str
    iou: float | None
    dice: float | None
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskMetrics:
    """Masks on the model's input: mean intersection over union and Dice of the classes, and equal pixels (0..1).

    `interval` is the 95 % bootstrap interval of the mean intersection over union, over pictures.
    """

    count: int
    mean_iou: float
    mean_dice: float
    pixels: float
    interval: tuple[float, float]
    classes: tuple[ClassOverlap, ...]

    def sentence(self) -> str:
        """Return the mean intersection over union with its interval."""
        low, high = self.interval
        between = f"(95 % interval {100 * low:.1f} to {100 * high:.1f})"
        return (
            f"mIoU {100 * self.mean_iou:.1f} {between}, Dice {100 * self.mean_dice:.1f}, "
            f"{percent(self.pixels, 2)} of pixels right on {self.count} pictures"
        )

    def tables(self) -> Iterator[TextTable]:
        """Return the classes."""
        yield TextTable(
            headings=("class", "share", "IoU", "Dice"),
            rows=tuple((one.label, percent(one.share), _points(one.iou), _points(one.dice)) for one in self.classes),
            total=("mean", "", _points(self.mean_iou), _points(self.mean_dice)),
        )

    def headline(self) -> tuple[str, float]:
        """Return what a loss is measured by."""
        return "mIoU", self.mean_iou


def _points(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def mask_metrics(truth: npt.NDArray[Any], answers: npt.NDArray[Any], labels: tuple[str, ...]) -> MaskMetrics:
    """Return the metrics of masks (n, ...) of class indices; 255 in the truth is not judged."""
    judged = (truth != UNSEEN).any(axis=tuple(range(1, truth.ndim)))
    if judged.any():
        truth, answers = truth[judged], answers[judged]
    count, classes = len(truth), len(labels)
    tables = np.stack([_confusion(one, other, classes) for one, other in zip(truth, answers, strict=True)])
    total = tables.sum(axis=0)
    iou, dice = _overlaps(total)
    rng = np.random.default_rng(0)
    drawn = [_mean(_overlaps(tables[rng.integers(0, count, count)].sum(axis=0))[0]) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, LEVELS)
    pixels = max(1, int(total.sum()))
    shares = (total.sum(axis=1) / pixels).tolist()
    rows = zip(labels, _none(iou), _none(dice), shares, strict=True)
    return MaskMetrics(
        count=count,
        mean_iou=_mean(iou),
        mean_dice=_mean(dice),
        pixels=float(np.trace(total)) / pixels,
        interval=(float(low), float(high)),
        classes=tuple(ClassOverlap(label=a, iou=b, dice=c, share=d) for a, b, c, d in rows),
    )


def _confusion(truth: npt.NDArray[Any], answer: npt.NDArray[Any], classes: int) -> npt.NDArray[np.int64]:
    judged = (truth != UNSEEN) & (truth < classes)
    flat = truth[judged].astype(np.int64) * (classes + 1) + np.minimum(answer[judged].astype(np.int64), classes)
    counted = np.bincount(flat, minlength=classes * (classes + 1)).reshape(classes, classes + 1)
    return counted[:, :classes] if not counted[:, classes].any() else _with_unseen(counted)


def _with_unseen(counted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Pixels without an answer are wrong: they count for the next class, which theirs is not."""
    table = counted[:, :-1].copy()
    for place in range(len(table)):
        table[place, (place + 1) % len(table)] += counted[place, -1]
    return table


def _overlaps(table: npt.NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Intersection over union and Dice by class, NaN where neither has it."""
    common = np.diag(table).astype(np.float64)
    both = (table.sum(axis=0) + table.sum(axis=1)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return common / (both - common), 2 * common / both


def _mean(values: FloatArray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else 0.0


def _none(values: FloatArray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


@dataclass(frozen=True, slots=True, eq=False)
class TruePoints:
    """The marked points of one object: (n, 2) in pixels of the model's input, which are marked, and its longer side."""

    points: FloatArray
    marked: npt.NDArray[np.bool_]
    extent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PointMetrics:
    """The share of points within a tenth of the object's longer side (PCK@0.1), in all and by label; mean distance.

    `distance` is the mean distance relative to that side. Source: Y. Yang and D. Ramanan, PAMI 35 (2013).
    """

    count: int
    pck: float
    distance: float
    labels: dict[str, float]

    def sentence(self) -> str:
        """Return the share."""
        away = f"mean distance {100 * self.distance:.1f} % of the object"
        return f"PCK@0.1 {percent(self.pck, 2)} of {self.count} points, {away}"

    def tables(self) -> Iterator[TextTable]:
        """Return the points."""
        rows = tuple((name, percent(share, 1)) for name, share in self.labels.items())
        yield TextTable(headings=("point", "PCK@0.1"), rows=rows)

    def headline(self) -> tuple[str, float]:
        """Return what a loss is measured by."""
        return "PCK@0.1", self.pck


def point_metrics(truth: Sequence[TruePoints], answers: npt.NDArray[Any], labels: tuple[str, ...]) -> PointMetrics:
    """Return the metrics of points, (pictures, n, 2)."""
    distances = np.stack(
        [np.hypot(*(found - one.points).T) / max(one.extent, 1e-9) for found, one in zip(answers, truth, strict=True)]
    )
    marked = np.stack([one.marked for one in truth])
    near = distances <= PCK
    counts = np.maximum(marked.sum(axis=0), 1)
    shares = ((near & marked).sum(axis=0) / counts).tolist()
    total = max(1, int(marked.sum()))
    return PointMetrics(
        count=int(marked.sum()),
        pck=float((near & marked).sum()) / total,
        distance=float(distances[marked].sum()) / total,
        labels=dict(zip(labels, shares, strict=True)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureMetrics:
    """Pictures against those that people made: mean peak signal-to-noise ratio (dB), structural similarity (0..1)."""

    count: int
    psnr_db: float
    ssim: float
    interval: tuple[float, float]

    def sentence(self) -> str:
        """Return the noise and the likeness."""
        low, high = self.interval
        between = f"(95 % interval {low:.2f} to {high:.2f})"
        return f"PSNR {self.psnr_db:.2f} dB {between}, SSIM {self.ssim:.4f} on {self.count} pictures"

    def tables(self) -> Iterator[TextTable]:
        """Return no table."""
        yield from ()

    def headline(self) -> tuple[str, float]:
        """Return what a loss is measured by."""
        return "SSIM", self.ssim


def picture_metrics(truth: npt.NDArray[Any], answers: npt.NDArray[Any]) -> PictureMetrics:
    """Return the metrics of pictures, (n, height, width, channels) uint8."""
    noise = []
    for one, other in zip(truth, answers, strict=True):
        error = other.astype(np.float64) - one.astype(np.float64)
        noise.append(psnr(float(np.square(error).sum()), error.size))
    rng = np.random.default_rng(0)
    drawn = [np.mean(rng.choice(noise, len(noise))) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, LEVELS)
    likeness = [ssim(one, other) for one, other in zip(truth, answers, strict=True)]
    return PictureMetrics(
        count=len(noise),
        psnr_db=float(np.mean(noise)),
        ssim=float(np.mean(likeness)),
        interval=(float(low), float(high)),
    )


def ssim(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """Return the structural similarity of pictures (height, width, channels): the mean over windows of 7 x 7 pixels.

    Source: Z. Wang and others, Image quality assessment, IEEE TIP 13 (2004), with the windows, sample covariance and
    constants that scikit-image's `structural_similarity` has by default.
    """
    x, y = one.astype(np.float64), other.astype(np.float64)
    window = max(1, min(WINDOW, *x.shape[:2]))
    size = window * window
    unbiased = size / max(1, size - 1)
    mx, my = _means(x, window), _means(y, window)
    vx = unbiased * (_means(x * x, window) - mx * mx)
    vy = unbiased * (_means(y * y, window) - my * my)
    vxy = unbiased * (_means(x * y, window) - mx * my)
    c1, c2 = (0.01 * WHITE) ** 2, (0.03 * WHITE) ** 2
    map_ = ((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return float(map_.mean())


def _means(values: FloatArray, window: int) -> FloatArray:
    """The mean of every window that is whole."""
    sums = np.pad(values, ((1, 0), (1, 0), (0, 0))).cumsum(axis=0).cumsum(axis=1)
    part = sums[window:, window:] - sums[:-window, window:] - sums[window:, :-window] + sums[:-window, :-window]
    return np.asarray(part / (window * window))
