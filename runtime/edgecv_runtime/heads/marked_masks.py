"""Marked masks, brought to the pixels of a model's input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgecv_runtime.errors import DataError
from edgecv_runtime.geometry import Axis
from edgecv_runtime.heads.annotation import Marked
from edgecv_runtime.heads.masks import UNSEEN


def true_mask(one: Marked, canvas: tuple[int, int], classes: int) -> npt.NDArray[np.uint8]:
    """Return the marked class at each pixel of the model's input, that of the picture's pixel which its centre is in.

    It is 255 where the input shows no picture, and everywhere where there is no mask.

    Raises:
        DataError: The mask has another size than its picture, or another class.
    """
    file = one.marks.mask
    if file is None:
        return np.full(canvas, UNSEEN, np.uint8)
    mask, view = _read(file), one.view
    if mask.shape != (view.height, view.width):
        raise DataError(
            f"{file} has {mask.shape[1]} x {mask.shape[0]} pixels, its picture {view.width} x {view.height}"
        )
    other = mask[(mask >= classes) & (mask != UNSEEN)]
    if other.size:
        raise DataError(f"{file} has the class {other[0]}, and the head {classes} classes", "255 is not judged")
    down, row = _shown(view.down, canvas[0], view.height)
    across, column = _shown(view.across, canvas[1], view.width)
    found: npt.NDArray[np.uint8] = mask[row][:, column]
    found[~down] = UNSEEN
    found[:, ~across] = UNSEEN
    return found


def _shown(axis: Axis, canvas: int, count: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Tell which pixels of the input show the picture, and which of its pixels."""
    places = axis.back(np.arange(canvas, dtype=np.float64) + 0.5)
    inside = (np.arange(canvas) >= axis.at) & (np.arange(canvas) < axis.at + axis.shown)
    return inside, np.clip(np.floor(places), 0, count - 1).astype(np.int64)


def _read(file: Path) -> npt.NDArray[np.uint8]:
    """Read the indices that a PNG holds, of a palette or gray."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            if image.mode not in {"P", "L", "1"}:
                raise DataError(f"{file} is a picture of the mode {image.mode}", "A mask is gray or has a palette")
            return np.array(image, np.uint8)
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{file} cannot be read: {error}") from error
