"""What makes the preprocessing fast must not be seen: reused memory, kept geometry, arrays read where they lie."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.preprocess.gather import MAX_INDEX, Form, Gather
from edgecv_runtime.preprocess.scratch import Scratch
from edgecv_runtime.schema import Fit, Normalize, Preprocess, QuantParams, Resize, TensorIO
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

KERNELS = ("nearest", "bilinear", "bicubic", "lanczos", "box")
BOTH = [Resize(kernel=kernel, semantics=semantics) for semantics in ("pillow", "tf") for kernel in KERNELS]
SHIFT = Normalize(scale=(0.5, 0.25, 2.0), offset=(-1.0, 3.0, 0.5))


def pixels_of(height, width, seed=0):
    return np.random.default_rng([height, width, seed]).integers(0, 256, (height, width, 3), dtype=np.uint8)


def preprocessor(size=(9, 12), dtype="float32", layout="NHWC", **fields):
    channels = 1 if fields.get("color") == "gray" else 3
    shape = (1, *size, channels) if layout == "NHWC" else (1, channels, *size)
    quantization = None if dtype.startswith("float") else QuantParams(scale=0.75, zero_point=-5)
    io = TensorIO(name="x", tensor="x", shape=shape, dtype=dtype, layout=layout, quantization=quantization)
    return Preprocessor(Preprocess(size=size, **fields), io)


def name(resize):
    return f"{resize.semantics}-{resize.kernel}"


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "int16"])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("resize", BOTH, ids=name)
def test_out_is_filled_and_returned(resize, layout, dtype):
    run = preprocessor(dtype=dtype, layout=layout, resize=resize, normalize=SHIFT, fit=Fit(mode="letterbox", pad=(9,)))
    fresh = run(pixels_of(20, 31))
    out = np.full_like(fresh, 77)
    assert run(pixels_of(20, 31), out=out) is out
    np.testing.assert_array_equal(out, fresh, strict=True)


def test_out_is_filled_for_tensors_too():
    run = Preprocessor(Preprocess(kind="tensor", normalize=Normalize(scale=(0.5,))))
    values = np.random.default_rng(0).normal(size=(1, 4, 3)).astype(np.float32)
    out = np.empty((1, 1, 4, 3), np.float32)
    assert run(values, out=out) is out
    np.testing.assert_array_equal(out[0], values * np.float32(0.5))


@pytest.mark.parametrize(
    "out",
    [np.empty((1, 9, 12, 1), np.float32), np.empty((1, 9, 12, 3)), np.empty((1, 9, 24, 3), np.float32)[:, :, ::2]],
    ids=["shape", "dtype", "gaps"],
)
def test_an_out_of_another_form_is_refused(out):
    with pytest.raises(ValueError, match=r"out must be C-contiguous float32 \(1, 9, 12, 3\)"):
        preprocessor()(pixels_of(20, 31), out=out)


@pytest.mark.parametrize("size", [(20, 31), (9, 12)], ids=["scaled", "as it is"])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("resize", BOTH, ids=name)
def test_a_result_stays_what_it_was_when_the_next_picture_comes(resize, dtype, size):
    run = preprocessor(dtype=dtype, resize=resize)
    first = run(pixels_of(*size))
    kept = first.copy()
    second = run(pixels_of(*size, seed=1))
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, kept)
    assert (first != second).any()


def test_a_result_never_is_the_callers_own_picture():
    picture = pixels_of(9, 12)
    got = preprocessor(dtype="uint8")(picture)
    assert not np.shares_memory(got, picture)
    before = picture.copy()
    got[:] = 0
    np.testing.assert_array_equal(picture, before)


def views(picture):
    """One picture's pixels in many places of memory."""
    height, width, _ = picture.shape
    wide = np.zeros((height + 3, width + 5, 3), np.uint8)
    wide[2:-1, 1:-4] = picture
    return {
        "part of a frame": wide[2:-1, 1:-4],
        "from BGR": np.ascontiguousarray(picture[..., ::-1])[..., ::-1],
        "part of a BGR frame": np.ascontiguousarray(wide[..., ::-1])[2:-1, 1:-4, ::-1],
        "upside down": np.ascontiguousarray(picture[::-1])[::-1],
        "mirrored": np.ascontiguousarray(picture[:, ::-1])[:, ::-1],
        "every second": np.repeat(np.repeat(picture, 2, 0), 2, 1)[::2, ::2],
        "column by column": np.asfortranarray(picture),
    }


@pytest.mark.parametrize("color", ["rgb", "bgr", "gray"])
@pytest.mark.parametrize("size", [(20, 31), (9, 12)], ids=["scaled", "as it is"])
@pytest.mark.parametrize("resize", BOTH, ids=name)
def test_arrays_are_read_wherever_they_lie(resize, size, color):
    picture = pixels_of(*size)
    run = preprocessor(resize=resize, color=color)
    wanted = run(Image.fromarray(picture))
    np.testing.assert_array_equal(run(picture), wanted, err_msg="contiguous")
    for place, view in views(picture).items():
        np.testing.assert_array_equal(run(view), wanted, err_msg=place)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 2), (5, 1), (1, 5), (3, 3), (4, 2)])
