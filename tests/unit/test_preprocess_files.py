"""Picture files of every format, against what Keras, Pillow and TensorFlow read from them."""

import io

import numpy as np
import pytest
from edgecv_runtime.errors import ImageError
from edgecv_runtime.preprocess import decode
from edgecv_runtime.schema import Preprocess
from PIL import Image

RGB = Preprocess()
GRAY = Preprocess(color="gray")
PIXELS = np.random.default_rng(5).integers(0, 256, (7, 10, 3), dtype=np.uint8)
PICTURE = Image.fromarray(PIXELS)
WIDE = np.array([[0, 255, 256, 511], [1000, 32768, 65279, 65535]], np.uint16)


def encoded(image, form="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("value", [0, 9, 255, "6", (6, 1)])
def test_an_orientation_that_means_nothing_turns_nothing(value):
    image = PICTURE.copy()
    image.getexif()[0x0112] = value
    np.testing.assert_array_equal(decode(image, RGB), PIXELS)


def test_a_broken_exif_block_turns_nothing():
    data = encoded(PICTURE, "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x7fgarbage")
    np.testing.assert_array_equal(decode(data, RGB), decode(data, Preprocess(orientation="ignore")))


def rgba():
    image = PICTURE.convert("RGBA")
    image.putalpha(Image.fromarray(PIXELS[..., 1]))
    return image


@pytest.mark.parametrize(
    "data",
    [
        encoded(PICTURE.convert("CMYK"), "JPEG"),
        encoded(PICTURE, "JPEG"),
        encoded(PICTURE.convert("L"), "JPEG"),
        encoded(rgba()),
        encoded(PICTURE.quantize(8), "GIF"),
        encoded(PICTURE, "BMP"),
        encoded(PICTURE, "TIFF", compression="tiff_lzw"),
        encoded(PICTURE, "WEBP"),
        encoded(PICTURE, "PPM"),
    ],
    ids=["cmyk.jpg", "rgb.jpg", "gray.jpg", "rgba.png", "gif", "bmp", "tiff", "webp", "ppm"],
)
def test_files_are_what_keras_load_img_reads(data, tmp_path):
    import keras

    path = tmp_path / "picture"
    path.write_bytes(data)
    for spec, mode in ((RGB, "rgb"), (GRAY, "grayscale")):
        wanted = np.asarray(keras.utils.load_img(path, color_mode=mode))
        np.testing.assert_array_equal(decode(path, spec), wanted)
        np.testing.assert_array_equal(decode(data, spec), wanted)
        np.testing.assert_array_equal(decode(str(path), spec), wanted)


@pytest.mark.parametrize("spec", [RGB, GRAY], ids=["rgb", "gray"])
def test_the_high_byte_of_16_bit_gray_as_tensorflow_takes_it(spec):
    import tensorflow as tf

    channels = 1 if spec.color == "gray" else 3
    data = encoded(Image.fromarray(WIDE))
    wanted = tf.io.decode_png(data, channels=channels).numpy()
    np.testing.assert_array_equal(np.asarray(decode(data, spec)).reshape(wanted.shape), wanted)
    np.testing.assert_array_equal(wanted[..., 0], WIDE >> 8)


@pytest.mark.parametrize("pixels", [WIDE.astype(">u2"), WIDE.astype(np.int32), WIDE], ids=["I;16B", "I", "I;16"])
def test_16_bit_gray_of_every_pillow_mode(pixels):
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(pixels), "TIFF"), GRAY), WIDE >> 8)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"])
@pytest.mark.parametrize("orientation", ["exif", "ignore"])
def test_half_a_file_is_no_picture(form, orientation, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), form)
    path = tmp_path / "half"
    path.write_bytes(data[: len(data) // 2])
    for source in (path, path.read_bytes()):
        with pytest.raises(ImageError, match=r"cannot be decoded|is not a picture"):
            decode(source, Preprocess(orientation=orientation))
