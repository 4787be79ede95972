"""Counting what two answers have in common where answers are places: boxes, pixels and points."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.heads.boxes import overlaps
from edgecv_runtime.heads.comparison import ENOUGH, Outputs
from edgecv_runtime.schema import HeadComparison

SAME_BOX: Final = 0.5  # intersection over union from which on two boxes are of one object
NEAR_LEVELS: Final = 8  # of 256; pixels that differ by no more look the same
EQUAL_DB: Final = 100.0
WHITE: Final = 255


@dataclass(frozen=True, slots=True)
class Found:
    """The boxes of one sample, best first.

    Attributes:
        boxes: (n, 4) float32.
        labels: (n,) int64.
        scores: (n,) float32.
        rows: (n,) int64: which row of the outputs each is of.
    """

    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]

    def taken(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Found:
        """Return some of them."""
        return Found(self.boxes[which], self.labels[which], self.scores[which], self.rows[which])


class LabelsGiven:
    """The number of samples in which the source, and the artifact, give each label."""

    def __init__(self, label: Callable[[int], str]) -> None:
        self._label = label
        self._source: Counter[int] = Counter()
        self._artifact: Counter[int] = Counter()

    def add(self, source: Iterable[int], artifact: Iterable[int]) -> None:
        """Take the labels of one sample in."""
        self._source.update(set(source))
        self._artifact.update(set(artifact))

    def never(self) -> tuple[str, ...]:
        """Return the labels that the source gives in several samples, and the artifact in none."""
        return tuple(
            self._label(label)
            for label, count in sorted(self._source.items())
            if count >= ENOUGH and not self._artifact[label]
        )


class BoxCounts:
    """Boxes of the source and of an artifact, matched one to one: the same label, and an overlap of at least 0.5.

    The agreement is 2 matched / (boxes of the source + boxes of the artifact), over all samples; 1 without any box.

    Args:
        head: The head's name.
        find: Gives the boxes of one sample of a batch.
        label: Names a label.
    """

    def __init__(self, head: str, find: Callable[[Outputs, int], Found], label: Callable[[int], str]) -> None:
        self._head, self._find = head, find
        self._matched = self._boxes = 0
        self._given = LabelsGiven(label)

    def add(self, reference: Outputs, candidate: Outputs) -> npt.NDArray[np.float64]:
        """Take one batch in; return the share of boxes that are matched in each sample."""
        samples = len(next(iter(reference.values())))
        return np.asarray([self._add(reference, candidate, sample) for sample in range(samples)], np.float64)

    def _add(self, reference: Outputs, candidate: Outputs, sample: int) -> float:
        wanted, got = self._find(reference, sample), self._find(candidate, sample)
        matched, boxes = len(match(wanted, got)), len(wanted.labels) + len(got.labels)
        self._matched += matched
        self._boxes += boxes
        self._given.add(wanted.labels.tolist(), got.labels.tolist())
        return 2 * matched / boxes if boxes else 1.0

    def result(self) -> HeadComparison:
        """Return the comparison of the boxes so far."""
        agreement = 2 * self._matched / self._boxes if self._boxes else 1.0
        return HeadComparison(head=self._head, agreement=agreement, never=self._given.never())


def match(wanted: Found, got: Found) -> list[tuple[int, int]]:
    """Return pairs (place in `wanted`, place in `got`) of boxes of one label that overlap by at least 0.5.

    Each box of `wanted`, best first, takes the free one that overlaps it most, the first of equal ones.
    """
    pairs: list[tuple[int, int]] = []
    free = np.ones(len(got.labels), bool)
    for place, box in enumerate(wanted.boxes):
        shares = np.where(free & (got.labels == wanted.labels[place]), overlaps(box, got.boxes), np.float32(-1))
        best = int(shares.argmax()) if len(shares) else -1
        if best >= 0 and shares[best] >= SAME_BOX:
            free[best] = False
            pairs.append((place, best))
    return pairs


class MaskCounts:
    """Pixels of masks: how many have the same class, and the intersection over union of each class.

    Args:
        head: The head's name.
        masks: Gives the masks of a batch, (batch, pixels) integers.
        label: Names a class.
        classes: How many there are.
    """

    def __init__(
        self, head: str, masks: Callable[[Outputs], npt.NDArray[Any]], label: Callable[[int], str], classes: int
    ) -> None:
        self._head, self._masks = head, masks
        self._equal = self._count = 0
        self._common, self._either = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
        self._given = LabelsGiven(label)
        self._classes = classes

    def add(self, reference: Outputs, candidate: Outputs) -> npt.NDArray[np.float64]:
        """Take one batch in; return the share of equal pixels in each sample."""
        wanted, got = self._masks(reference), self._masks(candidate)
        equal = wanted == got
        self._equal += int(np.count_nonzero(equal))
        self._count += equal.size
        for place in range(self._classes):
            ours, theirs = wanted == place, got == place
            self._common[place] += int(np.count_nonzero(ours & theirs))
            self._either[place] += int(np.count_nonzero(ours | theirs))
        for source, artifact in zip(wanted, got, strict=True):
            self._given.add(np.unique(source).tolist(), np.unique(artifact).tolist())
        return np.asarray(equal.mean(axis=1), np.float64)

    def result(self) -> HeadComparison:
        """Return the comparison of the pixels so far, with the mean over the classes that either has."""
        seen = self._either > 0
        overlap = float((self._common[seen] / self._either[seen]).mean()) if seen.any() else 1.0
        return HeadComparison(
            head=self._head,
            agreement=self._equal / max(1, self._count),
            never=self._given.never(),
            measured={"mean_iou": overlap},
        )


class ShareCounts:
    """Parts of answers that are near the source's, such as points: their share over all samples.

    Args:
        head: The head's name.
        near: Gives which parts of each sample are: (batch, parts) bool, or shares of them in 0..1.
    """

    def __init__(self, head: str, near: Callable[[Outputs, Outputs], npt.NDArray[Any]]) -> None:
        self._head, self._near = head, near
        self._sum, self._count = 0.0, 0

    def add(self, reference: Outputs, candidate: Outputs) -> npt.NDArray[np.float64]:
        """Take one batch in; return the share of each sample."""
        near = np.asarray(self._near(reference, candidate), np.float64)
        self._sum += float(near.sum())
        self._count += near.size
        return np.asarray(near.reshape(len(near), -1).mean(axis=1), np.float64)

    def result(self) -> HeadComparison:
        """Return the comparison so far."""
        return HeadComparison(head=self._head, agreement=self._sum / max(1, self._count))


class PictureCounts:
    """Pictures of the source and of an artifact: their peak signal-to-noise ratio, and how many pixels are near.

    The agreement is the share of values within 8 of the source's 0..255.

    Args:
        head: The head's name.
        pictures: Gives the pictures of a batch, uint8.
    """

    def __init__(self, head: str, pictures: Callable[[Outputs], npt.NDArray[np.uint8]]) -> None:
        self._head, self._pictures = head, pictures
        self._near = self._count = 0
        self._squares = 0.0

    def add(self, reference: Outputs, candidate: Outputs) -> npt.NDArray[np.float64]:
        """Take one batch in; return the share of near values of each sample."""
        wanted, got = self._pictures(reference), self._pictures(candidate)
        error = got.astype(np.int64) - wanted.astype(np.int64)
        near = np.abs(error) <= NEAR_LEVELS
        self._near += int(np.count_nonzero(near))
        self._count += near.size
        self._squares += float(np.square(error).sum())
        return np.asarray(near.reshape(len(near), -1).mean(axis=1), np.float64)

    def result(self) -> HeadComparison:
        """Return the comparison so far."""
        return HeadComparison(
            head=self._head,
            agreement=self._near / max(1, self._count),
            measured={"psnr_db": psnr(self._squares, self._count)},
        )


def psnr(squares: float, count: int) -> float:
    """Return 10 log10(255^2 / mean squared error) in dB; 100 for equal pictures, which have no error.

    Source: the usual definition, as scikit-image's `peak_signal_noise_ratio` has it for uint8.
    """
    return min(EQUAL_DB, 10 * math.log10(WHITE * WHITE * count / squares)) if squares else EQUAL_DB
