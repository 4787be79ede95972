"""What the int8 quantizer chooses: its steps on real files, and the answers that they keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from edgecv_converters.quantize import BEHIND, BIASES, LOGITS, RANGES, ROUNDING, SCALES, QuantizeSettings, quantize
from edgecv_converters.quantize.bias import corrected, mean_shift
from edgecv_converters.quantize.compensate import compensable
from edgecv_converters.quantize.execute import execute, rounded, unwatched
from edgecv_converters.quantize.floats import float_values, mean_inputs
from edgecv_converters.quantize.network import read_network
from edgecv_converters.quantize.scheme import read_scheme
from edgecv_converters.quantize.score import answers, distance
from edgecv_converters.tflite.describe import describe
from edgecv_converters.tflite.ends import with_io

from tests.integration.onnx_models import (
    onnx_answers,
    tflite_answers,
)
from tests.integration.quantized_networks import aligned, digits_files, files


def test_bias_correction_makes_the_mean_error_of_a_product_vanish() -> None:
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    plain = read_scheme(net, int8)
    wrong = plain.with_biases({number: bias + 0.1 for number, bias in plain.biases.items()})
    means = mean_inputs(net, float32, [data])
    right = corrected(net, int8, wrong, [data], means)
    for product in net.products[:2]:
        assert np.abs(mean_errors(net, product, wrong, data)).max() > 0.09
        assert np.abs(mean_errors(net, product, right, data)).max() < 1e-5


def mean_errors(net: Any, product: Any, scheme: Any, data: np.ndarray) -> np.ndarray:
    """Of each channel of a convolution, before its activation, on inputs that carry the rounding before it."""
    import tensorflow as tf

    sums = []
    for constants, watch in ((scheme.constants(), rounded(scheme.grids)), (net.constants, unwatched)):
        seen: dict[int, Any] = {}
        execute(
            net, {net.inputs[0]: data}, constants, lambda n, v, seen=seen, watch=watch: seen.setdefault(n, watch(n, v))
        )
        kernel = tf.transpose(constants[product.weight], [1, 2, 3, 0])
        sums.append(tf.nn.conv2d(seen[product.source], kernel, 1, "SAME") + constants[product.bias])
    return mean_shift(*sums)


def test_the_default_keeps_more_of_the_answers_than_the_plain_file() -> None:
    _, int8, float32, calibration, test = digits_files()
    found = quantize(int8, float32, [calibration], QuantizeSettings())
    net = read_network(int8, float32)
    assert found.steps
    assert len(found.data) == len(aligned(int8))
    reference = answers(float32, [test])
    plain, ours = answers(int8, [test]), answers(found.data, [test])
    assert distance(net, reference, ours) < distance(net, reference, plain)
    same = [float((a[0].argmax(-1) == reference[0].argmax(-1)).mean()) for a in (plain, ours)]
    assert same[1] >= same[0]
    assert same[1] >= 0.99


def test_logits_are_ranged_by_the_answers() -> None:
    _, int8, float32, calibration, test = digits_files()
    net = read_network(int8, float32)
    reference = answers(float32, [test])
    without, with_them = (
        quantize(int8, float32, [calibration], QuantizeSettings(steps=steps)).data
        for steps in ((RANGES,), (RANGES, LOGITS))
    )
    assert distance(net, reference, answers(with_them, [test])) < distance(net, reference, answers(without, [test]))
    softmax = next(op for op in net.ops if op.kind == "SOFTMAX")
    before, after = (read_scheme(net, data).grids for data in (without, with_them))
    assert {tensor for tensor, grid in after.items() if grid != before[tensor]} == {softmax.inputs[0]}
    assert after[softmax.inputs[0]].scale < before[softmax.inputs[0]].scale
    assert LOGITS in quantize(int8, float32, [calibration], QuantizeSettings()).steps


def test_a_network_without_logits_has_no_step_for_them() -> None:
    _, int8, float32, data = files("residual")
    found = quantize(int8, float32, [data], QuantizeSettings())
    assert not any(LOGITS in name for name in found.distances)
    assert f"{RANGES}, {BEHIND}, {BIASES}" in found.distances


def test_a_seed_gives_the_same_bytes() -> None:
    _, int8, float32, calibration, _ = digits_files()
    one, two = (quantize(int8, float32, [calibration], QuantizeSettings(seed=3)).data for _ in range(2))
    assert one == two


def test_onnx_carries_what_was_chosen() -> None:
    from edgecv_converters.onnx.int8 import from_tflite

    graph, int8, float32, calibration, test = digits_files()
    data = quantize(int8, float32, [calibration], QuantizeSettings()).data
    model = from_tflite(data, inputs=graph.inputs, outputs=graph.outputs)
    wanted, found = tflite_answers(data, test[:300]), onnx_answers(model, test[:300])
    assert (wanted.argmax(1) == found.argmax(1)).mean() >= 0.995


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_integer_inputs_and_outputs_give_the_same_answers(io: Any) -> None:
    graph, int8, _, calibration, _ = digits_files()
    data = with_io(int8, io)
    (taken,), (given,), _ = describe(data, graph.inputs, graph.outputs)
    assert (taken.dtype, given.dtype) == (io, io)
    assert taken.quantization is not None
    assert given.quantization is not None
    pixels = np.rint(calibration[:50] / taken.quantization.scale) + taken.quantization.zero_point
    found = tflite_answers(data, pixels.astype(io)).astype(np.float64)
    real = (found - given.quantization.zero_point) * given.quantization.scale
    np.testing.assert_allclose(real, tflite_answers(int8, calibration[:50]), atol=1e-6)


def test_weights_are_rounded_for_the_result_of_their_layer() -> None:
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    plain = read_scheme(net, int8)
    known = float_values(net, float32, [data])
    found = corrected(net, int8, plain, [data], known.means, compensate=True)
    chosen = compensable(net)
    assert len(chosen) == 2
    for number, weights in found.weights.items():
        assert (weights.integers != plain.weights[number].integers).any() == (number in chosen)
        np.testing.assert_array_equal(weights.scales, plain.weights[number].scales)
    product = net.products[1]  # the first one's inputs are noise, where nothing goes together
    before, after = (weight_error(net, product, scheme.weights[product.weight], data) for scheme in (plain, found))
    assert after < 0.8 * before


def weight_error(net: Any, product: Any, weights: Any, data: np.ndarray) -> float:
    """The mean squared error of a convolution's result that its rounded weights alone make."""
    import tensorflow as tf

    seen: dict[int, Any] = {}
    execute(net, {net.inputs[0]: data}, net.constants, seen.setdefault)
    error = tf.transpose(weights.real() - net.constants[product.weight], [1, 2, 3, 0])
    made = np.asarray(tf.nn.conv2d(seen[product.source], error, 1, "SAME"))
    return float((made - made.mean((0, 1, 2))).var())  # the mean is the bias's to correct


def test_compensated_rounding_is_a_step_that_can_be_asked_for() -> None:
    _, int8, float32, calibration, test = digits_files()
    steps = ((RANGES, LOGITS, BIASES), (RANGES, LOGITS, SCALES, ROUNDING, BIASES))
    nearest, found = (quantize(int8, float32, [calibration], QuantizeSettings(steps=chosen)) for chosen in steps)
    assert (nearest.steps, found.steps) == steps
    net, reference = read_network(int8, float32), answers(float32, [test])
    assert distance(net, reference, answers(found.data, [test])) < distance(
        net, reference, answers(nearest.data, [test])
    )
