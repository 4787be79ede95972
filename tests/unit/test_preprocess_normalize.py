"""The presets against Keras, and the integer paths against the float one, to the bit."""

import numpy as np
import pytest
from edgecv_runtime.errors import ImageError, SpecError
from edgecv_runtime.preprocess import PRESETS, Preprocessor, dequantize, from_preset, parse, quantize, resolve
from edgecv_runtime.schema import Fit, Normalize, Preprocess, QuantParams, Resize, TensorIO
from hypothesis import given
from hypothesis import strategies as st

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (13, 17, 3), dtype=np.uint8)
EVERY_BYTE = np.stack([np.roll(np.arange(256, dtype=np.uint8), shift) for shift in (0, 85, 170)], -1)


def at_size(spec, height, width, channels=3):
    return resolve(spec, (1, height, width, channels))


def artifact_input(dtype, scale=None, zero_point=0, layout="NHWC", shape=(1, 8, 8, 3)):
    quantization = None if scale is None else QuantParams(scale=scale, zero_point=zero_point)
    return TensorIO(name="x", tensor="x:0", shape=shape, dtype=dtype, layout=layout, quantization=quantization)


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_presets_are_keras_modes(mode):
    from keras.applications import imagenet_utils

    wanted = imagenet_utils.preprocess_input(EVERY_BYTE.astype(np.float64), data_format="channels_last", mode=mode)
    got = Preprocessor(at_size(from_preset(mode), 1, 256))(EVERY_BYTE[None])
    assert got.dtype == np.float32
    assert got.shape == (1, 1, 256, 3)
    np.testing.assert_allclose(got[0, 0], wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())


def test_none_and_rescale():
    pixels = EVERY_BYTE[None]
    none = Preprocessor(at_size(from_preset("none"), 1, 256))(pixels)
    np.testing.assert_array_equal(none[0], pixels.astype(np.float32), strict=True)
    rescale = Preprocessor(at_size(from_preset("rescale"), 1, 256))(pixels)
    np.testing.assert_array_equal(rescale[0], pixels.astype(np.float32) * np.float32(1 / 255), strict=True)


def test_normalization_is_two_rounded_operations():
    spec = Preprocess(size=(1, 256), normalize=Normalize(scale=(0.3, 0.017, 1e-3), offset=(-5.1, 1 / 3, 7e4)))
    got = Preprocessor(spec)(EVERY_BYTE[None])[0, 0]
    for channel, (scale, offset) in enumerate(zip(spec.normalize.scale, spec.normalize.offset, strict=True)):
        for byte, value in zip(EVERY_BYTE[:, channel], got[:, channel], strict=True):
            assert value == np.float32(np.float32(np.float32(byte) * np.float32(scale)) + np.float32(offset))


def test_bgr_reverses_the_channels_before_they_are_normalized():
    spec = Preprocess(size=(13, 17), color="bgr", normalize=Normalize(offset=(1.0, 2.0, 3.0)))
    got = Preprocessor(spec)(PICTURE)
    np.testing.assert_array_equal(got[0], PICTURE[..., ::-1] + np.float32([1, 2, 3]))
    assert got.flags.c_contiguous


def test_a_preset_becomes_gray_for_one_channel():
    spec = at_size(from_preset("rescale"), 13, 17, channels=1)
    assert spec.color == "gray"
    red, green, blue = (PICTURE[..., c].astype(np.int64) for c in range(3))
    gray = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    got = Preprocessor(spec)(PICTURE)
    np.testing.assert_array_equal(got[0, ..., 0], gray.astype(np.float32) * np.float32(1 / 255))


def test_gray_of_every_byte_is_the_integer_formula():
    cube = np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 3, indexing="ij"), -1).reshape(1, -1, 3).astype(np.uint8)
    got = Preprocessor(Preprocess(size=cube.shape[:2], color="gray"))(cube)
    wanted = (cube.astype(np.int64) @ [19595, 38470, 7471] + 32768) >> 16
    np.testing.assert_array_equal(got[0, ..., 0], wanted)


SPECS = [
    *(at_size(from_preset(name), 8, 8) for name in ("none", "rescale", "tf", "torch", "caffe", "load_img+torch")),
    at_size(from_preset("image_dataset+tf"), 8, 8),
    Preprocess(size=(8, 8), color="bgr", fit=Fit(mode="letterbox", pad=(1, 2, 3)), normalize=Normalize(scale=(0.1,))),
    Preprocess(size=(8, 8), fit=Fit(mode="crop", fraction=0.6), resize=Resize(kernel="lanczos")),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.normalize.preset}-{spec.resize.semantics}")
@pytest.mark.parametrize(("dtype", "zero_point"), [("int8", -7), ("uint8", 121), ("int16", 0)])
@pytest.mark.parametrize("scale", [1 / 255, 0.0186584498733282, 2.0])
def test_integers_are_the_float_path_quantized(spec, dtype, zero_point, scale):
    io = artifact_input(dtype, scale, zero_point)
    real = Preprocessor(spec)(PICTURE)
    got = Preprocessor(spec, io)(PICTURE)
    np.testing.assert_array_equal(got, quantize(real, io.quantization, dtype), strict=True)


