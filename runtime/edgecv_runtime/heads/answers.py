"""The answers of heads: small frozen records, one form for each way of answering."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

Form = TypeVar("Form", bound="HeadAnswer")


class Top(msgspec.Struct, frozen=True, kw_only=True):
    """One of the best answers: its name, its index, and its score."""

    label: str
    index: int
    score: float


class HeadAnswer(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The answer of one head to one sample.

    Attributes:
        head: The head's name.
        kind: The head's kind.
        label: The class name, its index as text where the head has no labels, or None where no one class is chosen.
        index: The class index, or None.
        score: The winning class's value in `scores`, or None.
        labels: The names whose score reaches their threshold, best first, where any number of them may hold.
        scores: One value for each answer of the head, float32 (see `Head.scores`).
    """

    head: str
    kind: str
    label: str | None = None
    index: int | None = None
    score: float | None = None
    labels: tuple[str, ...] = ()
    scores: np.ndarray


class BoxesAnswer(HeadAnswer, frozen=True, kw_only=True, eq=False):
    """The boxes that were found in a picture, best first; `label`, `index` and `score` are the best one's, or None.

    Attributes:
        boxes: (n, 4) float32: left, top, right and bottom in the picture's pixels.
        indices: (n,) int64: the label of each box; `scores` (n,) are theirs.
    """

    boxes: npt.NDArray[np.float32]
    indices: npt.NDArray[np.int64]


class MaskAnswer(HeadAnswer, frozen=True, kw_only=True, eq=False):
    """A class for each pixel of a picture.

    Attributes:
        mask: (height, width) uint8 of label indices; 255 where the model has not seen the picture. `scores` are the
            shares of the seen pixels that each label has.
    """

    mask: npt.NDArray[np.uint8]


class PointsAnswer(HeadAnswer, frozen=True, kw_only=True, eq=False):
    """The points that were found in a picture, in the order of the head's labels.

    Attributes:
        points: (n, 2) float32: x and y in the picture's pixels; `scores` (n,) are theirs, 1 where the model has none.
    """

    points: npt.NDArray[np.float32]


class PictureAnswer(HeadAnswer, frozen=True, kw_only=True, eq=False):
    """A picture that the model makes.

    Attributes:
        picture: (height, width, 3) or (height, width, 1) uint8; `scores` is empty.
    """

    picture: npt.NDArray[np.uint8]


def in_form(answer: HeadAnswer, form: type[Form]) -> Form:
    """Return an answer as one of the form that its head gives.

    Raises:
        TypeError: It is another head's.
    """
    if not isinstance(answer, form):
        raise TypeError(f"an answer of the head {answer.head!r} is no {form.__name__}")
    return answer
