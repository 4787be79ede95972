"""Answers on a picture: captions, boxes, masks and points, legible on any background and on tiny pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from edgecv_runtime.heads.masks import UNSEEN
from edgecv_runtime.heads.words import BoxMark, Caption, Drawn, MadePicture, MaskLayer, Skeleton
from PIL import Image, ImageDraw

from edgecv.run.box_drawing import BLACK, LARGEST, SMALLEST, draw_box
from edgecv.run.colors import color_of
from edgecv.run.lettering import fitted, letters

LEAST_SIDE = 256  # pixels; smaller pictures are enlarged by a whole factor to hold a caption
SHARE = 32  # letters are a 32nd of the longer side high
OPAQUE = 115  # of 256: how much of a mask's colour covers the picture
CHANNELS = 3
WHITE = (255, 255, 255)


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
    _mark(drawn, [item for item in items if isinstance(item, BoxMark | Skeleton)], factor)
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


def _mark(drawn: np.ndarray, marks: Sequence[BoxMark | Skeleton], factor: int) -> None:
    thick = max(2, max(drawn.shape[:2]) // 320)
    for mark in reversed(marks):  # the best one lies on top
        if isinstance(mark, BoxMark):
            draw_box(drawn, mark, factor, thick)
        else:
            image = Image.fromarray(drawn)
            _skeleton(ImageDraw.Draw(image), mark, factor, thick)
            drawn[...] = np.asarray(image)


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
    if factor > 1:
        return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    drawn = np.empty(pixels.shape, pixels.dtype)
    for channel in range(pixels.shape[2]):  # a third of `copy`'s time where the memory holds B, G, R
        drawn[..., channel] = pixels[..., channel]
    return drawn
