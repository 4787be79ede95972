"""Large variables go from the model into the file of weights, and are folded into no graph on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from edgecv_converters.graph import freeze as freezing
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.weights import LARGE, WeightFile
from edgecv_converters.source import load_source
from edgecv_runtime.schema import TensorSpec

SIDE = 600
KERNEL = np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float32)
SAMPLE = np.random.default_rng(1).normal(size=(1, SIDE)).astype(np.float32)


@pytest.fixture
def folded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The sizes of the graphs that variables were folded into."""
    sizes: list[int] = []

    def fold(function: Any, file: WeightFile, fold: Any = freezing._fold) -> Any:
        found = fold(function, file)
        sizes.append(found.proto.ByteSize())
        return found

    monkeypatch.setattr(freezing, "_fold", fold)
    return sizes


def frozen_of(variable: tf.Variable) -> FrozenGraph:
    """The frozen graph of a product with a variable."""
    return freezing.freeze(
        lambda given: [given[0] @ tf.ensure_shape(tf.cast(variable, tf.float32), (SIDE, SIDE))],
        [TensorSpec(name="x", shape=(1, SIDE), dtype="float32")],
        ["y"],
    )


def answer(frozen: FrozenGraph) -> np.ndarray:
    return np.asarray(frozen.function()(tf.constant(SAMPLE))[0])


def test_the_variables_of_a_savedmodel(tmp_path: Path, folded: list[int]) -> None:
    import keras

    model = keras.Sequential([keras.Input((SIDE,)), keras.layers.Dense(SIDE), keras.layers.Dense(SIDE)])
    model.export(tmp_path / "m", verbose=False)
    frozen = load_source(tmp_path / "m").freeze()
    assert folded
    assert max(folded) < LARGE
    np.testing.assert_allclose(answer(frozen), np.asarray(model(SAMPLE)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [tf.float16, tf.bfloat16, tf.float32, tf.float64], ids=lambda kind: kind.name)
def test_variables_of_every_float(kind: tf.DType, folded: list[int]) -> None:
    variable = tf.Variable(tf.cast(KERNEL, kind))
    frozen = frozen_of(variable)
    assert max(folded) < LARGE
    np.testing.assert_allclose(answer(frozen), SAMPLE @ tf.cast(variable, tf.float32).numpy(), rtol=1e-4, atol=1e-3)


def test_a_variable_of_an_open_shape() -> None:
    frozen = frozen_of(tf.Variable(KERNEL, shape=(None, SIDE)))
    np.testing.assert_allclose(answer(frozen), SAMPLE @ KERNEL, rtol=1e-4, atol=1e-3)


def test_a_variable_that_is_read_as_a_whole_and_by_rows() -> None:
    variable = tf.Variable(KERNEL)
    frozen = freezing.freeze(
        lambda given: [given[0] @ variable + tf.gather(variable, [3])],
        [TensorSpec(name="x", shape=(1, SIDE), dtype="float32")],
        ["y"],
    )
    np.testing.assert_allclose(answer(frozen), SAMPLE @ KERNEL + KERNEL[3], rtol=1e-4, atol=1e-3)
