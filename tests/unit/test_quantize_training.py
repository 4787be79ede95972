"""Quantization-aware training without a network: its loss, its choice of an epoch, its data, its refusals."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.data.samples import Sample, SampleSet
from edgecv_converters.quantize.qat import Score, Trained, better, cross_entropy
from edgecv_converters.quantize.scheme import Scheme
from edgecv_runtime.errors import DataError, UsageError

from edgecv.convert.datasets import HELD_OUT, TRAINING, training_sets
from edgecv.convert.request import from_options
from tests.heads import head

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]], np.float32)
LABELS = np.array([2, 1])
YES = np.array([[1.5], [-0.5]], np.float32)


def softmax(rows):
    powers = np.exp(rows)
    return powers / powers.sum(-1, keepdims=True)


def sigmoid(rows):
    return 1 / (1 + np.exp(-rows))


def loss(one, kind, found, labels):
    return float(cross_entropy(one, kind, np.asarray(found, np.float32), labels))


def test_the_loss_of_probabilities_and_of_their_logits_is_the_negative_log_likelihood():
    expected = -np.log(softmax(LOGITS)[[0, 1], LABELS]).mean()
    assert loss(head(), "SOFTMAX", softmax(LOGITS), LABELS) == pytest.approx(expected, rel=1e-4)
    assert loss(head(activation="softmax"), "FULLY_CONNECTED", LOGITS, LABELS) == pytest.approx(expected, rel=1e-5)
    assert loss(head(), "FULLY_CONNECTED", LOGITS, LABELS) == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_one_value_is_that_of_yes_and_no():
    labels = np.array([1, 0])
    expected = -np.log([sigmoid(1.5), 1 - sigmoid(-0.5)]).mean()
    binary = head("binary", 1)
    assert loss(binary, "LOGISTIC", sigmoid(YES), labels) == pytest.approx(expected, rel=1e-4)
    assert loss(head("binary", 1, activation="sigmoid"), "ADD", YES, labels) == pytest.approx(expected, rel=1e-5)


def test_classes_that_each_have_a_sigmoid_are_told_apart_one_by_one():
    likely = sigmoid(LOGITS)
    wanted = np.eye(3)[LABELS]
    expected = -(wanted * np.log(likely) + (1 - wanted) * np.log(1 - likely)).sum(-1).mean()
    assert loss(head(), "LOGISTIC", likely, LABELS) == pytest.approx(expected, rel=1e-4)
    assert loss(head(activation="sigmoid"), "CONV_2D", LOGITS, LABELS) == pytest.approx(expected, rel=1e-5)


def test_outputs_with_more_axes_are_rows():
    one = head(activation="softmax")
    assert loss(one, "CONV_2D", LOGITS[:, None, None], LABELS) == pytest.approx(loss(one, "CONV_2D", LOGITS, LABELS))


def test_the_best_epoch_has_most_right_answers_then_the_surest_then_is_the_first():
    nothing = Scheme({}, {}, {}, {})
    scores = [Score(70, -0.5), Score(72, -0.9), Score(72, -0.8), Score(72, -0.8), Score(71, -0.1)]
    best = None
    for number, score in enumerate(scores, 1):
        best = better(best, Trained(scheme=nothing, epoch=number, score=score))
    assert best is not None
    assert best.epoch == 3


def samples(tmp_path, count, classes):
    rows = tuple(Sample(f"{i:03d}", str(i % classes), i) for i in range(count))
    return SampleSet("npz", tmp_path / "some.npz", rows, tuple(map(str, range(classes))))


def test_a_tenth_is_held_out_balanced_and_by_seed(tmp_path):
    given = samples(tmp_path, 200, 4)
    found = training_sets(given, 3)
    held, train = ({sample.id for sample in found[name].samples} for name in (HELD_OUT, TRAINING))
    assert len(held) == 20
    assert not held & train
    assert held | train == {sample.id for sample in given.samples}
    labels = [sample.label for sample in found[HELD_OUT].samples]
    assert [labels.count(str(label)) for label in range(4)] == [5, 5, 5, 5]
    assert training_sets(given, 3) == found
    assert training_sets(given, 4) != found


def test_data_that_cannot_teach_is_refused(tmp_path):
    with pytest.raises(DataError, match="39 samples, too few to train on"):
        training_sets(samples(tmp_path, 39, 2), 0)
    with pytest.raises(DataError, match="has one class"):
        training_sets(samples(tmp_path, 60, 1), 0)


def test_the_training_folder_also_calibrates_and_epochs_have_a_default(tmp_path):
    options = {"quantize": "int8", "qat": tmp_path}
    request = from_options(tmp_path / "m.keras", tmp_path / "o.edgecv", options)
    assert (request.calibrate, request.recipe.epochs) == (None, 5)
    request = from_options(tmp_path / "m.keras", tmp_path / "o.edgecv", {**options, "epochs": 9})
    assert request.recipe.epochs == 9
    assert from_options(tmp_path / "m.keras", tmp_path / "o.edgecv", {}).recipe.epochs is None


def test_epochs_of_nothing_are_refused(tmp_path):
    options = {"quantize": "int8", "calibrate": tmp_path, "epochs": 2}
    with pytest.raises(UsageError, match="--epochs is for quantization-aware training") as caught:
        from_options(tmp_path / "m.keras", tmp_path / "o.edgecv", options)
    assert "--qat FOLDER" in str(caught.value.hint)
