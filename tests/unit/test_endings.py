"""The end of an output is seen through what joins, moves and resizes values, where all of them end alike."""

from __future__ import annotations

import pytest
from edgecv_converters.graph.freeze import freeze
from edgecv_converters.graph.inspect import ending
from edgecv_runtime.schema import TensorSpec

PICTURE = TensorSpec(name="x", shape=(1, 4, 4, 3), dtype="float32")


def ways():
    """By name what is made of two levels, and how it ends."""
    import tensorflow as tf

    rows = lambda values: tf.reshape(values, (1, 16, 3))  # noqa: E731
    return {
        "logits of two levels": (lambda a, b: tf.concat([rows(a), rows(b)], axis=1), "logits"),
        "sigmoids of two levels": (lambda a, b: tf.sigmoid(tf.concat([rows(a), rows(b)], axis=1)), "sigmoid"),
        "joined sigmoids": (lambda a, b: tf.concat([rows(tf.sigmoid(a)), rows(tf.sigmoid(b))], axis=1), "sigmoid"),
        "boxes beside scores": (lambda a, b: tf.concat([rows(a), rows(tf.sigmoid(b))], axis=2), "other"),
        "two softmaxes": (lambda a, b: tf.concat([tf.nn.softmax(a), tf.nn.softmax(b)], axis=3), "other"),
        "a part of a softmax": (lambda a, _: tf.nn.softmax(a)[..., 1:], "other"),
        "resized logits": (lambda a, _: tf.image.resize(a, (8, 8)), "logits"),
        "a resized softmax": (lambda a, _: tf.image.resize(tf.nn.softmax(a), (8, 8)), "softmax"),
        "a part of sigmoids": (lambda a, _: tf.transpose(tf.sigmoid(a), (0, 3, 1, 2))[:, :2], "sigmoid"),
    }


@pytest.mark.parametrize("name", list(ways()))
def test_endings(name):
    import tensorflow as tf

    make, wanted = ways()[name]
    weights = [tf.random.stateless_normal((1, 1, 3, 3), seed=(k, 1)) for k in range(2)]
    frozen = freeze(
        lambda x: [make(*(tf.nn.conv2d(x[0], w, 1, "SAME") for w in weights))], [PICTURE], ("y",), frozenset()
    )
    assert ending(frozen, frozen.outputs[0]) == wanted
