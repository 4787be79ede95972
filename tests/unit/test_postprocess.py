"""From outputs to answers."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from edgecv_runtime.errors import SpecError, UsageError
from edgecv_runtime.postprocess import Head, activate, read_thresholds, top_k
from edgecv_runtime.schema import Postprocess
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import special

from tests import bundles

ROWS = np.float32([[0.1, 0.7, 0.2], [0.5, 0.4999, 0.9]])
LOGITS = arrays.arrays(np.float32, (3, 4), elements=st.floats(-1e4, 1e4, width=32))


def test_classification_takes_the_highest():
    head = Head()
    assert head.decisions(ROWS).tolist() == [1, 2]
    assert np.array_equal(head.scores(ROWS), ROWS)


def test_binary_takes_the_half_as_yes():
    head = Head(task="binary")
    values = np.float32([[0.5], [0.49], [1.0]])
    assert head.decisions(values).tolist() == [1, 0, 1]
    assert np.allclose(head.scores(values), [[0.5, 0.5], [0.51, 0.49], [0.0, 1.0]])


def test_a_binary_logit_is_yes_from_zero_on():
    head = Head(task="binary", activation="sigmoid")
    values = np.float32([[0.0], [-0.1], [3.0]])
    assert head.decisions(values).tolist() == [1, 0, 1]
    assert np.allclose(head.scores(values)[:, 1], special.expit(values[:, 0]))


def test_multilabel_has_a_bit_a_label():
    assert Head(task="multilabel").decisions(ROWS).tolist() == [[0, 1, 0], [1, 0, 1]]


def test_every_label_may_have_its_own_threshold():
    head = Head(task="multilabel", thresholds=(0.05, 0.8, 0.95))
    assert head.decisions(ROWS).tolist() == [[1, 0, 0], [1, 0, 0]]


def test_regression_decides_nothing():
    head = Head(task="regression")
    assert head.decisions(ROWS) is None
    assert np.array_equal(head.scores(ROWS), ROWS)


@given(LOGITS)
def test_softmax_and_sigmoid_are_scipys(rows):
    assert np.allclose(activate(rows, "softmax"), special.softmax(rows.astype(np.float64), axis=-1), atol=1e-6)
    assert np.allclose(activate(rows, "sigmoid"), special.expit(rows.astype(np.float64)), atol=1e-6)
    assert activate(rows, "softmax").dtype == activate(rows, "sigmoid").dtype == np.float32


@pytest.mark.parametrize("thresholds", [(), (1.5,), (-0.1,), (float("nan"),)])
def test_thresholds_are_shares(thresholds):
    with pytest.raises(SpecError, match=r"thresholds must be in 0\.\.1"):
        Head(thresholds=thresholds)


def test_a_bundle_says_how_its_output_becomes_scores(tmp_path):
    own = bundles.write_bundle(
        tmp_path, task="multilabel", postprocess=Postprocess(activation="sigmoid", thresholds=(0.1, 0.2, 0.3))
    )
    assert Head.of(own) == Head(task="multilabel", activation="sigmoid", thresholds=(0.1, 0.2, 0.3))
    assert Head.of(own, [0.9]).thresholds == (0.9,)
    with pytest.raises(SpecError, match="one for each of 3 labels, got 2"):
        Head.of(msgspec.structs.replace(own, postprocess=Postprocess(thresholds=(0.1, 0.2))))


def test_thresholds_are_read_for_all_or_by_label():
    assert read_thresholds([], ()) == (0.5,)
    assert read_thresholds(["0.4"], ("a", "b")) == (0.4,)
    assert read_thresholds(["0.4", "b=0.9"], ("a", "b")) == (0.4, 0.9)
    assert read_thresholds(["x=y=1"], ("x=y", "b")) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("value", "reason"),
    [("much", "not in 0"), ("2", "not in 0"), ("a=", "not in 0"), ("nan", "not in 0"), ("c=0.5", "the label 'c'")],
)
def test_thresholds_that_mean_nothing_are_refused(value, reason):
    with pytest.raises(UsageError, match=reason) as caught:
        read_thresholds([value], ("a", "b"))
    assert caught.value.hint


@pytest.mark.parametrize(("count", "wanted"), [(1, [2]), (2, [2, 0]), (9, [2, 0, 3, 1])])
def test_top_k_is_sorted_and_stable(count, wanted):
    assert top_k(np.float32([0.3, 0.1, 0.5, 0.3]), count).tolist() == wanted


def test_outputs_are_no_probabilities_unless_the_head_makes_them():
    logits = np.float32([[-4.0, 9.0]])
    assert np.array_equal(Head().scores(logits), logits)
    assert np.allclose(Head(activation="softmax").scores(logits).sum(), 1)
