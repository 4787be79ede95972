"""Pictures of every kind, and files that are none."""

from __future__ import annotations

import io
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from edgecv_runtime.errors import ImageError
from edgecv_runtime.preprocess import Preprocessor, decode
from edgecv_runtime.preprocess.silence import QUIETLY
from edgecv_runtime.schema import Preprocess
from PIL import Image, ImageOps

RGB = Preprocess(size=(4, 6))
GRAY = Preprocess(size=(4, 6), color="gray")
AS_STORED = Preprocess(size=(4, 6), orientation="ignore")
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_every_form_of_one_picture_gives_the_same_tensor(tmp_path):
    image = Image.fromarray(PIXELS)
    path = tmp_path / "a.png"
    path.write_bytes(encoded(image))
    run = Preprocessor(RGB)
    for source in (path, str(path), path.read_bytes(), image, PIXELS):
        assert np.array_equal(run(source)[0], PIXELS)


def test_gray_arrays_may_leave_the_channel_out():
    flat = PIXELS[..., 0]
    assert np.array_equal(Preprocessor(GRAY)(flat), Preprocessor(GRAY)(flat[..., None]))
    assert np.array_equal(Preprocessor(GRAY)(flat)[0, ..., 0], flat)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_are_turned_upright_as_pillow_does(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(PIXELS), kind, exif=exif)
    stored = Image.open(io.BytesIO(data))
    assert np.array_equal(np.asarray(decode(data, AS_STORED)), np.asarray(stored))
    assert np.array_equal(np.asarray(decode(data, RGB)), np.asarray(ImageOps.exif_transpose(stored)))


def test_an_unreadable_exif_block_leaves_the_picture_as_stored():
    data = encoded(Image.fromarray(PIXELS), "JPEG", exif=b"Exif\0\0not a TIFF header")
    assert np.array_equal(np.asarray(decode(data, RGB)), np.asarray(decode(data, AS_STORED)))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_every_mode_becomes_what_pillow_converts_it_to(mode):
    image = Image.fromarray(PIXELS).convert(mode)
    assert np.array_equal(np.asarray(decode(image, RGB)), np.asarray(image.convert("RGB")))
    assert np.array_equal(np.asarray(decode(image, GRAY)), np.asarray(image.convert("RGB").convert("L")))


def test_alpha_is_dropped_not_blended():
    image = Image.fromarray(np.dstack([PIXELS, np.zeros((4, 6), np.uint8)]))
    assert np.array_equal(np.asarray(decode(encoded(image), RGB)), PIXELS)


def test_a_palette_with_transparency_is_quiet_and_leaves_the_callers_picture_alone():
    image = Image.fromarray(PIXELS).quantize(8)
    image.info["transparency"] = bytes(range(8))
    opaque = Image.fromarray(PIXELS).quantize(8)
    assert np.array_equal(np.asarray(decode(image, RGB)), np.asarray(opaque.convert("RGB")))
    assert np.array_equal(np.asarray(decode(encoded(image), GRAY)), np.asarray(opaque.convert("L")))
    assert "transparency" in image.info


@pytest.mark.filterwarnings("ignore::edgecv_runtime.picture_files.PictureWarning")
@pytest.mark.parametrize("spec", [RGB, GRAY])
def test_sixteen_bit_gray_keeps_its_high_byte(spec):
    deep = (np.arange(24, dtype=np.uint16) * 2700).reshape(4, 6)
    for image in (Image.fromarray(deep), Image.fromarray(deep.astype(np.int32))):
        got = Preprocessor(spec)(image)[0, ..., 0]
        assert np.array_equal(got, deep >> 8)
    assert np.array_equal(Preprocessor(spec)(encoded(Image.fromarray(deep)))[0, ..., 0], deep >> 8)


def test_thirtytwo_bit_gray_outside_sixteen_bits_is_clamped():
    image = Image.fromarray(np.int32([[-5, 70000]]))
    assert np.asarray(decode(image, GRAY)).tolist() == [[0, 255]]


