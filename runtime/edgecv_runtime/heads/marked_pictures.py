"""The pictures that a model should make, fitted as its input is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgecv_runtime.errors import DataError
from edgecv_runtime.geometry import Axis
from edgecv_runtime.heads.annotation import Marked


def true_picture(one: Marked, canvas: tuple[int, int], shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Return the picture that a model should make, at the size of its output; black where the input shows none.

    Args:
        one: The marks of a sample.
        canvas: The size of the model's input, (height, width) in pixels.
        shape: Height, width and channels of its output.

    Raises:
        DataError: There is none, or it cannot be read.
    """
    from PIL import Image

    file, view = one.marks.target, one.view
    if file is None:
        raise DataError(f"the picture {one.id} has no target", "Give each picture one of the same name")
    try:
        with Image.open(file) as image:
            picture = image.convert("L" if shape[2] == 1 else "RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{file} cannot be read: {error}") from error
    top, bottom = _seen(view.down, picture.height / view.height)
    left, right = _seen(view.across, picture.width / view.width)
    rows, columns = shown_part(view.down, shape[0], canvas[0]), shown_part(view.across, shape[1], canvas[1])
    size = (columns.stop - columns.start, rows.stop - rows.start)
    box = (left, top, min(right, picture.width), min(bottom, picture.height))
    shown = picture.resize(size, Image.Resampling.BILINEAR, box=box)
    target = np.zeros(shape, np.uint8)
    target[rows, columns] = np.asarray(shown).reshape(size[1], size[0], -1)
    return target


def _seen(axis: Axis, times: float) -> tuple[float, float]:
    """Return the ends of the part of a picture that a fit shows, in pixels of one that is `times` as large."""
    scale = axis.taken / axis.scaled
    first = axis.first + axis.skipped * scale
    return first * times, (first + axis.shown * scale) * times


def shown_part(axis: Axis, length: int, canvas: int) -> slice:
    """Return the part of an output's axis that shows the picture: its ends rounded half up, one pixel at least."""
    ends = ((2 * place * length + canvas) // (2 * canvas) for place in (axis.at, axis.at + axis.shown))
    first, last = (min(length, end) for end in ends)
    return slice(min(first, length - 1), max(last, first + 1))
