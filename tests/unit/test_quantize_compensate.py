"""Rounding that minds a product's result: never worse on its inputs than the nearest integers, and on the same grid."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from edgecv_converters.quantize.compensate import _sets, compensable, rounded_together
from edgecv_converters.quantize.network import Network, WeightedOp
from edgecv_converters.tflite.reader import Op


def drawn(seed, outputs, inputs):
    """Weights, their steps, and inputs that go together."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(outputs, inputs))
    scales = np.abs(weight).max(1) / 15
    sources = rng.normal(size=(4000, max(inputs // 3, 1)))
    return weight, scales, sources @ rng.normal(size=(sources.shape[1], inputs)) + rng.normal(size=(4000, inputs)) / 4


@pytest.mark.parametrize(("outputs", "inputs"), [(1, 1), (4, 27), (8, 64), (8, 65), (16, 200)])
def test_the_result_is_nearer_than_that_of_the_nearest_integers(outputs, inputs):
    weight, scales, values = drawn(inputs, outputs, inputs)
    integers = rounded_together(weight, scales, values.T @ values)
    assert integers.dtype == np.int8
    assert np.abs(integers.astype(int)).max() <= 127
    nearest = np.rint(weight / scales[:, None])
    ours, plain = (np.square(values @ (weight - q * scales[:, None]).T).sum() for q in (integers, nearest))
    assert ours <= (plain if inputs == 1 else 0.5 * plain)


def test_inputs_that_do_not_go_together_leave_the_nearest_integers():
    weight, scales, _ = drawn(0, 4, 32)
    found = rounded_together(weight, scales, np.diag(np.arange(1.0, 33.0)))
    np.testing.assert_array_equal(found, np.rint(weight / scales[:, None]))


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("steps", "apart"), [((1, 1), (1, 1)), ((2, 1), (1, 1)), ((3, 2), (1, 1)), ((1, 1), (2, 3))])
def test_the_sets_of_inputs_are_those_of_the_convolution(padding, steps, apart):
    import tensorflow as tf

    rng = np.random.default_rng(1)
    values, weight = rng.integers(-128, 128, (1, 11, 14, 3)), rng.normal(size=(5, 3, 2, 3))
    options = SimpleNamespace(
        padding=0 if padding == "SAME" else 1,
        strideH=steps[0],
        strideW=steps[1],
        dilationHFactor=apart[0],
        dilationWFactor=apart[1],
    )
    sets = _sets(Op("CONV_2D", (0, 1, 2), (3,), options), weight.shape, 7, values)
    found = (sets.reshape(*sets.shape[:3], -1) - 7) @ weight.reshape(5, -1).T
    wanted = tf.nn.conv2d(values - 7.0, weight.transpose(1, 2, 3, 0), steps, padding, dilations=apart)
    np.testing.assert_allclose(found, wanted, atol=1e-9)


def network(kind, source, weight, readers=1):
    """Products that read one weight."""
    return Network(
        ops=(Op(kind, (0, 1, 2), (3,), None),) * readers,
        inputs=(0,),
        outputs=(3,),
        names=("a", "b", "c", "d"),
        shapes=(source, weight, weight[:1], source),
        dtypes=("int8", "int8", "int32", "int8"),
        constants={},
        grids={},
        products=tuple(WeightedOp(number, 0, 1, 2, 0) for number in range(readers)),
        twins={},
        floats=frozenset(),
    )


def test_what_reads_other_inputs_or_shares_its_weight_is_rounded_to_the_nearest():
    assert compensable(network("CONV_2D", (1, 8, 8, 4), (6, 3, 3, 4)))
    assert compensable(network("FULLY_CONNECTED", (1, 40), (6, 40)))
    assert not compensable(network("CONV_2D", (1, 8, 8, 8), (6, 3, 3, 4)))  # groups
    assert not compensable(network("DEPTHWISE_CONV_2D", (1, 8, 8, 4), (1, 3, 3, 4)))
    assert not compensable(network("FULLY_CONNECTED", (1, 4000), (6, 4000)))
    assert not compensable(network("FULLY_CONNECTED", (1, 40), (6, 40), readers=2))
