"""Label-free distillation: it learns, it can be repeated, it keeps to its time, and it is left out where it hurts."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.quantize import LOGITS, RANGES, QuantizeSettings, Refinement, quantize
from edgecv_converters.quantize.execute import execute, rounded, unwatched
from edgecv_converters.quantize.network import read_network
from edgecv_converters.quantize.refine import RATE, close_calls, rate, refined
from edgecv_converters.quantize.scheme import read_scheme
from edgecv_converters.quantize.student import learned_rounding
from edgecv_converters.tflite.reader import Grid

from tests.integration.quantized_networks import digits_files

SHORT = Refinement(steps=60, batch=32, pictures=frozenset({0}))


def distance_of(net, scheme, data):
    """The mean divergence of the simulated int8 network from the float one."""
    feeds = {net.inputs[0]: data}
    wanted = execute(net, feeds, net.constants, unwatched)[net.outputs[0]].numpy()
    found = execute(net, feeds, scheme.constants(), rounded(scheme.grids))[net.outputs[0]].numpy()
    return float((wanted * np.log((wanted + 1e-3) / (found + 1e-3))).sum(-1).mean())


def test_it_brings_a_bad_scheme_nearer_to_the_float_network(monkeypatch):
    from edgecv_converters.quantize import refine

    monkeypatch.setattr(refine, "RATE", 0.07)  # 60 steps have to do
    _, int8, float32, calibration, test = digits_files()
    net = read_network(int8, float32)
    scheme = read_scheme(net, int8)
    coarse = scheme.with_grids({number: Grid(8 * grid.scale, grid.zero) for number, grid in _inner(net, scheme)})
    better, steps = refined(net, coarse, {net.inputs[0]: calibration}, SHORT, 0)
    assert steps == 60
    assert distance_of(net, better, test) < 0.8 * distance_of(net, coarse, test)
    assert any(better.grids[number] != coarse.grids[number] for number, _ in _inner(net, scheme))
    for number, weights in better.weights.items():
        assert weights.integers.dtype == np.int8
        np.testing.assert_array_equal(weights.scales, coarse.weights[number].scales)


def _inner(net, scheme):
    """The grids that may change."""
    from edgecv_converters.quantize.shared import groups

    return [(number, scheme.grids[number]) for group in groups(net) if group.free for number in group.tensors]


def test_logits_are_ranged_for_what_was_learned():
    from edgecv_converters.quantize.logits import divergence, find_logits, ranged_anew
    from edgecv_converters.quantize.shared import groups

    _, int8, float32, calibration, _ = digits_files()
    net = read_network(int8, float32)
    plain = read_scheme(net, int8)
    (logits,) = find_logits(net, groups(net))
    found = ranged_anew(net, plain, {net.inputs[0]: calibration})
    assert {number for number, grid in found.grids.items() if grid != plain.grids[number]} == {logits.tensor}
    seen = {}
    watch = rounded({number: grid for number, grid in plain.grids.items() if number != logits.tensor})
    feeds = {net.inputs[0]: calibration}
    execute(net, feeds, plain.constants(), lambda n, v: seen.setdefault(n, np.asarray(watch(n, v))))
    costs = [divergence(seen[logits.tensor], logits.op)(scheme.grids[logits.tensor]) for scheme in (found, plain)]
    assert costs[0] < 0.7 * costs[1]


def test_training_says_that_it_ranged_logits():
    _, int8, float32, calibration, _ = digits_files()
    how = QuantizeSettings(steps=(RANGES,), refine=SHORT)
    found = quantize(int8, float32, [calibration], how)
    assert found.steps[:2] == (RANGES, LOGITS)
    assert found.steps[2].startswith("distillation of ")


def test_close_calls_count_by_their_odds():
    wanted = np.array([[0.5, 0.3, 0.2], [0.9, 0.05, 0.05]], np.float32)
    found = np.array([[0.4, 0.5, 0.1], [0.9, 0.05, 0.05]], np.float32)
    off = np.log(0.5 / 0.3) - np.log(0.4 / 0.5)
    np.testing.assert_allclose(close_calls(wanted, found), 0.6 * off**2 / 2, rtol=1e-4)
    np.testing.assert_allclose(close_calls(wanted[None], found[None]), 0.6 * off**2 / 2, rtol=1e-4)
    assert float(close_calls(wanted, wanted)) == 0
    assert float(close_calls(wanted[:, :1], found[:, :1])) == 0, "one class is no choice"


def test_a_seed_gives_the_same_numbers():
    _, int8, float32, calibration, _ = digits_files()
    settings = QuantizeSettings(seed=5, refine=Refinement(steps=15, batch=16, pictures=frozenset({0})))
    one, two = (quantize(int8, float32, [calibration], settings) for _ in range(2))
    assert one.data == two.data
    assert one.distances == two.distances


def test_fewer_steps_are_taken_where_the_time_is_short():
    _, int8, float32, calibration, _ = digits_files()
    net = read_network(int8, float32)
    how = Refinement(steps=100_000, batch=16, seconds=0.001)
    _, steps = refined(net, read_scheme(net, int8), {net.inputs[0]: calibration}, how, 0)
    assert steps < 30


def test_it_is_left_out_where_it_brings_nothing(monkeypatch):
    from edgecv_converters.quantize import refine

    monkeypatch.setattr(refine, "RATE", 5.0)
    _, int8, float32, calibration, _ = digits_files()
    found = quantize(int8, float32, [calibration], QuantizeSettings(refine=Refinement(steps=20, batch=16)))
    assert "left out" in found.notes[0]
    assert not any("distillation" in step for step in found.steps)


@pytest.mark.parametrize("way", ["refine", "train"])
def test_what_was_proven_stays_where_the_network_cannot_be_trained_on(monkeypatch, way):
    from edgecv_converters.quantize import quantizer

    from tests.integration.test_quantize_training import training

    _, int8, float32, calibration, _ = digits_files()
    wanted = quantize(int8, float32, [calibration], QuantizeSettings())
    monkeypatch.setattr(quantizer, "SAME_FLOAT", -1.0)  # no float network is as near as that
    how = QuantizeSettings(refine=SHORT) if way == "refine" else QuantizeSettings(train=training(1))
    found = quantize(int8, float32, [calibration], how)
    assert wanted.steps
    assert (found.data, found.steps) == (wanted.data, wanted.steps)
    word = "refinement" if way == "refine" else "training"
    assert found.notes == (f"No {word}: the simulated network does not give the float file's answers",)


@pytest.mark.parametrize("learning_rate", [1e4, 1e38])
def test_a_refinement_that_diverges_is_left_out(monkeypatch, learning_rate):
    from edgecv_converters.quantize import refine

    monkeypatch.setattr(refine, "RATE", learning_rate)
    _, int8, float32, calibration, _ = digits_files()
    found = quantize(int8, float32, [calibration], QuantizeSettings(refine=Refinement(steps=8, batch=16)))
    assert found.data == quantize(int8, float32, [calibration], QuantizeSettings()).data
    assert found.notes == ("The refinement diverged and was left out",)


def test_an_estimate_is_given():
    _, int8, float32, calibration, _ = digits_files()
    seen = []
    quantize(
        int8, float32, [calibration], QuantizeSettings(refine=SHORT), lambda share, left: seen.append((share, left))
    )
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert max(shares) <= 1
    assert any(left is not None and left > 0 for _, left in seen)


def test_the_rate_warms_up_and_falls_to_nothing():
    rates = [rate(step, 1800) for step in range(1800)]
    assert rates[0] < RATE / 50
    assert max(rates) == pytest.approx(RATE, rel=0.02)
    assert rates[-1] < RATE / 1000


def test_the_gradient_of_a_learned_scale_is_the_files_error():
    """Inside, a larger scale moves a value by its rounding error; where it is clipped, by the end's own value."""
    import tensorflow as tf

    grid, factor = Grid(0.5, 0), tf.Variable(0.0)
    value = tf.constant([0.2, 100.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(value)
        found = learned_rounding(value, factor, grid)
    np.testing.assert_allclose(found, [0.0, 63.5])
    np.testing.assert_allclose(tape.gradient(found, factor), -0.2 + 63.5, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(found, value), [1.0, 0.0])
