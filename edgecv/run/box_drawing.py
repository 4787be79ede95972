"""Boxes on a picture, drawn in its own bytes: a video has some dozen in each frame, and most of their words again."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.heads.words import BoxMark
from PIL import Image, ImageDraw

from edgecv.run.colors import Color, color_of
from edgecv.run.lettering import Font, letters

BLACK: Final = (0, 0, 0)
SMALLEST, LARGEST = 13, 64  # font sizes, pixels
SHARE: Final = 64  # letters are a 64th of the longer side high
PLATE: Final = 1.3  # heights of the letters
SPACE: Final = 4  # pixels between words at least, and half of it before the first and after the last
WORDS: Final = 4096  # that are kept; scores have a thousand values

Pixels = npt.NDArray[np.uint8]


def draw_box(drawn: Pixels, box: BoxMark, factor: int, thick: int) -> None:
    """Draw a box, with its text above it, into a picture that is `factor` times as large as the answer's."""
    height, width = drawn.shape[:2]
    left, top, right, bottom = box.place
    left, top = min(max(round(left * factor), 0), width - 1), min(max(round(top * factor), 0), height - 1)
    right, bottom = max(left, min(round(right * factor), width - 1)), max(top, min(round(bottom * factor), height - 1))
    color = color_of(box.index)
    if min(right - left, bottom - top) > 2 * (thick + 2):
        _frame(drawn, (left, top, right, bottom), color, thick)
    else:
        _outline(drawn, (left, top, right, bottom), BLACK, thick + 2)
        left_in, top_in = min(left + 1, right), min(top + 1, bottom)
        _outline(drawn, (left_in, top_in, max(left_in, right - 1), max(top_in, bottom - 1)), color, thick)
    text, font = letters(box.text, min(LARGEST, max(SMALLEST, max(height, width) // SHARE)))
    plates = [_plate(word, font, color) for word in text.split(" ")]
    across, high = sum([plate.shape[1] for plate in plates]), plates[0].shape[0]
    x = max(0, min(left, width - across))
    y = top - high if top >= high else max(0, min(top, height - high))
    whole = x + across <= width and y + high <= height
    for plate in plates:
        end = x + plate.shape[1]
        drawn[y : y + high, x:end] = plate if whole else plate[: height - y, : max(0, width - x)]
        x = end


def _frame(drawn: Pixels, box: tuple[int, int, int, int], color: Color, thick: int) -> None:
    """Draw the border of a box that is larger than that: a line of colour between two of black."""
    left, top, right, bottom = box
    side, over, under = _lines(color, thick, drawn.shape[1])
    across, inner = slice(left, right + 1), slice(top + thick + 1, bottom - thick)
    drawn[top : top + thick + 2, across] = over[:, : right + 1 - left]
    drawn[bottom - thick - 1 : bottom + 1, across] = under[:, : right + 1 - left]
    drawn[inner, left : left + thick + 2] = side
    drawn[inner, right - thick - 1 : right + 1] = side
    drawn[top + 1 : top + 1 + thick, right] = drawn[bottom - thick : bottom, right] = 0


@lru_cache(maxsize=WORDS)
def _lines(color: Color, thick: int, width: int) -> tuple[Pixels, Pixels, Pixels]:
    """The left side of a border, a row of pixels, and its upper and lower side from the left corner on."""
    side = np.asarray([BLACK, *[color] * thick, BLACK], np.uint8)
    over = side[:, None].repeat(width, axis=1)
    over[:, 0] = BLACK
    return side, over, over[::-1].copy()


def _outline(drawn: Pixels, box: tuple[int, int, int, int], color: Color, thick: int) -> None:
    """Draw the border of a box, inside it; right and bottom belong to it."""
    left, top, right, bottom = box
    wide, tall = right + 1 - left, min(thick, bottom + 1 - top)
    ink = _ink(color, wide)
    drawn[top : top + tall, left : right + 1] = ink
    drawn[bottom + 1 - tall : bottom + 1, left : right + 1] = ink
    side = min(thick, wide)
    drawn[top : bottom + 1, left : left + side] = ink[:side]
    drawn[top : bottom + 1, right + 1 - side : right + 1] = ink[:side]


@lru_cache(maxsize=WORDS)
def _ink(color: Color, count: int) -> Pixels:
    return np.tile(np.asarray(color, np.uint8), (count, 1))


@lru_cache(maxsize=WORDS)
def _plate(word: str, font: Font, color: Color) -> Pixels:
    """A word in black on a colour."""
    size = getattr(font, "size", SMALLEST)
    high, space = round(PLATE * size), max(SPACE, int(size) // 4)
    image = Image.new("RGB", (round(font.getlength(word)) + space, high), color)
    ImageDraw.Draw(image).text((space // 2, high / 2), word, font=font, fill=BLACK, anchor="lm")
    return np.asarray(image)