def truncated():
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return encoded(Image.fromarray(noise), "JPEG")[:1500]


BROKEN = {
    "empty": (b"", "is not a picture that can be read"),
    "text": (b"not a picture\n", "is not a picture that can be read"),
    "truncated": (truncated(), "cannot be decoded: .*truncated"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture that can be read"),
}


@pytest.mark.parametrize(("data", "reason"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("spec", [RGB, AS_STORED], ids=["exif", "ignore"])
def test_a_file_that_is_no_picture_is_named_with_the_reason(data, reason, spec, tmp_path):
    path = tmp_path / "cat.jpg"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=rf"cat\.jpg {reason}"):
        decode(path, spec)
    with pytest.raises(ImageError, match=f"the picture {reason}"):
        decode(data, spec)


def test_a_lazily_opened_broken_picture_is_refused_too():
    with pytest.raises(ImageError, match="truncated"):
        decode(Image.open(io.BytesIO(truncated())), AS_STORED)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(ImageError, match=r"nothing\.png does not exist"):
        decode(tmp_path / "nothing.png", RGB)
    with pytest.raises(ImageError, match="is a folder, not a picture"):
        decode(tmp_path, RGB)


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    path.write_bytes(encoded(Image.new("1", (400, 400))))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ImageError, match=r"bomb\.png cannot be decoded: .*decompression bomb"):
        decode(path, RGB)


@pytest.mark.parametrize(
    "array",
    [
        PIXELS.astype(np.float32),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((1, 4, 6, 3), np.uint8),
        np.zeros((0, 6, 3), np.uint8),
        np.zeros(6, np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_of_another_form_are_refused(array):
    with pytest.raises(ImageError, match="must be uint8 of H x W"):
        decode(array, RGB)


def test_other_objects_are_refused():
    with pytest.raises(ImageError, match="got int"):
        decode(7, RGB)


class Gate:
    """A picture that waits while it is read, so that two threads overlap in a known order."""

    def __init__(self):
        self.reached, self.opened = threading.Event(), threading.Event()
        self.image = Image.fromarray(PIXELS)
        self.image.load = self.wait
        self.thread = threading.Thread(target=decode, args=(self.image, AS_STORED))

    def wait(self):
        self.reached.set()
        assert self.opened.wait(10)

    def enter(self):
        self.thread.start()
        assert self.reached.wait(10)

    def leave(self):
        self.opened.set()
        self.thread.join(10)


def others():
    """The filters but the silence's own, which matches nothing outside of it."""
    return [one for one in warnings.filters if one[3] is not QUIETLY]


def test_threads_that_overlap_leave_the_warning_filters_as_they_were():
    before = others()
    first, second = Gate(), Gate()
    first.enter()
    second.enter()
    first.leave()
    second.leave()
    assert others() == before
    assert len(warnings.filters) - len(before) == 1  # however often it was entered


def note_of_pillow():
    warnings.warn_explicit("a note", UserWarning, "PIL/TiffImagePlugin.py", 1, module="PIL.TiffImagePlugin")


@pytest.mark.parametrize("action", ["error", "always"])
def test_pillows_warnings_are_silenced_whatever_filters_there_are_and_only_inside(action):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter(action)  # it stands before the silence's own filter
        with QUIETLY:
            with QUIETLY:
                note_of_pillow()
            note_of_pillow()
        assert not said
        warnings.simplefilter("always")
        note_of_pillow()
        assert len(said) == 1


def test_pillows_warnings_are_silenced_in_the_thread_that_reads():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with QUIETLY, ThreadPoolExecutor(1) as pool:
            pool.submit(note_of_pillow).result()
        assert len(said) == 1


def test_only_pillows_warnings_are_silenced():
    with pytest.warns(UserWarning, match="mine"), QUIETLY:
        warnings.warn("mine", stacklevel=1)
