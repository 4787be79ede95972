"""What a preprocessing may say, and its fitting to one input of a model."""

from __future__ import annotations

import pytest
from edgecv_runtime.errors import SpecError
from edgecv_runtime.preprocess import from_preset, resolve
from edgecv_runtime.preprocess.presets import normalization
from edgecv_runtime.schema import Fit, Normalize, Preprocess, Resize


def test_a_preset_takes_the_inputs_size_and_colour():
    spec = resolve(from_preset("caffe"), (1, 8, 9, 3))
    assert spec.size == (8, 9)
    assert spec.color == "bgr"


def test_gray_inputs_take_gray_pictures_from_presets_only():
    assert resolve(from_preset("rescale"), (1, 28, 28, 1)).color == "gray"
    with pytest.raises(SpecError, match=r"input 'x' has 1 channel\(s\), color = 'rgb' has 3"):
        resolve(Preprocess(), (1, 28, 28, 1), "x")
    with pytest.raises(SpecError, match=r"has 3 channel\(s\), color = 'gray' has 1"):
        resolve(Preprocess(color="gray"), (1, 28, 28, 3))


@pytest.mark.parametrize("name", ["torch", "caffe"])
def test_a_preset_of_three_channels_does_not_fit_a_gray_input(name):
    with pytest.raises(SpecError):
        resolve(from_preset(name), (1, 28, 28, 1))


@pytest.mark.parametrize("shape", [(1, 10), (1, 4, 8, 8, 3), (1, 8, 8, 2)])
def test_an_input_that_is_no_picture_is_refused(shape):
    with pytest.raises(SpecError, match=r"shape|channel"):
        resolve(from_preset("none"), shape)


def test_another_size_than_the_inputs_is_refused():
    with pytest.raises(SpecError, match=r"size must be the input's, \(8, 8\), got \(9, 8\)"):
        resolve(Preprocess(size=(9, 8)), (1, 8, 8, 3))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (Preprocess(fit=Fit(fraction=0.5)), "fit.fraction must be given only with mode = 'crop'"),
        (Preprocess(fit=Fit(mode="crop", fraction=1.5)), "fit.fraction must be over 0 and at most 1, got 1.5"),
        (Preprocess(fit=Fit(mode="crop", fraction=float("nan"))), "fit.fraction must be over 0"),
        (Preprocess(fit=Fit(mode="resize_crop")), "fit.shorter must be given"),
        (Preprocess(fit=Fit(mode="resize_crop", shorter=0)), "fit.shorter must be 1 to 65536 pixels, got 0"),
        (Preprocess(fit=Fit(mode="letterbox", pad=(256,))), r"fit.pad must be values in 0..255, got \(256,\)"),
        (Preprocess(fit=Fit(mode="letterbox", pad=(1, 2))), "fit.pad must be 1 or 3 values"),
        (Preprocess(normalize=Normalize(scale=(1.0, 2.0))), "normalize.scale must be 1 or 3 values"),
        (Preprocess(normalize=Normalize(offset=(float("inf"),))), "normalize.offset must be finite numbers"),
        (Preprocess(normalize=Normalize(scale=(1e39,))), "normalize.scale must be finite numbers of float32"),
        (Preprocess(normalize=Normalize(scale=(1.0, 0.0, 1.0))), "normalize.scale must be other than zero"),
        (
            Preprocess(normalize=Normalize(preset="rescale")),
            r"normalize\.scale must be \(0\.003921569,\) with .*'rescale', got",
        ),
        (Preprocess(normalize=Normalize(preset="imagenet")), "normalize.preset must be one of none, .*got 'imagenet'"),
        (
            Preprocess(normalize=normalization("caffe")),
            "color must be 'bgr' with normalize.preset = 'caffe', got 'rgb'",
        ),
        (Preprocess(size=(0, 8)), "size must be"),
    ],
)
def test_what_is_impossible_is_refused_by_name(spec, message):
    with pytest.raises(SpecError, match=message):
        resolve(spec, (1, 8, 8, 3))


@pytest.mark.parametrize("values", [(1.0,), (1.0, 2.0, 3.0)])
def test_a_tensor_takes_one_value_or_one_a_channel(values):
    spec = Preprocess(kind="tensor", normalize=Normalize(scale=values))
    assert resolve(spec, (1, 30, 3)) == spec
    with pytest.raises(SpecError, match=r"normalize\.scale must be 1 or 4 values"):
        resolve(Preprocess(kind="tensor", normalize=Normalize(scale=(1.0, 2.0))), (1, 30, 4))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", (8, 8)),
        ("orientation", "ignore"),
        ("color", "bgr"),
        ("fit", Fit(mode="letterbox")),
        ("resize", Resize(kernel="box")),
    ],
)
def test_a_tensor_has_nothing_of_a_picture(field, value):
    with pytest.raises(SpecError, match=f"{field} must be left out with kind = 'tensor'"):
        resolve(Preprocess(kind="tensor", **{field: value}), (1, 4))


@pytest.mark.parametrize("name", ["none", "rescale", "tf", "torch", "caffe"])
def test_every_preset_keeps_its_own_rules(name):
    assert resolve(from_preset(name), (1, 8, 8, 3)).normalize == normalization(name)
