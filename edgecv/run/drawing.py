"""Answers on a picture: captions, boxes, masks and points, legible on any background and on tiny pictures."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from edgecv_runtime.heads.masks import UNSEEN
from edgecv_runtime.heads.words import BoxMark, Caption, Drawn, MadePicture, MaskLayer, Skeleton
from PIL import Image, ImageDraw, ImageFont

from edgecv.run.colors import color_of

LEAST_SIDE = 256  # pixels; smaller pictures are enlarged by a whole factor to hold a caption
SMALLEST, LARGEST = 13, 64  # font sizes, pixels
SHARE = 32  # letters are a 32nd of the longer side high
OPAQUE = 115  # of 256: how much of a mask's colour covers the picture
CHANNELS = 3
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
ABSENT = "\uffff"  # no character: every font draws its box for missing ones
# Pillow's own font has ASCII only; these, where installed, have most of the world's letters.
WIDER = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "PingFang.ttc")

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw(pixels: np.ndarray, items: Sequence[Drawn]) -> np.ndarray:
    """A copy of a picture with what heads want drawn.

    Args:
        pixels: uint8 RGB (height, width, 3).
        items: Captions are white text on a black band at the top, one under the other; boxes have their text above
            them; masks are laid over the picture in their classes' colours; a picture that was made stands beside it.

    Returns:
        uint8 RGB of the same size, or enlarged by a whole factor where the longer side is under 256; wider where a
        picture stands beside it.
    """
    drawn = enlarge(pixels)
    factor = drawn.shape[0] // pixels.shape[0]
    for item in items:
        if isinstance(item, MaskLayer):
            lay_over(drawn, item, factor)
    marks = [item for item in items if isinstance(item, BoxMark | Skeleton)]
    if marks:
        drawn = _marked(drawn, marks, factor)
    top = 0
    for item in items:
        if isinstance(item, Caption):
            top += _caption(drawn[top:], item.text, max(drawn.shape[:2]))
    beside = [_fitted(item.pixels, drawn.shape[0]) for item in items if isinstance(item, MadePicture)]
    return np.concatenate([drawn, *beside], axis=1) if beside else drawn


def lay_over(drawn: np.ndarray, mask: MaskLayer, factor: int) -> None:
    """Mix the colours of a mask's classes into a picture that is `factor` times as large; 255 stays as it is."""
    classes = mask.classes if factor == 1 else mask.classes.repeat(factor, axis=0).repeat(factor, axis=1)
    if classes.shape != drawn.shape[:2]:
        raise ValueError(f"the mask has the size {classes.shape}, the picture {drawn.shape[:2]}")
    table = np.zeros((256, 3), np.uint16)
    weight = np.full((256, 1), OPAQUE, np.uint16)
    weight[UNSEEN] = 0
    if mask.background is not None:
        weight[mask.background] = 0
    for index in range(UNSEEN):
        table[index] = color_of(index)
    shares = weight[classes]
    drawn[...] = (drawn * (256 - shares) + table[classes] * shares) >> 8


def _marked(drawn: np.ndarray, marks: Sequence[BoxMark | Skeleton], factor: int) -> np.ndarray:
    image = Image.fromarray(drawn)
    pen = ImageDraw.Draw(image)
    thick = max(2, max(drawn.shape[:2]) // 320)
    for mark in reversed(marks):  # the best one lies on top
        if isinstance(mark, BoxMark):
            _box(pen, mark, factor, thick, image.size)
        else:
            _skeleton(pen, mark, factor, thick)
    return np.array(image)


def _box(pen: ImageDraw.ImageDraw, box: BoxMark, factor: int, thick: int, size: tuple[int, int]) -> None:
    left, top, right, bottom = (round(side * factor) for side in box.place)
    right, bottom = max(left, min(right, size[0] - 1)), max(top, min(bottom, size[1] - 1))
    color = color_of(box.index)
    pen.rectangle((left, top, right, bottom), outline=BLACK, width=thick + 2)
    pen.rectangle((left + 1, top + 1, max(left + 1, right - 1), max(top + 1, bottom - 1)), outline=color, width=thick)
    text, font = letters(box.text, min(LARGEST, max(SMALLEST, max(size) // (2 * SHARE))))
    across, high = font.getlength(text) + 4, 1.3 * getattr(font, "size", SMALLEST)
    x = max(0, min(left, size[0] - across))
    y = top - high if top >= high else min(float(top), size[1] - high)
    pen.rectangle((x, y, x + across, y + high), fill=color)
    pen.text((x + 2, y + high / 2), text, font=font, fill=BLACK, anchor="lm")


def _skeleton(pen: ImageDraw.ImageDraw, skeleton: Skeleton, factor: int, thick: int) -> None:
    places = [None if point is None else (point[0] * factor, point[1] * factor) for point in skeleton.points]
    for number, (first, second) in enumerate(skeleton.lines):
        ends = places[first], places[second]
        if ends[0] is not None and ends[1] is not None:
            pen.line([ends[0], ends[1]], fill=BLACK, width=thick + 2)
            pen.line([ends[0], ends[1]], fill=color_of(number), width=thick)
    for number, place in enumerate(places):
        if place is not None:
            x, y = place
            pen.ellipse(
                (x - 2 * thick, y - 2 * thick, x + 2 * thick, y + 2 * thick), fill=color_of(number), outline=BLACK
            )


def _fitted(pixels: np.ndarray, height: int) -> np.ndarray:
    """A picture as RGB of that height, its pixels repeated or left out."""
    rgb = pixels if pixels.shape[2] == CHANNELS else pixels.repeat(CHANNELS, axis=2)
    width = max(1, round(rgb.shape[1] * height / rgb.shape[0]))
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.NEAREST))


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
