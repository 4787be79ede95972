"""The marks of people in a picture: boxes, a mask, points, or the picture that a model should make of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgecv_runtime.geometry import View


@dataclass(frozen=True, slots=True)
class MarkedBox:
    """One object: its label, and left, top, right and bottom in the picture's pixels, or in 0..1 where `relative`.

    `ignored` objects are neither to be found nor wrong where they are: crowds, and what is called difficult.
    """

    label: str
    place: tuple[float, float, float, float]
    ignored: bool = False
    relative: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """The marks of one picture; what it does not have is empty or None.

    Attributes:
        boxes: Its objects.
        mask: A PNG of label indices, a pixel for each of the picture's; 255 is not judged.
        points: (n, 3) float64: x, y, and whether it is marked (0 or 1).
        extent: The longer side of the object that the points are of, in pixels.
        target: The picture that a model should make.
    """

    boxes: tuple[MarkedBox, ...] = ()
    mask: Path | None = None
    points: npt.NDArray[np.float64] | None = None
    extent: float | None = None
    target: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """The marks of a data set.

    Attributes:
        form: What the files are, for people: "COCO JSON".
        path: What messages call them.
        names: The labels that they name, in their own order; empty where they only have indices.
        by_id: The marks of each sample, by its id.
    """

    form: str
    path: Path
    names: tuple[str, ...] = ()
    by_id: dict[str, Annotation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Marked:
    """The marks of one sample, and where its picture lies in the model's input."""

    id: str
    marks: Annotation
    view: View
