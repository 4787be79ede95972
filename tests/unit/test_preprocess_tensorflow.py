"""The resampling, against TensorFlow and the Keras loaders themselves."""

import numpy as np
import pytest
from edgecv_runtime.preprocess import Preprocessor, from_preset, resolve
from edgecv_runtime.preprocess.taps import _sine
from edgecv_runtime.schema import Fit, Preprocess, Resize
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

side = st.integers(1, 40)
any_side = st.integers(1, 300)
METHODS = {"bicubic": "bicubic", "lanczos": "lanczos3", "box": "area"}
quick = settings(max_examples=40, deadline=None)


def pixels_of(height, width, seed=0):
    return np.random.default_rng([height, width, seed]).integers(0, 256, (height, width, 3), dtype=np.uint8)


def run(pixels, height, width, **fields):
    spec = Preprocess(size=(height, width), **fields)
    return Preprocessor(spec)(pixels)[0]


@quick
@given(side, side, side, side)
def test_tf_bilinear_is_tf_image_resize(height, width, out_height, out_width):
    import tensorflow as tf

    pixels = pixels_of(height, width)
    got = run(pixels, out_height, out_width, resize=Resize(kernel="bilinear", semantics="tf"))
    wanted = tf.image.resize(pixels, (out_height, out_width), "bilinear", antialias=False).numpy()
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-4)


@quick
@given(side, side, side, side)
def test_tf_nearest_is_tf_image_resize_exactly(height, width, out_height, out_width):
    import tensorflow as tf

    pixels = pixels_of(height, width)
    got = run(pixels, out_height, out_width, resize=Resize(kernel="nearest", semantics="tf"))
    wanted = tf.image.resize(pixels, (out_height, out_width), "nearest").numpy()
    np.testing.assert_array_equal(got, wanted.astype(np.float32), strict=True)


@pytest.mark.parametrize("kernel", METHODS)
@settings(max_examples=25, deadline=None)
@given(any_side, any_side, any_side, any_side, st.sampled_from([1, 3]))
def test_every_other_tf_kernel_is_tf_image_resize(kernel, height, width, out_height, out_width, channels):
    import tensorflow as tf

    pixels = pixels_of(height, width)[..., :channels]
    color = "rgb" if channels == 3 else "gray"
    got = run(pixels, out_height, out_width, color=color, resize=Resize(kernel=kernel, semantics="tf"))
    wanted = tf.image.resize(pixels, (out_height, out_width), METHODS[kernel], antialias=False).numpy()
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-4)


def test_the_sine_of_lanczos_is_right_to_float32():
    angles = np.linspace(1e-3, 9.43, 200_001, dtype=np.float32)
    exact = np.sin(angles.astype(np.float64))
    assert (np.abs(_sine(angles) - exact) <= 0.57 * np.spacing(np.abs(exact).astype(np.float32))).all()


@pytest.mark.parametrize(("size", "out"), [((375, 500), (224, 224)), ((32, 32), (96, 96)), ((481, 321), (33, 517))])
def test_tf_kernels_at_the_sizes_of_photos(size, out):
    import tensorflow as tf

    pixels = pixels_of(*size)
    for kernel, atol in (("bilinear", 1e-4), ("nearest", 0)):
        got = run(pixels, *out, resize=Resize(kernel=kernel, semantics="tf"))
        wanted = tf.cast(tf.image.resize(pixels, out, kernel), tf.float32).numpy()
        np.testing.assert_allclose(got, wanted, rtol=0, atol=atol)


def test_tf_bilinear_keeps_its_order_of_operations():
    """One output pixel, by hand in float32: horizontal first, then vertical."""
    pixels = pixels_of(3, 5)
    got = run(pixels, 2, 7, resize=Resize(kernel="bilinear", semantics="tf"))
    f = np.float32
    y, x = (f(1.5) * (f(3) / f(2)) - f(0.5)), (f(3.5) * (f(5) / f(7)) - f(0.5))
    top, left = int(y), int(x)
    fy, fx = f(y - top), f(x - left)
    (tl, tr), (bl, br) = pixels[top : top + 2, left : left + 2, 0].astype(f)
    upper, lower = f(tl + f(f(tr - tl) * fx)), f(bl + f(f(br - bl) * fx))
    assert got[1, 3, 0] == f(upper + f(f(lower - upper) * fy))


@pytest.mark.parametrize("mode", ["stretch", "crop", "letterbox", "resize_crop"])
@pytest.mark.parametrize("semantics", ["pillow", "tf"])
@pytest.mark.parametrize("color", ["rgb", "gray"])
def test_a_single_pixel_fills_every_fit(mode, semantics, color):
    fit = Fit(mode=mode, shorter=7 if mode == "resize_crop" else None)
    picture = np.full((1, 1, 3), 77, np.uint8)
    got = run(picture, 5, 5, color=color, fit=fit, resize=Resize(semantics=semantics))
    assert got.shape == (5, 5, 1 if color == "gray" else 3)
    assert (got == 77).all()


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos", "box"])
@pytest.mark.parametrize("name", ["photo.jpg", "photo.png"])
def test_pillow_kernels_are_keras_load_img(tmp_path, name, interpolation):
    import keras

    path = tmp_path / name
    Image.fromarray(pixels_of(37, 52)).save(path, exif=b"Exif\x00\x00" + orientation_exif(6))
    wanted = np.asarray(keras.utils.load_img(path, target_size=(24, 31), interpolation=interpolation))
    spec = Preprocess(orientation="ignore", size=(24, 31), resize=Resize(kernel=interpolation))
    np.testing.assert_array_equal(Preprocessor(spec)(path)[0], wanted)
    if interpolation == "nearest":
        preset = resolve(from_preset("load_img"), (1, 24, 31, 3))
        np.testing.assert_array_equal(Preprocessor(preset)(path)[0], keras.utils.img_to_array(Image.fromarray(wanted)))


def orientation_exif(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes().removeprefix(b"Exif\x00\x00")


def test_image_dataset_preset_is_what_keras_reads(tmp_path):
    import keras

    (tmp_path / "only").mkdir()
    path = tmp_path / "only/photo.png"
    Image.fromarray(pixels_of(37, 52)).save(path)
    loaded = keras.utils.image_dataset_from_directory(tmp_path, image_size=(24, 31), batch_size=1, verbose=False)
    (wanted, _), *_ = loaded.as_numpy_iterator()
    preset = resolve(from_preset("image_dataset"), (1, 24, 31, 3))
    got = Preprocessor(preset)(path)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-4)


def test_image_dataset_preset_for_one_channel(tmp_path):
    import tensorflow as tf

    path = tmp_path / "gray.png"
    Image.fromarray(pixels_of(19, 23)[..., 0]).save(path)
    wanted = tf.image.resize(tf.io.decode_png(path.read_bytes(), channels=1), (28, 28)).numpy()
    preset = resolve(from_preset("image_dataset"), (1, 28, 28, 1))
    np.testing.assert_allclose(Preprocessor(preset)(path)[0], wanted, rtol=0, atol=1e-4)