@pytest.mark.parametrize("color", ["rgb", "bgr", "gray"])
@pytest.mark.parametrize("resize", BOTH, ids=name)
def test_the_smallest_pictures_are_read_as_pillow_images_are(resize, color, size):
    """Three planes of one column, or two neighbours of one pixel, are as long as a row: they must not pass for one."""
    picture = pixels_of(*size)
    for want in ((1, 1), (1, 3), (4, 1), (3, 2)):
        run = preprocessor(size=want, resize=resize, color=color)
        np.testing.assert_array_equal(run(picture), run(Image.fromarray(picture)))


def test_gray_arrays_fill_all_channels():
    gray = pixels_of(20, 31)[..., 0]
    for resize in BOTH:
        got = preprocessor(resize=resize)(gray)
        np.testing.assert_array_equal(got, preprocessor(resize=resize)(np.dstack([gray] * 3)))


@pytest.mark.parametrize("mode", ["stretch", "crop", "resize_crop", "letterbox"])
@pytest.mark.parametrize("resize", BOTH, ids=name)
def test_pictures_of_two_sizes_in_turn(resize, mode):
    fields = {"resize": resize, "fit": Fit(mode=mode, shorter=11 if mode == "resize_crop" else None)}
    one = preprocessor(**fields)
    sizes = [(20, 31), (33, 8), (9, 12), (1, 40), (70, 71), (6, 5)]
    for height, width in (*sizes, *sizes[::-1], *sizes):
        picture = pixels_of(height, width)
        np.testing.assert_array_equal(one(picture), preprocessor(**fields)(picture))


@pytest.mark.parametrize("resize", [BOTH[1], *BOTH[5:]], ids=name)
def test_threads_on_one_preprocessor_get_what_one_thread_gets(resize):
    run = preprocessor(size=(24, 40), dtype="int8", resize=resize, normalize=SHIFT)
    pictures = [pixels_of(30 + 7 * i, 50 + i, i) for i in range(6)]
    wanted = [run(picture) for picture in pictures]
    wrong = []
    ready = threading.Barrier(4)

    def work(shift):
        ready.wait(10)
        for turn in range(30):
            i = (turn + shift) % len(pictures)
            if not np.array_equal(run(pictures[i]), wanted[i]):
                wrong.append((shift, turn))

    threads = [threading.Thread(target=work, args=(shift,)) for shift in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_scratch_is_another_in_every_thread():
    scratch, seen = Scratch(), []
    thread = threading.Thread(target=lambda: seen.append(scratch.take("a", (4, 5), np.float32)))
    thread.start()
    thread.join(10)
    mine = scratch.take("a", (4, 5), np.float32)
    assert not np.shares_memory(mine, seen[0])
    assert np.shares_memory(mine, scratch.take("a", (2, 3), np.int16))


def test_too_large_an_index_is_not_kept_but_read_the_same():
    picture = pixels_of(700, 900).reshape(700, -1)
    rows, lanes = np.arange(0, 700, 1), np.arange(2700).reshape(1, 3, 900)
    assert rows.size * lanes.size > MAX_INDEX
    got = Gather(rows, lanes, Form(700, 900, 3, backwards=False, dense=True))(picture, Scratch())
    np.testing.assert_array_equal(got, picture.reshape(1, 700, 3, 900))


@pytest.mark.parametrize("resize", BOTH[5:], ids=name)
def test_a_crop_computes_what_the_whole_picture_holds(resize):
    """`resize_crop` scales only what it shows; the whole one is large enough to go without a stored index."""
    picture = pixels_of(40, 120)
    whole = preprocessor(size=(400, 1200), resize=resize)(picture)
    shown = preprocessor(size=(100, 700), resize=resize, fit=Fit(mode="resize_crop", shorter=400))
    np.testing.assert_array_equal(shown(picture), whole[:, 150:250, 250:950])


@given(st.integers(1, 5000), st.integers(1, 400))
@settings(max_examples=80, deadline=None)
def test_pillows_nearest_from_arrays_is_pillows(have, want):
    line = np.random.default_rng(have).integers(0, 256, (1, have, 3), dtype=np.uint8)
    got = preprocessor(size=(2, want), resize=Resize(kernel="nearest"))(line)[0]
    np.testing.assert_array_equal(got, np.asarray(Image.fromarray(line).resize((want, 2), Image.Resampling.NEAREST)))


@pytest.mark.parametrize("size", [(9, 12), (40, 31), (70, 90)], ids=["smaller", "as many rows", "larger"])
@pytest.mark.parametrize("mode", ["stretch", "crop", "letterbox"])
@pytest.mark.parametrize("resize", [Resize(kernel=kernel, semantics="tf") for kernel in KERNELS[1:]], ids=name)
def test_rows_are_made_in_bands_of_any_height(monkeypatch, resize, mode, size):
    fields = {"size": size, "resize": resize, "fit": Fit(mode=mode)}
    picture = pixels_of(40, 53)
    wanted = preprocessor(**fields)(picture)
    for values in (1, 5 * 3 * size[1]):
        monkeypatch.setattr("edgecv_runtime.preprocess.resample.PART", values)
        np.testing.assert_array_equal(preprocessor(**fields)(picture), wanted)
