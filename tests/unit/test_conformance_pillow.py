"""`pillow` semantics, from a decoded picture to the finished tensor, are Pillow and plain NumPy to the bit."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.schema import Fit, Preprocess, Resize, TensorIO
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests import conformance
from tests.golden import independent
from tests.golden.format import as_image

MANY = settings(max_examples=600, deadline=None)
FEW = settings(max_examples=40, deadline=None)


def assert_same_bits(pixels: np.ndarray, orientation: int, spec: Preprocess, io: TensorIO) -> None:
    got = Preprocessor(spec, io)(as_image(pixels, orientation))
    wanted = independent.finish(independent.from_pixels(pixels, orientation, spec), io)
    np.testing.assert_array_equal(got, wanted, strict=True)
    assert independent.same_bits(got, wanted)


@MANY
@given(st.data(), conformance.pictures(conformance.small_sizes), st.integers(1, 8))
def test_any_preprocessing_of_any_picture_is_pillows_to_the_bit(data, pixels, orientation):
    spec = data.draw(conformance.specs("pillow"))
    assert_same_bits(pixels, orientation, spec, data.draw(conformance.inputs(spec)))


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(["pillow", "tf"]))
def test_one_preprocessor_serves_any_pictures_and_leaves_earlier_tensors_alone(data, semantics):
    spec = data.draw(conformance.specs(semantics, shorter=24))
    io = data.draw(conformance.inputs(spec))
    different = data.draw(st.lists(conformance.pictures(conformance.small_sizes), min_size=2, max_size=4))
    pictures = [*different, *(255 - picture for picture in different), different[0]]
    shared = Preprocessor(spec, io)
    got = [shared(as_image(picture)) for picture in pictures]
    for picture, tensor in zip(pictures, got, strict=True):
        assert independent.same_bits(tensor, Preprocessor(spec, io)(as_image(picture)))


VIEWS = {
    "as it is": lambda p: p,
    "channels reversed": lambda p: p[..., ::-1],
    "mirrored": lambda p: p[:, ::-1],
    "upside down": lambda p: p[::-1],
    "transposed": lambda p: p.swapaxes(0, 1),
    "every second column": lambda p: p[:, ::2],
    "every second row": lambda p: p[::2],
    "a part": lambda p: p[p.shape[0] // 3 :, p.shape[1] // 4 :],
    "Fortran order": np.asfortranarray,
}


@settings(max_examples=150, deadline=None)
@given(
    st.data(),
    conformance.pictures(conformance.small_sizes),
    st.sampled_from(sorted(VIEWS)),
    st.sampled_from(["pillow", "tf"]),
)
def test_an_array_may_lie_in_memory_in_any_way(data, pixels, view, semantics):
    spec = data.draw(conformance.specs(semantics))
    io = data.draw(conformance.inputs(spec))
    given_, before = VIEWS[view](pixels), VIEWS[view](pixels).copy()
    got = Preprocessor(spec, io)(given_)
    assert independent.same_bits(got, Preprocessor(spec, io)(as_image(np.ascontiguousarray(given_))))
    assert np.array_equal(given_, before)


@FEW
@given(st.data(), conformance.pictures(conformance.photo_sizes), st.integers(1, 8))
def test_pictures_of_up_to_12_megapixels_are_pillows_to_the_bit(data, pixels, orientation):
    spec = data.draw(conformance.specs("pillow", shorter=24))
    assert_same_bits(pixels, orientation, spec, data.draw(conformance.inputs(spec)))


@pytest.mark.parametrize("kernel", conformance.KERNELS)
@pytest.mark.parametrize("size", [(8, 8), (224, 224), (1, 1), (3000, 5)])
def test_the_largest_picture_is_pillows_to_the_bit(kernel, size):
    pixels = conformance.noise()[: 3000 * 4000 * 3].reshape(3000, 4000, 3)
    spec = Preprocess(size=size, resize=Resize(kernel=kernel))
    image = Image.fromarray(pixels)
    wanted = np.asarray(image.resize(size[::-1], Image.Resampling[kernel.upper()]))
    np.testing.assert_array_equal(Preprocessor(spec)(image)[0], wanted)


@settings(max_examples=100, deadline=None)
@given(conformance.pictures(conformance.small_sizes), conformance.outputs, st.sampled_from(conformance.KERNELS))
def test_the_passes_are_in_pillow_13s_order(pixels, size, kernel):
    image, resampling = as_image(pixels), Image.Resampling[kernel.upper()]
    wanted = np.asarray(independent.in_passes(image, size, resampling))
    if not independent.PILLOW_BEFORE_13:
        np.testing.assert_array_equal(np.asarray(image.resize(size, resampling)), wanted)
    spec = Preprocess(size=size[::-1], resize=Resize(kernel=kernel), color="gray" if pixels.shape[2] == 1 else "rgb")
    np.testing.assert_array_equal(Preprocessor(spec)(image)[0].reshape(wanted.shape), wanted)


PILLOW_13 = Image.Image.resize


def pillow_12(image, size, resample, box=None, reducing_gap=None):
    """Before 13.0 the horizontal pass always came first."""
    assert reducing_gap is None
    part = image if box is None else image.crop(box)
    return PILLOW_13(PILLOW_13(part, (size[0], part.height), resample), size, resample)


@pytest.mark.parametrize("fit", [Fit(), Fit(mode="letterbox"), Fit(mode="crop"), Fit(mode="resize_crop", shorter=12)])
@pytest.mark.parametrize("kernel", ["bilinear", "bicubic", "lanczos"])
def test_an_older_pillow_gives_the_same_bits(fit, kernel, monkeypatch):
    spec = Preprocess(size=(16, 45), fit=fit, resize=Resize(kernel=kernel))
    image = Image.fromarray(conformance.noise()[: 300 * 40 * 3].reshape(300, 40, 3))
    wanted = Preprocessor(spec)(image)
    monkeypatch.setattr(Image.Image, "resize", pillow_12)
    np.testing.assert_array_equal(Preprocessor(spec)(image), wanted)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures")


FORMS = {"png": {"compress_level": 1}, "bmp": {}, "jpg": {"quality": 80}, "tiff": {}, "webp": {"method": 0}}


@settings(max_examples=200, deadline=None)
@given(
    conformance.pictures(conformance.small_sizes),
    conformance.outputs,
    st.sampled_from(conformance.KERNELS),
    st.sampled_from(sorted(FORMS)),
    st.sampled_from(["rgb", "grayscale"]),
    st.integers(1, 8),
)
def test_a_file_is_what_keras_load_img_makes_of_it(folder, pixels, size, kernel, form, mode, orientation):
    path = folder / f"picture.{form}"
    image = as_image(pixels, orientation)
    image.save(path, **FORMS[form], **({} if form == "bmp" else {"exif": image.getexif()}))
    wanted = keras.utils.load_img(path, color_mode=mode, target_size=size, interpolation=kernel)
    spec = Preprocess(
        size=size,
        orientation="ignore",
        color="gray" if mode == "grayscale" else "rgb",
        fit=Fit(),
        resize=Resize(kernel=kernel),
    )
    np.testing.assert_array_equal(Preprocessor(spec)(path)[0], keras.utils.img_to_array(wanted), strict=True)
