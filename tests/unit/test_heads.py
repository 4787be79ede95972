"""From outputs to answers."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_runtime.errors import DataError, SpecError, UsageError
from edgecv_runtime.heads.arithmetic import activate, top_k
from edgecv_runtime.heads.kinds import heads_of
from edgecv_runtime.heads.thresholds import read_thresholds
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import special

from tests import bundles
from tests.heads import head, outputs

ROWS = np.float32([[0.1, 0.7, 0.2], [0.5, 0.4999, 0.9]])
LOGITS = arrays.arrays(np.float32, (3, 4), elements=st.floats(-1e4, 1e4, width=32))


def test_classification_takes_the_highest():
    assert head().decisions(outputs(ROWS)).tolist() == [1, 2]
    assert np.array_equal(head().scores(outputs(ROWS)), ROWS)


def test_binary_takes_the_half_as_yes():
    values = outputs(np.float32([[0.5], [0.49], [1.0]]))
    assert head("binary", 1).decisions(values).tolist() == [1, 0, 1]
    assert np.allclose(head("binary", 1).scores(values), [[0.5, 0.5], [0.51, 0.49], [0.0, 1.0]])


def test_a_binary_logit_is_yes_from_zero_on():
    likely = head("binary", 1, activation="sigmoid")
    values = np.float32([[0.0], [-0.1], [3.0]])
    assert likely.decisions(outputs(values)).tolist() == [1, 0, 1]
    assert np.allclose(likely.scores(outputs(values))[:, 1], special.expit(values[:, 0]))


def test_multilabel_has_a_bit_a_label():
    assert head("multilabel").decisions(outputs(ROWS)).tolist() == [[0, 1, 0], [1, 0, 1]]


def test_every_label_may_have_its_own_threshold():
    several = head("multilabel", thresholds=(0.05, 0.8, 0.95))
    assert several.decisions(outputs(ROWS)).tolist() == [[1, 0, 0], [1, 0, 0]]


def test_regression_decides_nothing():
    assert head("regression").decisions(outputs(ROWS)) is None
    assert np.array_equal(head("regression").scores(outputs(ROWS)), ROWS)


@given(LOGITS)
def test_softmax_and_sigmoid_are_scipys(rows):
    assert np.allclose(activate(rows, "softmax"), special.softmax(rows.astype(np.float64), axis=-1), atol=1e-6)
    assert np.allclose(activate(rows, "sigmoid"), special.expit(rows.astype(np.float64)), atol=1e-6)
    assert activate(rows, "softmax").dtype == activate(rows, "sigmoid").dtype == np.float32


@pytest.mark.parametrize("thresholds", [(1.5,), (-0.1,), (float("nan"),)])
def test_thresholds_are_shares(thresholds):
    with pytest.raises(SpecError, match=r"thresholds must be in 0\.\.1"):
        head("binary", thresholds=thresholds)


def test_only_what_decides_by_thresholds_has_some():
    with pytest.raises(SpecError, match="a classification head has no thresholds, got 1"):
        head(thresholds=(0.5,))
    with pytest.raises(SpecError, match="one for each of 3 labels, got 0"):
        head("multilabel", thresholds=())


def test_a_bundle_says_how_its_output_becomes_scores(tmp_path):
    several = bundles.colour_head("multilabel", activation="sigmoid", thresholds=(0.1, 0.2, 0.3))
    own = bundles.write_bundle(tmp_path, several)
    assert [one.spec for one in heads_of(own)] == [several]
    assert heads_of(own, [0.9])[0].spec.thresholds == (0.9,)
    assert heads_of(own, {"colour": [0.8]})[0].spec.thresholds == (0.8,)
    with pytest.raises(SpecError, match="one for each of 3 labels, got 2"):
        heads_of(own, [0.1, 0.2])
    with pytest.raises(SpecError, match="no head named 'shape' has thresholds"):
        heads_of(own, {"shape": [0.8]})
    with pytest.raises(SpecError, match="none of its heads has"):
        heads_of(bundles.write_bundle(tmp_path), [0.9])


def thresholds(values, *heads):
    return read_thresholds(values, heads or (head("multilabel", 2, labels=("a", "b")),))


def test_thresholds_are_read_for_all_or_by_label():
    assert thresholds([]) == {}
    assert thresholds(["0.4"]) == {"y": (0.4,)}
    assert thresholds(["0.4", "b=0.9"]) == {"y": (0.4, 0.9)}
    assert thresholds(["x=y=1"], head("multilabel", 2, labels=("x=y", "b"))) == {"y": (1.0, 0.5)}


def test_thresholds_are_read_by_head():
    two = head("binary", 1, "gender"), head("multilabel", 2, "hair", labels=("grey", "a:b"))
    assert thresholds(["gender:0.3", "hair:a:b=0.8"], *two, head(name="kind")) == {"gender": (0.3,), "hair": (0.5, 0.8)}
    assert thresholds(["0.3"], two[0], head("regression", 1, "age")) == {"gender": (0.3,)}
    with pytest.raises(UsageError, match="does not say for which head") as caught:
        thresholds(["0.3"], *two)
    assert "gender, hair" in caught.value.hint
    with pytest.raises(UsageError, match="names the head 'sex'"):
        thresholds(["sex:0.3"], two[0])
    with pytest.raises(UsageError, match="this model does regression"):
        thresholds(["0.3"], head("regression"))


@pytest.mark.parametrize(
    ("value", "reason"),
    [("much", "not in 0"), ("2", "not in 0"), ("a=", "not in 0"), ("nan", "not in 0"), ("c=0.5", "the label 'c'")],
)
def test_thresholds_that_mean_nothing_are_refused(value, reason):
    with pytest.raises(UsageError, match=reason) as caught:
        thresholds([value])
    assert caught.value.hint


@pytest.mark.parametrize(("count", "wanted"), [(1, [2]), (2, [2, 0]), (9, [2, 0, 3, 1])])
def test_top_k_is_sorted_and_stable(count, wanted):
    assert top_k(np.float32([0.3, 0.1, 0.5, 0.3]), count).tolist() == wanted


def test_outputs_are_no_probabilities_unless_the_head_makes_them():
    logits = np.float32([[-4.0, 9.0]])
    assert np.array_equal(head(width=2).scores(outputs(logits)), logits)
    assert np.allclose(head(width=2, activation="softmax").scores(outputs(logits)).sum(), 1)


def test_a_regression_says_its_values_with_their_unit():
    age = head("regression", 2, unit="years", title="age")
    answer = age.read(outputs(np.float32([[31.25, 4]])))
    assert age.words(answer, 3) == "31.25 years  4 years"
    assert age.record(answer, outputs(np.float32([[31.25, 4]])), 3) == {"outputs": {"y": [31.25, 4.0]}}
    assert (answer.label, answer.index, answer.score, answer.labels) == (None, None, None, ())
    many = head("regression", 9)
    assert many.words(many.read(outputs(np.float32([range(9)]))), 3).endswith("7  ... (9 values)")


def test_answers_of_classes_are_named_best_first_and_without_what_reads_as_nothing():
    kind = head(labels=("cat", "dog\n", "cow"))
    answer = kind.read(outputs(np.float32([[0.2, 0.7996, 0.0004]])))
    assert kind.words(answer, 3) == "dog\\x0a 80.0 %  cat 20.0 %"
    assert kind.drawing(answer, 1)[0].text == "dog\\x0a 80.0 %"
    none = head("multilabel", labels=("a", "b", "c"))
    assert none.words(none.read(outputs(np.float32([[0.1, 0.2, 0.3]]))), 3) == "none"


def test_labels_are_shown_that_hold_and_not_as_many_of_the_best():
    several = head("multilabel", 2, labels=("a", "b"), thresholds=(0.5, 0.95))
    answer = several.read(outputs(np.float32([[0.6, 0.9]])))
    assert answer.labels == ("a",)
    assert several.words(answer, 3) == "a 60.0 %"


def test_whole_numbers_that_may_be_labels_or_indices_are_refused():
    kind = head(labels=("1", "2", "3"))
    with pytest.raises(DataError, match="the number 1, which is the label '1' and the index of '2'") as caught:
        kind.read_truth(np.array([1, 2, 2]), "a.npz: y")
    assert caught.value.hint == "Store the labels as text"
    assert kind.read_truth(np.array([0, 1, 2]), "x").tolist() == [0, 1, 2], "0 is no label"
    assert kind.read_truth(np.array([1, 2, 3]), "x").tolist() == [0, 1, 2], "3 is no index"
    assert kind.read_truth(np.array(["1", "2", "2"]), "x").tolist() == [0, 1, 1]
    assert head(labels=("0", "1", "2")).read_truth(np.array([1, 2]), "x").tolist() == [1, 2]


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("classification", np.array(["cat", "fox"]), "the class 'fox'"),
        ("classification", np.array([0, 3]), "the class '3'"),
        ("classification", np.zeros((2, 2)), "4 labels for 2 samples"),
        ("multilabel", np.zeros((2, 2)), "rows of 2 values"),
        ("multilabel", np.full((2, 3), 0.5), "neither 0 nor 1"),
        ("regression", np.array([["1", "2", "3"]]), "not numeric"),
        ("regression", np.zeros((2, 2)), "the model gives 3"),
        ("regression", np.full((2, 3), np.nan), "NaN or infinity"),
    ],
)
def test_labelled_data_that_a_head_does_not_answer_are_refused(kind, values, message):
    labels = None if kind == "regression" else ("cat", "dog", "cow")
    with pytest.raises(DataError, match=message) as caught:
        head(kind, labels=labels).read_truth(values, "a.npz: y")
    assert caught.value.hint


def test_labelled_data_are_indices_or_names_bits_and_numbers():
    kind = head(labels=("cat", "dog", "7"))
    assert kind.read_truth(np.array(["7", "cat"]), "x").tolist() == [2, 0]
    assert kind.read_truth(np.array([1, 0]), "x").tolist() == [1, 0]
    assert head("binary", 1).read_truth(np.array([[1], [0]]), "x").tolist() == [1, 0]
    assert head("multilabel").read_truth(np.eye(3), "x").tolist() == np.eye(3).tolist()
    assert head("regression", 1).read_truth(np.array([1, 2]), "x").tolist() == [[1.0], [2.0]]