@given(
    byte=st.integers(0, 255),
    scale=st.floats(2**-12, 8, width=32),
    offset=st.floats(-300, 300, width=32),
    step=st.floats(2**-12, 8, width=32),
    zero_point=st.integers(-128, 127),
)
def test_the_table_is_the_formula(byte, scale, offset, step, zero_point):
    spec = Preprocess(size=(1, 1), color="gray", normalize=Normalize(scale=(scale,), offset=(offset,)))
    io = artifact_input("int8", step, zero_point, shape=(1, 1, 1, 1))
    got = int(Preprocessor(spec, io)(np.full((1, 1), byte, np.uint8))[0, 0, 0, 0])
    value = np.float32(np.float32(byte) * np.float32(scale)) + np.float32(offset)
    steps = round(float(value / np.float32(step)))
    assert got == min(max(steps + zero_point, -128), 127)


def test_rounding_is_half_to_even_and_clamped():
    values = np.float32([-0.5, 0.5, 1.5, 2.5, -1.5, -2.5, 1e30, -1e30, np.inf, -np.inf])
    got = quantize(values, QuantParams(scale=1.0, zero_point=3), "int8")
    assert got.tolist() == [3, 3, 5, 5, 1, 1, 127, -128, 127, -128]
    assert got.dtype == np.int8


def test_dequantize_undoes_quantize_on_the_grid():
    params = QuantParams(scale=0.0186584498733282, zero_point=-11)
    steps = np.arange(-128, 128).astype(np.int8)
    real = dequantize(steps, params)
    assert real.dtype == np.float32
    np.testing.assert_array_equal(real, np.arange(-117, 139, dtype=np.float32) * np.float32(params.scale))
    np.testing.assert_array_equal(quantize(real, params, "int8"), steps, strict=True)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_nchw_is_nhwc_transposed(dtype):
    spec = SPECS[3]
    scale = 0.02 if dtype == "int8" else None
    last = Preprocessor(spec, artifact_input(dtype, scale))(PICTURE)
    first = Preprocessor(spec, artifact_input(dtype, scale, layout="NCHW", shape=(1, 3, 8, 8)))(PICTURE)
    np.testing.assert_array_equal(first, last.transpose(0, 3, 1, 2), strict=True)
    assert first.flags.c_contiguous


def test_float16_inputs_get_their_dtype():
    got = Preprocessor(SPECS[1], artifact_input("float16"))(PICTURE)
    np.testing.assert_array_equal(got, Preprocessor(SPECS[1])(PICTURE).astype(np.float16), strict=True)


TENSOR = Preprocess(kind="tensor", normalize=Normalize(scale=(0.5, 2.0), offset=(1.0, -1.0)))


def test_tensors_are_normalized_along_the_last_axis():
    values = RNG.normal(size=(4, 3, 2))
    got = Preprocessor(TENSOR)(values)
    assert got.shape == (1, 4, 3, 2)
    wanted = values.astype(np.float32) * np.float32([0.5, 2.0]) + np.float32([1.0, -1.0])
    np.testing.assert_array_equal(got[0], wanted, strict=True)


def test_tensors_quantized_with_or_without_their_batch_axis():
    values = RNG.normal(size=(1, 6, 2)).astype(np.float32)
    io = artifact_input("int8", 0.05, 3, layout="none", shape=(1, 6, 2))
    got = Preprocessor(TENSOR, io)(values)
    np.testing.assert_array_equal(got, quantize(Preprocessor(TENSOR)(values[0]), io.quantization, "int8"), strict=True)
    np.testing.assert_array_equal(Preprocessor(TENSOR, io)(values[0]), got, strict=True)


def test_the_caller_s_tensor_is_left_alone():
    values = np.ones((3, 2), np.float32)
    Preprocessor(TENSOR)(values)
    assert (values == 1).all()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array([[np.nan, 1.0]]), "NaN or infinity"),
        (np.array([[1e300, 1.0]]), "NaN or infinity"),
        (np.array([["a", "b"]]), "must hold numbers"),
        ("photo.jpg", "takes a tensor, not a picture, got str"),
    ],
)
def test_wrong_tensors_are_errors(values, words):
    with pytest.raises(ImageError, match=words):
        Preprocessor(TENSOR)(values)


def test_a_preprocessor_needs_a_size_and_a_scale():
    with pytest.raises(SpecError, match="has no size"):
        Preprocessor(Preprocess())
    with pytest.raises(SpecError, match="'x' is int8 without a scale"):
        Preprocessor(SPECS[0], artifact_input("int8"))


@pytest.mark.parametrize("name", ["imagenet", "", "+tf", "tf+", "load_img+", "load_img+imagenet", "torch+load_img"])
def test_unknown_presets_list_the_known_ones(name):
    with pytest.raises(SpecError, match="unknown preprocessing") as caught:
        parse(name)
    assert all(preset in caught.value.hint for preset in PRESETS)


def test_loaders_alone_leave_the_values():
    for loader in ("load_img", "image_dataset"):
        assert from_preset(loader) == from_preset(f"{loader}+none")
        assert from_preset(loader).orientation == "ignore"
    assert from_preset("tensor") == Preprocess(kind="tensor")
