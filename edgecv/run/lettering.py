"""Fonts for texts on pictures: one that has the text's letters, and as much of the text as there is room for."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache

from PIL import ImageFont

ABSENT = "\uffff"  # no character: every font draws its box for missing ones
# Pillow's own font has ASCII only; these, where installed, have most of the world's letters.
WIDER = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "PingFang.ttc")

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def fitted(text: str, font: Font, width: int) -> str:
    """The text, or as much of it as is at most `width` pixels wide, and an ellipsis."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


def letters(text: str, size: int) -> tuple[str, Font]:
    """The text and a font that has its letters; without such a font, the text without accents and the best font."""
    if text.isascii():
        return text, _own(size)
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
