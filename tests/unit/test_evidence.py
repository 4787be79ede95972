"""Samples that cannot prove anything, inputs that are scaled twice, and losses that tell numbers from classes."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.data import Spool
from edgecv_converters.source.losses import trained_as
from edgecv_runtime.decoders import Columns, Decoded
from edgecv_runtime.heads.kinds import open_head
from edgecv_runtime.preprocess import from_preset
from edgecv_runtime.schema import HeadSpec, TensorSpec

from edgecv.prove.evidence import (
    ProofSamples,
    byte_weakness,
    range_weaknesses,
    sample_weaknesses,
    scaling_weakness,
    tensor_weakness,
)
from edgecv.terminal.words import MINUS, number

RNG = np.random.default_rng(3)
HEAD = open_head(
    HeadSpec(name="cls", kind="classification", outputs=("cls",), labels=("a", "b", "c")),
    [TensorSpec(name="cls", shape=(1, 3), dtype="float32")],
)


def spool(folder, **arrays):
    """Samples on disk."""
    made = Spool(folder, tuple(arrays), len(next(iter(arrays.values()))))
    files = made.create({name: (1, *values.shape[1:]) for name, values in arrays.items()})
    for name, values in arrays.items():
        files[name][:] = values
    return made


def said(tmp_path, inputs, outputs=None, *, drawn=False):
    outputs = RNG.random((len(inputs), 3)) if outputs is None else outputs
    samples = ProofSamples(
        name="calibration", inputs=spool(tmp_path / "in", x=inputs), outputs=spool(tmp_path / "out", cls=outputs)
    )
    return list(sample_weaknesses(samples, [HEAD], drawn=drawn))


def test_enough_different_samples_with_different_answers_prove_something(tmp_path):
    assert said(tmp_path, RNG.random((40, 4))) == []


def test_equal_samples_prove_one_answer(tmp_path):
    assert said(tmp_path / "a", np.repeat(RNG.random((1, 4)), 100, axis=0)) == [
        "all 100 calibration samples are equal: they prove one answer at most"
    ]
    assert said(tmp_path / "b", np.zeros((30, 4))) == [
        "all 30 calibration samples are zero: they prove one answer at most"
    ]


def test_samples_that_repeat_others_prove_nothing_more(tmp_path):
    alternating = np.tile(RNG.random((2, 4)), (50, 1))
    assert said(tmp_path / "a", alternating) == [
        "only 2 of the 100 calibration samples are different: the others prove nothing more"
    ]
    assert said(tmp_path / "b", np.repeat(RNG.random((19, 4)), 3, axis=0)) == [
        "only 19 of the 57 calibration samples are different: the others prove nothing more"
    ]
    assert said(tmp_path / "c", np.repeat(RNG.random((20, 4)), 3, axis=0)) == []


def test_an_input_that_never_changes_is_not_proven(tmp_path):
    inputs = spool(tmp_path / "in", image=RNG.random((40, 4)), mask=np.zeros((40, 6)))
    samples = ProofSamples(name="calibration", inputs=inputs, outputs=spool(tmp_path / "out", cls=RNG.random((40, 3))))
    (found,) = sample_weaknesses(samples, [HEAD], drawn=False)
    assert found == "the calibration samples are all equal in mask: they do not prove what it does"


@pytest.mark.parametrize(("activation", "count"), [("none", 1), ("sigmoid", 0)])
def test_scores_of_boxes_that_are_no_shares_of_1_are_said(tmp_path, activation, count):
    specs = [TensorSpec(name=name, shape=(1, 5, width), dtype="float32") for name, width in (("b", 4), ("s", 3))]
    decoder = Decoded(scores=(Columns(output="s"),), boxes=(Columns(output="b"),))
    head = HeadSpec(name="b+s", kind="detection", outputs=("b", "s"), activation=activation, thresholds=(0.25,),
                    decode=decoder)  # fmt: skip
    corners = np.sort(RNG.random((40, 5, 4)) * 20, axis=-1)
    outputs = spool(tmp_path / "out", b=corners, s=RNG.normal(0, 4, (40, 5, 3)))
    samples = ProofSamples(name="calibration", inputs=spool(tmp_path / "in", x=RNG.random((40, 4))), outputs=outputs)
    found = list(sample_weaknesses(samples, [open_head(head, specs, (32, 32))], drawn=False))
    assert sum("should be shares of 1" in text for text in found) == count


def test_few_samples_prove_little(tmp_path):
    assert said(tmp_path, RNG.random((19, 4))) == ["there are only 19 calibration samples to prove anything on"]


def test_one_answer_to_all_samples_proves_no_other(tmp_path):
    answers = np.tile([0.1, 0.7, 0.2], (40, 1)) + 0.01 * RNG.random((40, 3))
    assert said(tmp_path / "a", RNG.random((40, 4)), answers) == [
        "the source gives all 40 calibration samples one answer, b (cls)"
    ]
    assert said(tmp_path / "b", RNG.random((40, 4)), answers, drawn=True) == []


def test_sets_of_different_ranges_are_not_prepared_alike(tmp_path):
    one, other = spool(tmp_path / "a", x=RNG.random((30, 4))), spool(tmp_path / "b", x=255 * RNG.random((30, 4)))
    (found,) = range_weaknesses({"calibration": one, "evaluation": other})
    assert "evaluation samples of x reach 25" in found
    assert list(range_weaknesses({"calibration": one, "evaluation": one})) == []


@pytest.mark.parametrize(
    ("values", "reach"),
    [([[-3.0, 1.0]], 3.0), ([[0.5, 2.0]], 2.0), ([[-4.0, -1.0]], 4.0), ([[0, 7]], 7.0), ([[False, True]], 1.0)],
)
def test_samples_reach_as_far_as_their_largest_value_on_either_side(tmp_path, values, reach):
    rows = np.repeat(np.array(values), 30, 0)
    wide = spool(tmp_path / "b", x=rows.astype(np.float32) * 100)
    (found,) = range_weaknesses({"calibration": spool(tmp_path / "a", x=rows), "evaluation": wide})
    assert f"reach {number(100 * reach)}, the calibration samples {number(reach)}" in found


def test_bytes_for_a_model_of_floats_are_said():
    spec = TensorSpec(name="x", shape=(1, 4), dtype="float32")
    assert "bytes (uint8, 0..255), and the model takes float32" in byte_weakness("calibration", spec, np.dtype("uint8"))
    assert byte_weakness("calibration", spec, np.dtype("float32")) is None
    integers = TensorSpec(name="x", shape=(1, 4), dtype="uint8")
    assert byte_weakness("calibration", integers, np.dtype("uint8")) is None


CAFFE = ((1.0,) * 3, (-103.9, -116.8, -123.7))
UNIT = ((1 / 255,) * 3, (0.0,) * 3)
CENTRED = ((1 / 127.5,) * 3, (-1.0,) * 3)
MEASURED = ((1 / 70,) * 3, (-1.8,) * 3)  # a Normalization layer adapted to pixels
OF_UNIT = ((4.0,) * 3, (-2.0,) * 3)  # one that was adapted to 0..1


@pytest.mark.parametrize("scaling", [CAFFE, UNIT, CENTRED, MEASURED])
@pytest.mark.parametrize("preset", ["rescale", "tf", "torch", "caffe"])
def test_a_model_that_scales_pixels_itself_is_not_given_scaled_ones(scaling, preset):
    found = scaling_weakness("image", from_preset(preset), scaling)
    if preset == "caffe" and scaling is not CAFFE:  # centred bytes divided once more still look like inputs
        return
    assert found is not None
    assert "already scales the pixels of image itself" in found
    assert "Give --preprocess none" in found


@pytest.mark.parametrize(
    ("scaling", "preset"),
    [(None, "rescale"), (CAFFE, "none"), (UNIT, "none"), (OF_UNIT, "rescale"), (((2.0,), (-1.0,)), "rescale")],
)
def test_a_model_that_expects_what_it_gets_is_left_alone(scaling, preset):
    assert scaling_weakness("image", from_preset(preset), scaling) is None


def test_a_model_that_scales_pixels_of_one_is_not_given_bytes():
    found = scaling_weakness("image", from_preset("none"), OF_UNIT)
    assert "for pixels of 0..1" in found
    assert f"the first layer sees {MINUS}2 to 1.02e+3, with 0..1 it would see {MINUS}2 to 2" in found


@pytest.mark.parametrize(
    ("scaling", "low", "high", "fits"),
    [
        (UNIT, 0, 255, True),
        (UNIT, 0, 60, True),  # dark pictures
        (UNIT, 0, 1, False),
        (CENTRED, -1, 1, False),
        (MEASURED, 0, 1, False),
        (CAFFE, 0, 255, True),
        (CAFFE, 0, 1, False),
        (((0.1,) * 3, (-5.0,) * 3), 0, 100, True),  # a table's columns, normalized inside
        (((0.1,) * 3, (-5.0,) * 3), -0.1, 0.1, False),
        (None, 0, 1, True),
    ],
)
def test_tensors_that_do_not_fit_a_models_own_scaling_are_said(tmp_path, scaling, low, high, fits):
    inputs = spool(tmp_path / "in", x=RNG.uniform(low, high, (30, 5, 5, 3)))
    samples = ProofSamples(name="calibration", inputs=inputs, outputs=inputs)
    found = tensor_weakness(samples, "x", from_preset("tensor"), scaling)
    assert (found is None) == fits
    assert fits or "the model already scales x itself, and the calibration samples do not fit that" in found


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mse", "numbers"),
        ("mean_absolute_error", "numbers"),
        ({"class_name": "Huber", "config": {"delta": 1.0}}, "numbers"),
        ({"module": "builtins", "class_name": "function", "config": "mean_squared_error"}, "numbers"),
        ("sparse_categorical_crossentropy", "one_class"),
        ({"class_name": "CategoricalCrossentropy", "config": {"from_logits": True}}, "one_class"),
        ({"class_name": "LossFunctionWrapper", "config": {"fn": "binary_crossentropy"}}, "labels"),
        ("my_own_loss", None),
        (None, None),
        (3, None),
        ({"class_name": 7}, None),
    ],
)
def test_a_loss_tells_what_an_output_means(loss, expected):
    assert trained_as({"loss": loss}, ["y"]) == (expected,)
    assert trained_as({"loss": {"y": loss}}, ["x", "y"])[1] == expected
    assert trained_as({"loss": [None, loss]}, ["x", "y"])[1] == expected


def test_a_file_without_losses_says_nothing():
    assert trained_as(None, ["y"]) == trained_as({}, ["y"]) == trained_as([], ["y"]) == (None,)
