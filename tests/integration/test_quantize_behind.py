"""Ranges judged behind activation functions: which tensors they are for, and that what is read of those is nearer."""

from __future__ import annotations

from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from edgecv_converters.quantize import BEHIND, QuantizeSettings, quantize
from edgecv_converters.quantize.behind import PAIRS, SeenSums, read_grids, readings, summed
from edgecv_converters.quantize.execute import execute, fake_quantize
from edgecv_converters.quantize.floats import float_values
from edgecv_converters.quantize.network import read_network
from edgecv_converters.quantize.shared import groups
from edgecv_converters.tflite.convert import to_tflite

from tests.integration.onnx_models import frozen, int8_file, network, quiet, samples

layers = keras.layers


def low(x: Any) -> Any:
    """A convolution most of whose results are far below 0."""
    return layers.Conv2D(6, 3, padding="same", bias_initializer=keras.initializers.RandomUniform(-2, 0.2))(x)


def block(x: Any) -> Any:
    """The end of a residual block: both sides of the sum are read through its ReLU alone."""
    x = layers.ReLU()(layers.Add()([low(x), low(x)]))
    return layers.Conv2D(4, 3)(x)


def shortcut(x: Any) -> Any:
    """One side of the sum is read by the block as well."""
    x = layers.ReLU()(layers.Conv2D(6, 3, padding="same")(x))
    return layers.Conv2D(4, 3)(layers.ReLU()(layers.Add()([x, low(x)])))


def bottleneck(x: Any) -> Any:
    """A sum that no activation function follows, as in MobileNetV2."""
    x = layers.Conv2D(6, 3, padding="same")(x)
    return layers.Conv2D(4, 3)(layers.Add()([x, low(x)]))


def curve(activation: str) -> Any:
    return lambda x: layers.Conv2D(4, 3)(layers.Activation(activation)(low(x)))


def gate(x: Any) -> Any:
    """What a sigmoid and a product with something else read is read through no function alone."""
    x = low(x)
    return layers.Conv2D(4, 3)(layers.Multiply()([layers.Activation("sigmoid")(x), layers.Conv2D(6, 1)(x)]))


READ = {
    "block": (block, 2, "ADD"),
    "shortcut": (shortcut, 1, "ADD"),
    "swish": (curve("silu"), 1, "MUL"),
    "hard_swish": (curve("hard_silu"), 1, ""),
    "tanh": (curve("tanh"), 1, "TANH"),
    "gelu": (curve("gelu"), 1, ""),
}
NOT_READ = {"bottleneck": bottleneck, "gate": gate}


@cache
def files(name: str) -> tuple[bytes, bytes, np.ndarray]:
    body = READ[name][0] if name in READ else NOT_READ[name]
    data = samples((12, 12, 3), 60)
    graph = frozen(network(body, (12, 12, 3)), "tflite")
    with quiet():
        return int8_file(graph, data), to_tflite(graph, "float32"), data


@pytest.mark.parametrize("name", READ)
def test_what_an_activation_function_alone_reads_is_found(name: str) -> None:
    int8, float32, _ = files(name)
    net = read_network(int8, float32)
    found = readings(net, groups(net))
    _, count, kind = READ[name]
    assert len(found) == count
    for reading in found:
        maker, end = net.maker(reading.tensor), net.maker(reading.result)
        assert maker is not None
        assert end is not None
        assert maker.kind == "CONV_2D"
        assert end.kind == kind or not kind
        assert (reading.beside is not None) == (kind == "ADD")


@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_read_in_another_way_too_is_not(name: str) -> None:
    int8, float32, _ = files(name)
    net = read_network(int8, float32)
    assert not readings(net, groups(net))


def test_scores_after_the_last_weights_are_left_alone() -> None:
    """By their squared error a range may end where boxes can no longer be told apart."""
    keras.utils.set_random_seed(3)
    image = keras.Input((12, 12, 3), name="image")
    x = layers.ReLU()(layers.Add()([low(image), low(image)]))
    levels = [layers.Reshape((-1, 2))(layers.Conv2D(2, 3, strides=s, activation="sigmoid")(x)) for s in (1, 2)]
    graph = frozen(keras.Model(image, layers.Concatenate(axis=1)(levels)), "tflite")
    with quiet():
        int8, float32 = int8_file(graph, samples((12, 12, 3), 20)), to_tflite(graph, "float32")
    net = read_network(int8, float32)
    assert sum(op.kind == "LOGISTIC" for op in net.ops) == 2
    assert [reading.ops[0].kind for reading in readings(net, groups(net))] == ["ADD", "ADD"]


