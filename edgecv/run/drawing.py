"""A caption on a picture, legible on any background and on tiny pictures."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from edgecv_runtime.heads.words import Drawn
from PIL import Image, ImageDraw, ImageFont

LEAST_SIDE = 256  # pixels; smaller pictures are enlarged by a whole factor to hold a caption
SMALLEST, LARGEST = 13, 64  # font sizes, pixels
SHARE = 32  # letters are a 32nd of the longer side high
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
ABSENT = "\uffff"  # no character: every font draws its box for missing ones
# Pillow's own font has ASCII only; these, where installed, have most of the world's letters.
WIDER = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "PingFang.ttc")

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw(pixels: np.ndarray, items: Sequence[Drawn]) -> np.ndarray:
    """A copy of a picture with what heads want drawn: each caption is white text on a black band at its top.

    Args:
        pixels: uint8 RGB (height, width, 3).
        items: Captions are one line each, cut where they do not fit, one under the other.

    Returns:
        uint8 RGB of the same size, or enlarged by a whole factor where the longer side is under 256.
    """
    drawn = enlarge(pixels)
    top = 0
    for item in items:
        top += _caption(drawn[top:], item.text, max(drawn.shape[:2]))
    return drawn


def _caption(drawn: np.ndarray, text: str, longer: int) -> int:
    """Draw a band at the top of a part of a picture whose longer side is given; how high it is."""
    height, width = drawn.shape[:2]
    size = min(LARGEST, max(SMALLEST, longer // SHARE))
    shown, font = letters(text, size)
    band: int = min(height, round(1.5 * size))
    if band == 0:
        return 0
    image = Image.new("RGB", (width, band), BLACK)
    pen = ImageDraw.Draw(image)
    pen.text((size // 2, band // 2), fitted(shown, font, width - size), font=font, fill=WHITE, anchor="lm")
    drawn[:band] = np.asarray(image)
    return band


def enlarge(pixels: np.ndarray) -> np.ndarray:
    """A copy, its pixels repeated until the longer side is at least 256."""
    factor = -(-LEAST_SIDE // max(pixels.shape[:2]))
    return pixels.copy() if factor <= 1 else pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def fitted(text: str, font: Font, width: int) -> str:
    """The text, or as much of it as is at most `width` pixels wide, and an ellipsis."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


def letters(text: str, size: int) -> tuple[str, Font]:
    """The text and a font that has its letters; without such a font, the text without accents and the best font."""
    fonts = list(_fonts(size))
    font = max(fonts, key=lambda font: _known(font, text))
    if _known(font, text) == len(text):
        return text, font
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return bare, max(fonts, key=lambda font: _known(font, bare))


@cache
def _own(size: int) -> Font:
    return ImageFont.load_default(size)


@cache
def _installed(name: str, size: int) -> Font | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


def _fonts(size: int) -> Iterator[Font]:
    yield _own(size)
    for name in WIDER:
        font = _installed(name, size)
        if font is not None:
            yield font


def _known(font: Font, text: str) -> int:
    return sum(_has(font, letter) for letter in text)


@cache
def _has(font: Font, letter: str) -> bool:
    return letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask(ABSENT))
