"""Errors, agreement and accuracy against scikit-learn, SciPy and closed forms."""

import itertools
import math
import sys

import numpy as np
import pytest
from edgecv_converters.parity.metrics import (
    INFINITE,
    MAX_FLIPS,
    ComparisonAccumulator,
    accuracy,
    error_edges,
    mcnemar,
)
from edgecv_runtime.errors import ConversionError, DataError
from edgecv_runtime.heads.metrics import confusion_matrix, label_metrics, precision_recall_f1, value_metrics, wilson
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from tests.heads import head

RNG = np.random.default_rng(7)


def compare(reference, candidate, task="classification", batch=None):
    total = ComparisonAccumulator([head(task, np.shape(reference)[1])])
    step = batch or len(reference)
    for start in range(0, len(reference), step):
        ids = [f"s{i}" for i in range(start, min(start + step, len(reference)))]
        part = slice(start, start + step)
        total.add(ids, {"y": reference[part]}, {"y": candidate[part]})
    return total


def test_comparison_has_the_textbook_values():
    reference = RNG.normal(size=(50, 10)).astype(np.float32)
    candidate = reference + RNG.normal(scale=0.3, size=reference.shape).astype(np.float32)
    result = compare(reference, candidate).result()
    error = candidate.astype(float) - reference
    flips = reference.argmax(1) != candidate.argmax(1)
    assert result.count == 50
    assert result.max_abs_error == pytest.approx(np.abs(error).max())
    assert result.mean_abs_error == pytest.approx(np.abs(error).mean())
    assert result.snr_db == pytest.approx(10 * np.log10((reference.astype(float) ** 2).sum() / (error**2).sum()))
    assert result.cosine == pytest.approx(sk.pairwise.cosine_similarity([reference.ravel()], [candidate.ravel()])[0, 0])
    assert result.agreement == pytest.approx(1 - flips.mean())
    assert result.flips == tuple(f"s{i}" for i in np.flatnonzero(flips))
    assert 0 < flips.sum() < 50


def test_streaming_in_batches_changes_nothing():
    reference, candidate = RNG.normal(size=(2, 47, 5))
    whole, parts = compare(reference, candidate), compare(reference, candidate, batch=9)
    assert whole.histogram("a") == parts.histogram("a")
    for name in ("count", "max_abs_error", "agreement", "flips"):
        assert getattr(whole.result(), name) == getattr(parts.result(), name)
    assert whole.result().snr_db == pytest.approx(parts.result().snr_db)


def test_equal_outputs_have_no_noise():
    outputs = RNG.normal(size=(8, 4))
    result = compare(outputs, outputs.copy()).result()
    assert (result.max_abs_error, result.snr_db, result.agreement, result.flips) == (0, None, 1, ())
    assert result.cosine == pytest.approx(1)


@given(bad=st.sampled_from([math.nan, math.inf, -math.inf]), row=st.integers(0, 9), column=st.integers(0, 3))
def test_a_broken_output_never_passes(bad, row, column):
    reference = np.tile(np.eye(4)[0], (10, 1))
    candidate = reference.copy()
    candidate[row, column] = bad
    total = compare(reference, candidate)
    result = total.result()
    assert result.non_finite == 1
    assert result.max_abs_error == result.mean_abs_error == INFINITE
    assert result.snr_db == -INFINITE
    assert result.cosine == 0
    assert result.agreement == 0.9
    assert result.flips == (f"s{row}",)
    assert sum(total.histogram("a").counts) == reference.size
    assert total.histogram("a").counts[-1] == 4
    assert head(width=4).trusted_decisions({"y": candidate})[row] == -1


def test_a_broken_source_is_not_agreement_either():
    both = np.full((3, 2), math.nan)
    result = compare(both, both.copy(), task="regression").result()
    assert (result.non_finite, result.max_abs_error, result.agreement) == (3, INFINITE, None)
    assert compare(both, both.copy()).result().agreement == 0


def test_tasks_decide_in_their_own_way():
    reference, candidate = np.array([[0.4], [0.6]]), np.array([[0.6], [0.9]])
    assert compare(reference, candidate, "binary").result().agreement == 0.5
    assert compare(reference, candidate, "classification").result().agreement == 1
    assert compare(reference, candidate, "regression").result().agreement is None
    bits = compare(np.array([[0.9, 0.1, 0.9], [0.1, 0.1, 0.1]]), np.array([[0.8, 0.2, 0.4], [0, 0, 0.2]]), "multilabel")
    assert bits.result().flips == ("s0",)


def test_all_outputs_must_agree():
    total = ComparisonAccumulator([head(width=2, name="a"), head(width=2, name="b")])
    one = np.array([[1.0, 0.0]])
    total.add(["s0"], {"a": one, "b": one}, {"a": one, "b": one[:, ::-1]})
    assert total.result().agreement == 0
    assert total.result().max_abs_error == 1


def test_the_list_of_flips_has_an_end():
    reference = np.tile([1.0, 0.0], (MAX_FLIPS + 50, 1))
    result = compare(reference, reference[:, ::-1], batch=33).result()
    assert len(result.flips) == MAX_FLIPS
    assert result.agreement == 0


@pytest.mark.parametrize(
    ("candidate", "words"),
    [({"z": np.ones((2, 3))}, "y, z"), ({"y": np.ones((2, 4))}, r"\(2, 4\)"), ({}, "y")],
)
def test_other_outputs_are_an_error(candidate, words):
    with pytest.raises(ConversionError, match=words):
        ComparisonAccumulator([head()]).add(["a", "b"], {"y": np.ones((2, 3))}, candidate)


def test_nothing_compared_is_an_error():
    with pytest.raises(DataError, match="no sample"):
        ComparisonAccumulator([head()]).result()


