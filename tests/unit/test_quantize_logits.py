"""The range of logits, judged by the answers: against closed forms and brute force, and only where they are logits."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from edgecv_converters.quantize.logits import divergence, find_logits, least_divergence_grid
from edgecv_converters.quantize.network import Network
from edgecv_converters.quantize.ranges import WIDE_FACTORS, grid_of, least_error_grid
from edgecv_converters.quantize.shared import groups
from edgecv_converters.tflite.reader import Grid, Op
from hypothesis import given, settings
from hypothesis import strategies as st

SOFTMAX = Op("SOFTMAX", (0,), (1,), SimpleNamespace(beta=1.0))
SIGMOID = Op("LOGISTIC", (0,), (1,), None)


def ends(logits):
    return min(float(logits.min()), 0.0), max(float(logits.max()), 0.0)


def drawn(seed, classes, count=100):
    """Logits of a network that is mostly sure: the losers far below."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-8, 4, (count, classes))
    logits[np.arange(count), rng.integers(0, classes, count)] = rng.normal(5, 4, count)
    return logits


def step(logits, grid):
    return (np.clip(np.rint(logits / grid.scale) + grid.zero, -128, 127) - grid.zero) * grid.scale


def test_logits_on_the_grid_diverge_by_nothing():
    rows = (np.arange(-120, 120).reshape(-1, 6) - 3) * 0.5
    assert divergence(rows, SOFTMAX)(Grid(0.5, 3)) == 0
    assert divergence(rows, SIGMOID)(Grid(0.5, 3)) == 0


def test_the_divergence_of_a_softmax_is_that_of_its_probabilities():
    rows, grid = np.array([[0.0, 1.3, -2.2], [4.1, 3.9, 0.2]]), Grid(0.5, 0)
    p, q = (np.exp(v) / np.exp(v).sum(-1, keepdims=True) for v in (rows, step(rows, grid)))
    assert divergence(rows, SOFTMAX)(grid) == pytest.approx((p * np.log(p / q)).sum(-1).mean(), rel=1e-12)


def test_a_softmax_sharpens_by_its_beta():
    rows, grid = np.array([[0.0, 0.65, -1.1]]), Grid(0.25, 0)
    twice = Op("SOFTMAX", (0,), (1,), SimpleNamespace(beta=2.0))
    assert divergence(rows, twice)(grid) == pytest.approx(divergence(2 * rows, SOFTMAX)(Grid(0.5, 0)), rel=1e-12)


def test_the_divergence_of_a_sigmoid_is_the_binary_one():
    rows, grid = np.array([[-3.3], [0.2], [1.7]]), Grid(0.5, 0)
    p, q = (1 / (1 + np.exp(-v)) for v in (rows, step(rows, grid)))
    wanted = (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))).mean()
    assert divergence(rows, SIGMOID)(grid) == pytest.approx(wanted, rel=1e-12)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 10, 30]), st.sampled_from([SOFTMAX, SIGMOID]))
def test_the_search_is_as_good_as_brute_force_and_never_worse_than_the_whole_range(seed, classes, op):
    logits = drawn(seed, classes)
    low, high = ends(logits)
    found = divergence(logits, op)(least_divergence_grid(logits, op))
    coarse = [divergence(logits, op)(grid_of(low * a, high * b)) for a in WIDE_FACTORS[::6] for b in WIDE_FACTORS[::6]]
    assert found <= min(coarse) + 1e-15
    assert found <= divergence(logits, op)(grid_of(low, high))


def test_losers_far_below_do_not_coarsen_the_close_calls():
    logits = drawn(0, 10, 1000)
    squared = least_error_grid(logits.reshape(-1), *ends(logits))
    found = least_divergence_grid(logits, SOFTMAX)
    assert found.scale < 0.7 * squared.scale
    close = np.random.default_rng(1).uniform(2, 6, (2000, 2))  # two classes in the running
    equal = [np.mean(np.equal(*step(close, grid).T)) for grid in (squared, found)]
    assert equal[1] < 0.7 * equal[0]


def test_logits_of_nothing_are_still_a_grid():
    assert least_divergence_grid(np.zeros((5, 3), np.float32), SOFTMAX) == Grid(1.0, 0)


def network(*ops, outputs):
    """Tensors of shape (1, 4), all on one grid; tensor 0 is the input, the model's own output is float."""
    count = 1 + max(number for op in ops for number in (*op.inputs, *op.outputs))
    made = [number for op in ops for number in op.outputs]
    return Network(
        ops=ops,
        inputs=(0,),
        outputs=outputs,
        names=("t",) * count,
        shapes=((1, 4),) * count,
        constants={},
        grids=dict.fromkeys([0, *made], Grid(0.1, 0)),
        products=(),
        twins={},
        floats=frozenset(),
        dtypes=("int8",) * count,
    )


def op(kind, source, result):
    return Op(kind, (source,), (result,), None)


def found(net):
    return [(logits.tensor, logits.group.tensors) for logits in find_logits(net, groups(net))]


@pytest.mark.parametrize("kind", ["SOFTMAX", "LOGISTIC"])
def test_what_only_the_last_softmax_or_sigmoid_reads_are_logits(kind):
    assert found(network(op("RELU", 0, 1), op(kind, 1, 2), outputs=(2,))) == [(1, (1,))]
    assert found(network(op("RELU", 0, 1), op(kind, 1, 2), op("DEQUANTIZE", 2, 3), outputs=(3,))) == [(1, (1,))]


def test_logits_that_only_move_before_the_softmax_share_its_grid():
    assert found(network(op("RELU", 0, 1), op("RESHAPE", 1, 2), op("SOFTMAX", 2, 3), outputs=(3,))) == [(2, (1, 2))]


def test_every_output_has_logits_of_its_own():
    net = network(
        op("RELU", 0, 1), op("TANH", 0, 2), op("ABS", 2, 3), op("SOFTMAX", 1, 4), op("LOGISTIC", 3, 5), outputs=(4, 5)
    )
    assert found(net) == [(1, (1,)), (3, (3,))]


@pytest.mark.parametrize(
    "net",
    [
        network(op("RELU", 0, 1), op("SOFTMAX", 1, 2), outputs=(1, 2)),
        network(op("RELU", 0, 1), op("SOFTMAX", 1, 2), op("ABS", 1, 3), outputs=(2, 3)),
        network(op("RELU", 0, 1), op("RESHAPE", 1, 2), op("SOFTMAX", 2, 3), op("ABS", 1, 4), outputs=(3, 4)),
        network(op("SOFTMAX", 0, 1), outputs=(1,)),
        network(op("RELU", 0, 1), op("SOFTMAX", 1, 2), op("ABS", 2, 3), outputs=(3,)),
        network(op("SOFTMAX", 0, 1), op("SOFTMAX", 1, 2), outputs=(2,)),
        network(op("RELU", 0, 1), op("TANH", 1, 2), outputs=(2,)),
    ],
    ids=["an output too", "read elsewhere", "read before it moves", "the input", "attention", "fixed scale", "tanh"],
)
def test_others_are_no_logits(net):
    assert found(net) == []
