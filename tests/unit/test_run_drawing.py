"""Captions: legible on any background, at any size, in any language that a font is there for."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_runtime.heads.words import Caption

from edgecv.run import lettering
from edgecv.run.drawing import draw, enlarge
from edgecv.run.lettering import fitted, letters


def noise(height, width, low=0, high=255):
    return np.random.default_rng(3).integers(low, high, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("grey", [0, 128, 255])
@pytest.mark.parametrize("shape", [(8, 8), (1, 300), (300, 1), (32, 32), (240, 320), (1080, 1920)])
def test_white_letters_stand_on_black_on_any_picture(shape, grey):
    drawn = draw(np.full((*shape, 3), grey, np.uint8), [Caption("cat 97 %")])
    assert max(drawn.shape) >= 256
    band = drawn[:10, :100] if min(drawn.shape[:2]) > 20 else drawn
    assert drawn.dtype == np.uint8
    assert (band == 0).any()
    if min(drawn.shape[:2]) > 20:
        assert (drawn[: drawn.shape[0] // 2] == 255).all(-1).any()


def test_the_picture_below_its_caption_is_untouched():
    pixels = noise(480, 640)
    before = pixels.copy()
    drawn = draw(pixels, [Caption("dog")])
    assert (pixels == before).all()
    changed = (drawn != pixels).any((1, 2)).nonzero()[0]
    assert 15 <= changed.max() <= 60
    assert (drawn[changed.max() + 1 :] == pixels[changed.max() + 1 :]).all()


def test_captions_stand_one_under_the_other():
    pixels = noise(480, 640)
    one, two = draw(pixels, [Caption("age 31")]), draw(pixels, [Caption("age 31"), Caption("gender female")])
    height = 1 + (one != pixels).any((1, 2)).nonzero()[0].max()
    assert (two[:height] == one[:height]).all()
    assert ((two != pixels).any((1, 2)).nonzero()[0].max() + 1) == 2 * height
    assert (draw(noise(3, 300), [Caption("a")] * 9) == 0).any()


def test_tiny_pictures_are_enlarged_by_a_whole_factor():
    pixels = noise(32, 24)
    large = enlarge(pixels)
    assert large.shape == (256, 192, 3)
    assert (large[::8, ::8] == pixels).all()
    assert enlarge(noise(300, 10)).shape == (300, 10, 3)


def test_a_longer_text_is_cut_at_the_edge():
    _, font = letters("x", 20)
    cut = fitted("a very long name of a class indeed 97 %", font, 200)
    assert cut.startswith("a very long")
    assert cut.endswith("...")
    assert font.getlength(cut) <= 200
    assert fitted("cat", font, 200) == "cat"


def test_accents_are_kept_where_a_font_has_them_and_dropped_where_none_has():
    text, font = letters("café", 20)
    assert text in {"café", "cafe"}
    assert all(lettering._has(font, letter) for letter in text)


def test_without_any_other_font_a_caption_still_reads(monkeypatch):
    monkeypatch.setattr(lettering, "WIDER", ())
    assert letters("café", 20) == ("cafe", lettering._own(20))
    assert letters("cat", 20)[0] == "cat"


def test_different_answers_look_different():
    pixels = noise(100, 300)
    assert (draw(pixels, [Caption("cat")]) != draw(pixels, [Caption("dog")])).any()