@given(st.lists(st.floats(0, 1e30), min_size=1, max_size=40))
def test_every_error_is_in_one_bin(errors):
    histogram = compare(np.zeros((len(errors), 1)), np.array(errors)[:, None], "regression").histogram("x.tflite")
    assert sum(histogram.counts) == len(errors)
    assert len(histogram.counts) == len(histogram.edges) - 1
    assert histogram.counts[-1] == sum(error >= error_edges()[-2] for error in errors)


def test_edges_are_four_a_decade():
    edges = error_edges()
    assert (edges[0], edges[4], edges[-1]) == (1e-9, 1e-8, 1e3)
    assert all(b > a for a, b in itertools.pairwise(edges))


@given(n=st.integers(1, 20_000), data=st.data())
def test_wilson_is_scipys(n, data):
    correct = data.draw(st.integers(0, n))
    expected = stats.binomtest(correct, n).proportion_ci(method="wilson")
    assert wilson(correct, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_without_samples_knows_nothing():
    assert wilson(0, 0) == (0, 1)
    with pytest.raises(ValueError, match="5 of 4"):
        wilson(5, 4)


@given(lost=st.integers(0, 300), gained=st.integers(0, 300))
def test_mcnemar_is_scipys_binomial_test(lost, gained):
    expected = stats.binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    assert mcnemar(lost, gained) == pytest.approx(expected, rel=1e-9)
    assert mcnemar(lost, gained) == mcnemar(gained, lost)


def test_mcnemar_holds_for_large_counts():
    assert mcnemar(5000, 5200) == pytest.approx(stats.binomtest(5000, 10200).pvalue, rel=1e-9)
    with pytest.raises(ValueError, match="negative"):
        mcnemar(-1, 2)


def test_accuracy_counts_pairs():
    labels = np.array([0, 1, 2, 1, 0])
    result = accuracy(labels, np.array([0, 1, 0, 0, 0]), np.array([0, 0, 2, -1, 0]))
    assert (result.count, result.accuracy, result.reference_accuracy) == (5, 0.6, 0.6)
    assert (result.lost, result.gained, result.mcnemar_p) == (1, 1, 1.0)
    assert result.interval == wilson(3, 5)
    with pytest.raises(DataError, match="5, 4 and 5"):
        accuracy(labels, labels[:4], labels)


CLASSES = st.integers(0, 4)


@given(st.lists(st.tuples(CLASSES, CLASSES), min_size=1, max_size=60))
def test_class_scores_are_scikit_learns(pairs):
    labels, predictions = np.array(pairs).T
    known = list(range(5))
    assert (confusion_matrix(labels, predictions, 5) == sk.confusion_matrix(labels, predictions, labels=known)).all()
    scores = precision_recall_f1(labels, predictions, 5)
    rows = sk.precision_recall_fscore_support(labels, predictions, labels=known, zero_division=0)
    mine = [(c.precision, c.recall, c.f1, c.support) for c in scores.classes]
    np.testing.assert_allclose(mine, np.array(rows).T, atol=1e-12)
    macro = sk.precision_recall_fscore_support(labels, predictions, labels=known, zero_division=0, average="macro")
    assert (scores.macro_precision, scores.macro_recall, scores.macro_f1) == pytest.approx(macro[:3])


def test_no_answer_is_a_wrong_answer():
    scores = precision_recall_f1(np.array([0, 0, 1]), np.array([0, -1, 1]), 2)
    assert scores.classes[0].recall == 0.5
    assert confusion_matrix(np.array([0, 0, 1]), np.array([0, -1, 1]), 2).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(DataError, match=r"0\.\.1"):
        confusion_matrix(np.array([2]), np.array([0]), 2)


def test_labels_are_scored_one_by_one():
    truth, answers = RNG.integers(0, 2, (2, 60, 4))
    found = label_metrics(truth, answers, tuple("abcd"))
    assert found.accuracy == pytest.approx(sk.accuracy_score(truth, answers))
    assert [one.f1 for one in found.scores.classes] == pytest.approx(sk.f1_score(truth, answers, average=None))
    assert found.scores.macro_recall == pytest.approx(sk.recall_score(truth, answers, average="macro"))
    assert label_metrics(truth[:1], np.full((1, 4), -1), tuple("abcd")).accuracy == 0


def test_numbers_are_measured_by_column():
    truth = RNG.normal(size=(50, 2)) * [1, 100]
    answers = truth + RNG.normal(size=(50, 2))
    found = value_metrics(truth, answers, ("a", "b"), "m").columns
    assert [one.mae for one in found] == pytest.approx(np.abs(answers - truth).mean(0))
    assert [one.rmse for one in found] == pytest.approx(np.sqrt(np.square(answers - truth).mean(0)))
    assert [one.r2 for one in found] == pytest.approx(sk.r2_score(truth, answers, multioutput="raw_values"))


def test_numbers_that_are_not_finite_are_no_good_and_equal_ones_have_no_variance():
    (broken,) = value_metrics(np.array([[1.0], [2.0]]), np.array([[1.0], [math.nan]]), ("a",), None).columns
    assert broken.mae == sys.float_info.max
    assert math.isfinite(broken.rmse)
    assert math.isfinite(broken.r2)
    (equal,) = value_metrics(np.ones((3, 1)), np.ones((3, 1)), ("a",), None).columns
    assert (equal.mae, equal.rmse, equal.r2) == (0, 0, None)
    tenths = np.full((3, 1), 0.1)  # whose mean is not 0.1
    (still,) = value_metrics(tenths, tenths + np.array([[0.0], [0.01], [0.0]]), ("a",), None).columns
    assert still.r2 is None
