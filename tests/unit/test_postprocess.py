"""From outputs to answers."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_runtime.postprocess import decisions, scores, top_k

ROWS = np.float32([[0.1, 0.7, 0.2], [0.5, 0.4999, 0.9]])


def test_classification_takes_the_highest():
    assert decisions(ROWS, "classification").tolist() == [1, 2]
    assert np.array_equal(scores(ROWS, "classification"), ROWS)


def test_binary_takes_the_half_as_yes():
    values = np.float32([[0.5], [0.49], [1.0]])
    assert decisions(values, "binary").tolist() == [1, 0, 1]
    assert np.allclose(scores(values, "binary"), [[0.5, 0.5], [0.51, 0.49], [0.0, 1.0]])


def test_multilabel_has_a_bit_a_label():
    assert decisions(ROWS, "multilabel").tolist() == [[0, 1, 0], [1, 0, 1]]


def test_regression_decides_nothing():
    assert decisions(ROWS, "regression") is None
    assert np.array_equal(scores(ROWS, "regression"), ROWS)


@pytest.mark.parametrize(("count", "wanted"), [(1, [2]), (2, [2, 0]), (9, [2, 0, 3, 1])])
def test_top_k_is_sorted_and_stable(count, wanted):
    assert top_k(np.float32([0.3, 0.1, 0.5, 0.3]), count).tolist() == wanted


def test_outputs_are_no_probabilities_unless_the_model_makes_them():
    logits = np.float32([[-4.0, 9.0]])
    assert np.array_equal(scores(logits, "classification"), logits)
