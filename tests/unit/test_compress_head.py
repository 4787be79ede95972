"""What a model's end means for training, against scikit-learn's and SciPy-free definitions."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_runtime.errors import DataError, SourceError

from edgecv.compress.head import TrainingHead, head_of
from edgecv.compress.walk import walk
from tests import models


def ending(*layers_of):
    import keras

    return walk(keras.Sequential([keras.Input((4, 4, 3)), *(make(keras.layers) for make in layers_of)]))


@pytest.mark.parametrize(
    ("layers_of", "expected"),
    [
        ([lambda n: n.Flatten(), lambda n: n.Dense(5, "softmax")], TrainingHead("softmax", 5)),
        ([lambda n: n.Flatten(), lambda n: n.Dense(5), lambda n: n.Softmax()], TrainingHead("softmax", 5)),
        ([lambda n: n.Flatten(), lambda n: n.Dense(5)], TrainingHead("logits", 5)),
        ([lambda n: n.Flatten(), lambda n: n.Dense(1, "sigmoid")], TrainingHead("sigmoid", 1)),
        ([lambda n: n.Flatten(), lambda n: n.Dense(3), lambda n: n.Activation("sigmoid")], TrainingHead("sigmoid", 3)),
        (
            [lambda n: n.Conv2D(2, 4), lambda n: n.Activation("softmax"), lambda n: n.Reshape((2,))],
            TrainingHead("softmax", 2),
        ),
        (
            [lambda n: n.Conv2D(6, 1, activation="relu"), lambda n: n.GlobalAveragePooling2D()],
            TrainingHead("logits", 6),
        ),
    ],
)
def test_the_last_activation_tells_the_head(layers_of, expected):
    assert head_of(ending(*layers_of)) == expected


@pytest.mark.parametrize("layers_of", [[lambda n: n.Flatten(), lambda n: n.Dense(1)], [lambda n: n.Conv2D(3, 1)]])
def test_an_output_without_classes_is_refused(layers_of):
    with pytest.raises(SourceError, match="no classes can be trained on it"):
        head_of(ending(*layers_of))


def test_two_outputs_are_refused():
    with pytest.raises(SourceError, match="the model has 2 outputs"):
        head_of(walk(models.two_by_two()))


def test_losses_are_cross_entropies():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    logits = rng.normal(size=(6, 4)).astype(np.float32)
    labels = rng.integers(0, 4, 6)
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    wanted = -np.log(chances[np.arange(6), labels])
    for kind, outputs in (("logits", logits), ("softmax", chances)):
        found = TrainingHead(kind, 4).losses(tf.constant(outputs), tf.constant(labels))
        np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-5)
    each, hits = 1 / (1 + np.exp(-logits)), (logits > 0).astype(np.float32)
    found = TrainingHead("sigmoid", 4).losses(tf.constant(each), tf.constant(hits))
    wanted = -(hits * np.log(each) + (1 - hits) * np.log(1 - each)).sum(1)
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-5)


@pytest.mark.parametrize("kind", ["softmax", "logits", "sigmoid"])
def test_a_student_is_nowhere_from_itself_and_somewhere_from_another(kind):
    import tensorflow as tf

    rng = np.random.default_rng(1)
    outputs = rng.uniform(0.1, 0.9, (2, 5, 3)).astype(np.float32)
    if kind == "softmax":
        outputs /= outputs.sum(-1, keepdims=True)
    one, other = (tf.constant(side) for side in outputs)
    head = TrainingHead(kind, 3)
    assert np.abs(np.asarray(head.distances(one, one))).max() < 1e-5
    assert np.asarray(head.distances(one, other)).min() > 1e-4
    assert head.distances(one, other).shape == (5,)


def test_labels_become_what_the_loss_takes():
    labels = np.array([0, 2, 1])
    assert TrainingHead("softmax", 3).targets(labels).tolist() == [0, 2, 1]
    assert TrainingHead("logits", 3).targets(np.eye(3)[labels]).tolist() == [0, 2, 1]
    assert TrainingHead("sigmoid", 3).targets(labels).tolist() == np.eye(3)[labels].tolist()
    assert TrainingHead("sigmoid", 1).targets(np.array([1, 0])).tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize(
    ("head", "labels", "message"),
    [
        (TrainingHead("softmax", 3), np.array([0, 3]), "the labels go from 0 to 3 and the model tells 3 classes apart"),
        (TrainingHead("softmax", 3), np.array([-1, 1]), "the labels go from -1 to 1"),
        (TrainingHead("sigmoid", 1), np.array([0, 2]), "tells 2 classes apart"),
        (TrainingHead("softmax", 3), np.zeros((2, 5)), "the labels have 5 columns and the model has 3 outputs"),
        (TrainingHead("sigmoid", 3), np.zeros((2, 2)), "the labels have 2 columns"),
    ],
)
def test_labels_that_do_not_fit_are_refused(head, labels, message):
    with pytest.raises(DataError, match=message):
        head.targets(labels)


def test_answers_are_right_by_the_largest_or_by_each():
    assert TrainingHead("softmax", 2).right(np.array([[0.9, 0.1], [0.9, 0.1]]), np.array([0, 1])).tolist() == [
        True,
        False,
    ]
    hits = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    outputs = np.array([[0.6, 0.7, 0.1], [0.6, 0.55, 0.1]])
    assert TrainingHead("sigmoid", 3).right(outputs, hits).tolist() == [True, False]
    assert TrainingHead("sigmoid", 3).right(outputs[1:], hits[1:]).tolist() == [True]
    assert TrainingHead("sigmoid", 1).right(np.array([[0.4], [0.6]]), np.array([[0.0], [0.0]])).tolist() == [
        True,
        False,
    ]