@pytest.mark.parametrize("name", READ)
def test_what_is_read_of_other_samples_is_nearer(name: str) -> None:
    int8, float32, data = files(name)
    net = read_network(int8, float32)
    known = float_values(net, float32, [data])
    found = readings(net, groups(net))
    grids = read_grids(net, found, known.seen, known.pairs)
    fresh = samples((12, 12, 3), 40, seed=1)
    exact: dict[int, Any] = {}
    execute(net, {net.inputs[0]: fresh}, net.constants, exact.setdefault)

    def error(tensor: int, grid: Any, result: int) -> float:
        seen: dict[int, Any] = {}

        def watch(number: int, value: Any) -> Any:
            return seen.setdefault(number, fake_quantize(value, grid) if number == tensor else value)

        execute(net, {net.inputs[0]: fresh}, net.constants, watch)
        return float(np.square(np.asarray(seen[result]) - np.asarray(exact[result])).mean())

    for reading in found:
        plain = known.seen.grid([net.twins[reading.tensor]])
        assert grids[reading.tensor] != plain
        assert error(reading.tensor, grids[reading.tensor], reading.result) < error(
            reading.tensor, plain, reading.result
        )


def test_the_step_is_tried_and_kept_where_it_helps() -> None:
    int8, float32, data = files("block")
    found = quantize(int8, float32, [data], QuantizeSettings())
    assert any(BEHIND in name for name in found.distances)
    assert BEHIND in found.steps
    int8, float32, data = files("bottleneck")
    assert not any(BEHIND in name for name in quantize(int8, float32, [data], QuantizeSettings()).distances)


def test_pairs_are_of_the_same_places_and_hold_the_extremes() -> None:
    rng, taken, total = np.random.default_rng(0), SeenSums([(1, 2)], 300), 0
    ends = []
    for _ in range(300):
        values = rng.normal(0, 1, (1, 40, 40)).astype(np.float32)
        taken.add(1, values)
        taken.add(2, 3 * values)
        taken.add(9, values)
        taken.take()
        total += values.size
        ends.append((values.min(), values.max()))
    (pair,) = taken.all().values()
    np.testing.assert_allclose(pair.beside, 3 * pair.values)
    assert len(pair.values) <= PAIRS + 3 * 300
    assert pair.counts.sum() == pytest.approx(total)
    assert np.isin(ends, pair.values).all()
    assert float((pair.counts * pair.values**2).sum() / total) == pytest.approx(1, rel=0.03)


def test_of_large_tensors_all_channels_have_pairs() -> None:
    taken, channels = SeenSums([(1, 2)], 8), np.arange(16, dtype=np.float32)
    for _ in range(8):
        taken.add(1, np.broadcast_to(channels, (1, 96, 96, 16)))
        taken.add(2, np.broadcast_to(-channels, (1, 96, 96, 16)))
        taken.take()
    (pair,) = taken.all().values()
    np.testing.assert_array_equal(pair.beside, -pair.values)
    found = np.bincount(pair.values.astype(int), pair.counts, 16) / (8 * 96 * 96)
    np.testing.assert_allclose(found, 1, rtol=0.15)


def test_a_tensor_of_one_value_has_pairs() -> None:
    taken = SeenSums([(1, 2)], 2)
    for value in (1.0, -2.0):
        taken.add(1, np.array([value], np.float32))
        taken.add(2, np.array([value], np.float32))
        taken.take()
    (pair,) = taken.all().values()
    assert sorted(pair.values) == [-2.0, 1.0]
    assert list(pair.counts) == [1.0, 1.0]


def test_a_sum_whose_values_were_not_kept_has_no_grid() -> None:
    int8, float32, data = files("shortcut")
    net = read_network(int8, float32)
    assert len(summed(net, groups(net))) == 1
    known = float_values(net, float32, [data[:4]])
    assert not read_grids(net, readings(net, groups(net)), known.seen, {})
