"""Maps in the picture's own pixels, and in colours."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_runtime.geometry import View, view_of
from edgecv_runtime.schema import Fit, Preprocess

from edgecv.explain.shown import colored, in_picture, laid_over, scaled, shrunk

RAMP = np.arange(8, dtype=np.float32)[None, :].repeat(8, axis=0)


def test_a_map_of_the_picture_itself_stays_what_it_is():
    np.testing.assert_allclose(in_picture(RAMP, View.whole(8, 8), (8, 8)), RAMP, atol=1e-6)
    large = in_picture(RAMP, View.whole(8, 8), (8, 16))
    np.testing.assert_allclose(large[0, 1:-1], np.arange(14) / 2 + 0.25, atol=1e-6)


def test_what_was_cut_off_has_no_map_and_what_was_padded_is_gone():
    crop = view_of(Preprocess(size=(8, 8), fit=Fit(mode="crop")), 40, 80)
    found = in_picture(RAMP, crop, (40, 80))
    assert np.isnan(found[:, :20]).all()
    assert np.isnan(found[:, 60:]).all()
    np.testing.assert_allclose(found[0, 20:60], np.clip((np.arange(40) + 0.5) / 5 - 0.5, 0, 7), atol=1e-5)
    letterbox = view_of(Preprocess(size=(8, 8), fit=Fit(mode="letterbox", pad=(0,))), 100, 50)
    seen = in_picture(RAMP, letterbox, (100, 50))
    assert np.isfinite(seen).all()
    assert seen.min() == pytest.approx(1.5, abs=0.2)
    assert seen.max() == pytest.approx(5.5, abs=0.2)


def test_maps_are_scaled_from_zero_where_they_have_both_signs():
    assert scaled(np.float32([[-5, 0, 2, 4]]))[0, 1] == 0
    assert scaled(np.float32([[2, 3, 4, 4]])).tolist() == [[0, 0.5, 1, 1]]
    assert scaled(np.zeros((2, 2), np.float32)).tolist() == [[0, 0], [0, 0]]
    assert scaled(np.float32([[-3, -2, -1, -1]]))[0, 0] == 0


def test_colours_go_from_dark_to_light_and_nothing_is_transparent():
    values = np.linspace(0, 1, 256, dtype=np.float32)[None]
    values[0, 0] = np.nan
    found = colored(values)
    light = found[0, 1:, :3].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) >= -0.5).all()
    assert light[-1] > 4 * light[0]
    assert found[0, 0, 3] == 0
    assert (found[0, 1:, 3] == 255).all()
    over = laid_over(np.full((1, 256, 3), 100, np.uint8), found, 0.5)
    assert over[0, 0].tolist() == [100, 100, 100]
    assert np.abs(over[0, 1:].astype(int) * 2 - 100 - found[0, 1:, :3]).max() <= 1


def test_pictures_are_shown_in_one_size_that_keeps_their_form():
    assert shrunk((1000, 500)) == (480, 240)
    assert shrunk((16, 16)) == (480, 480)
    assert shrunk((1, 5000)) == (1, 480)
