"""Reading only the needed bytes of a picture, in any order of rows and lanes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgecv_runtime.preprocess.scratch import Scratch

MAX_INDEX = 1 << 17  # entries of a stored index, 1 MiB (96 x 96 x 3 of four neighbours), lest it fill the caches


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a picture in memory; one plan serves all pictures of one form.

    Attributes:
        height, width, channels: In pixels; channels are 1 or 3.
        backwards: The channels are stored in the order B, G, R.
        dense: No gap between one row and the next.
    """

    height: int
    width: int
    channels: int
    backwards: bool
    dense: bool

    def order(self, color: str) -> tuple[int, ...]:
        """The places of the channels of `color` in a pixel; gray of three channels reads R, G and B."""
        if self.channels == 1:
            return (0,) if color == "gray" else (0, 0, 0)
        return (2, 1, 0) if self.backwards != (color == "bgr") else (0, 1, 2)


def lay_out(pixels: np.ndarray) -> tuple[np.ndarray, Form]:
    """A uint8 picture of H x W x C as H rows of bytes, without a copy unless its columns are not adjacent."""
    height, width, channels = pixels.shape
    strides = pixels.strides[1:]
    backwards = channels == 3 and strides == (3, -1)
    if backwards:
        pixels = pixels[..., ::-1]
    elif strides != (channels, 1):
        pixels = np.ascontiguousarray(pixels)
    rows = pixels.reshape(height, width * channels)
    return rows, Form(height, width, channels, backwards, rows.flags.c_contiguous)


class Gather:
    """Reads the bytes of `lanes` (any shape, positions in a row) in each of `rows`.

    A call gives (lanes.shape[0], rows, *lanes.shape[1:]) uint8.
    """

    def __init__(self, rows: np.ndarray, lanes: np.ndarray, form: Form) -> None:
        self._rows, self._lanes = rows, lanes
        self._shape = (lanes.shape[0], rows.size, *lanes.shape[1:])
        self._index: np.ndarray | None = None
        self._span: slice | None = None
        width = form.width * form.channels
        in_order = len(lanes) == 1 and np.array_equal(lanes.ravel(), np.arange(width)) and (np.diff(rows) == 1).all()
        if form.dense and in_order:
            self._span = slice(int(rows[0]), int(rows[-1]) + 1)
        elif form.dense and rows.size * lanes.size <= MAX_INDEX:
            starts = (rows * width).reshape(-1, *(1 for _ in lanes.shape[1:]))
            self._index = starts + lanes[:, None]

    def __call__(self, picture: np.ndarray, scratch: Scratch) -> np.ndarray:
        """From the rows of bytes of a picture of the plan's form; the result is scratch, or part of the picture."""
        if self._span is not None:
            return picture[self._span].reshape(self._shape)
        taken = scratch.take("bytes", self._shape, np.uint8)
        if self._index is not None:
            # mode="clip" spares the copy that the default makes of `out`; every index is inside
            return picture.reshape(-1).take(self._index, out=taken, mode="clip")
        rows = _some_rows(picture, self._rows, scratch)
        for lanes, part in zip(self._lanes, taken, strict=True):
            rows.take(lanes, axis=1, out=part, mode="clip")
        return taken


def _some_rows(picture: np.ndarray, rows: np.ndarray, scratch: Scratch) -> np.ndarray:
    if not picture.flags.c_contiguous:
        return np.asarray(picture[rows])
    whole = scratch.take("rows", (rows.size, picture.shape[1]), np.uint8)
    return picture.take(rows, axis=0, out=whole, mode="clip")


def gray(planes: np.ndarray) -> np.ndarray:
    """One plane of three (R, G, B first): (19595 R + 38470 G + 7471 B + 32768) >> 16, as Pillow's `convert("L")`."""
    red, green, blue = (plane.astype(np.uint32) for plane in planes)
    total: np.ndarray = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    return np.asarray(total, np.uint8)
