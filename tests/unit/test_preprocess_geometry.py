"""The fits, against their definitions in whole numbers, and the resampling, against Pillow."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from edgecv_runtime.errors import ImageError
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.preprocess.resample import PILLOW
from edgecv_runtime.schema import Fit, Normalize, Preprocess, Resize
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

SIDES = st.integers(1, 70)
SIZES = st.tuples(SIDES, SIDES)
FEW = settings(max_examples=60, deadline=None)


def picture(width, height, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def run(image, size, fit=None, kernel="bilinear", semantics="pillow"):
    spec = Preprocess(size=size, fit=fit or Fit(), resize=Resize(kernel=kernel, semantics=semantics))
    return Preprocessor(spec)(image)[0]


def pillow(image, width, height, kernel="bilinear"):
    return np.asarray(image.resize((width, height), PILLOW[kernel]))


@given(SIZES, SIZES, st.sampled_from(sorted(PILLOW)))
@FEW
def test_stretch_is_pillows_resize(have, want, kernel):
    image = picture(*have)
    assert np.array_equal(run(image, want, kernel=kernel), pillow(image, want[1], want[0], kernel))


@given(SIZES, SIZES, st.sampled_from([0.1, 0.5, 0.875, 1.0, None]))
@FEW
def test_crop_takes_the_centred_square(have, want, fraction):
    image = picture(*have)
    exact = min(have) * Fraction(fraction or 1)
    side = max(1, int(exact + Fraction(1, 2)))
    left, top = (have[0] - side) // 2, (have[1] - side) // 2
    square = image.crop((left, top, left + side, top + side))
    assert np.array_equal(run(image, want, Fit(mode="crop", fraction=fraction)), pillow(square, want[1], want[0]))


def torchvision_center_crop(pixels, th, tw):
    """Source: torchvision.transforms.functional.center_crop, version 0.20."""
    h, w, _ = pixels.shape
    if tw > w or th > h:
        left = (tw - w) // 2 if tw > w else 0
        top = (th - h) // 2 if th > h else 0
        right = (tw - w + 1) // 2 if tw > w else 0
        bottom = (th - h + 1) // 2 if th > h else 0
        pixels = np.pad(pixels, ((top, bottom), (left, right), (0, 0)))
        h, w, _ = pixels.shape
        if tw == w and th == h:
            return pixels
    top, left = round((h - th) / 2.0), round((w - tw) / 2.0)
    return pixels[top : top + th, left : left + tw]


@given(SIZES, SIZES, st.integers(1, 90))
@FEW
def test_resize_crop_is_torchvisions(have, want, shorter):
    image = picture(*have)
    short, long = min(have), max(have)
    scaled = int(shorter * long / short)
    width, height = (shorter, scaled) if have[0] <= have[1] else (scaled, shorter)
    expected = torchvision_center_crop(pillow(image, width, height), *want)
    assert np.array_equal(run(image, want, Fit(mode="resize_crop", shorter=shorter)), expected)


def half_up(value):
    return max(1, int(value + Fraction(1, 2)))


@given(SIZES, SIZES)
@FEW
def test_letterbox_keeps_the_shape_and_pads_the_rest(have, want):
    image = picture(*have)
    scale = min(Fraction(want[1], have[0]), Fraction(want[0], have[1]))
    width, height = half_up(have[0] * scale), half_up(have[1] * scale)
    top, left = (want[0] - height) // 2, (want[1] - width) // 2
    expected = np.empty((*want, 3), np.uint8)
    expected[:] = (9, 8, 7)
    expected[top : top + height, left : left + width] = pillow(image, width, height)
    assert np.array_equal(run(image, want, Fit(mode="letterbox", pad=(9, 8, 7))), expected)


def test_letterbox_puts_the_odd_pixel_after():
    rows = run(picture(8, 3), (8, 8), Fit(mode="letterbox", pad=(200,)), "nearest")[:, 0]
    assert [bool((row == 200).all()) for row in rows] == [True, True, False, False, False, True, True, True]


def test_letterbox_pads_with_black_before_normalizing():
    spec = Preprocess(size=(4, 8), fit=Fit(mode="letterbox"), normalize=Normalize(offset=(-5.0,)))
    assert Preprocessor(spec)(picture(4, 4))[0, 0, 0].tolist() == [-5, -5, -5]


def test_letterbox_pads_in_the_order_of_the_colour():
    spec = Preprocess(size=(4, 8), color="bgr", fit=Fit(mode="letterbox", pad=(1, 2, 3)))
    assert Preprocessor(spec)(picture(4, 4))[0, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("mode", ["crop", "letterbox"])
def test_a_line_of_one_pixel_still_fits(mode):
    assert run(picture(1, 5000), (16, 16), Fit(mode=mode)).shape == (16, 16, 3)


def test_a_picture_too_thin_to_scale_is_refused():
    with pytest.raises(ImageError, match="1 x 60000 pixels is too thin"):
        run(picture(1, 60000), (224, 224), Fit(mode="resize_crop", shorter=256))


@given(SIZES, SIZES)
@FEW
def test_tf_bilinear_keeps_what_is_linear(have, want):
    """Each pixel of a ramp is where its half-pixel centre falls, up to the edges."""
    ramp = np.broadcast_to(np.arange(have[0], dtype=np.uint8)[None, :, None], (have[1], have[0], 3))
    got = run(np.ascontiguousarray(ramp), want, semantics="tf")
    centres = (np.arange(want[1]) + 0.5) * have[0] / want[1] - 0.5
    assert np.allclose(got[0, :, 0], centres.clip(0, have[0] - 1), atol=1e-4)
    assert np.array_equal(got[0], got[-1])
