"""Operations whose int8 kernels refuse, or are wrong: they stay float, and so does what gives a divisor near 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from edgecv_converters.quantize.score import answers
from edgecv_converters.targets import Quantizing
from edgecv_runtime.errors import ConversionError

from tests.cases.int8_files import JUDGED, files, float_file, ratios
from tests.cases.test_layers_int8 import pictures, seeded

DIVIDED = "DIV): int8 rounds values near 0 to 0, and by these is divided"


def parts(keras: Any) -> tuple[Any, Any, Any]:
    """A picture, and two maps of it that are 0 and more."""
    image = keras.Input((8, 8, 3), name="x")
    convolved = [keras.layers.Conv2D(4, 3, activation="relu")(image) for _ in range(2)]
    return image, convolved[0], convolved[1]


def share(ops: Any, one: Any, other: Any) -> Any:
    """Of one in both, as two eyes' or two frames' maps are set against each other."""
    return one / (one + other + 1e-3)


def reciprocal(ops: Any, one: Any, other: Any) -> Any:
    """Depth from disparity."""
    return 1.0 / (one + other + 0.02)


def unit(ops: Any, one: Any, other: Any) -> Any:
    """The unit vector of each place, by hand."""
    return one / (ops.sqrt(ops.sum(ops.square(one), axis=-1, keepdims=True)) + 1e-3)


def weighted(ops: Any, one: Any, other: Any) -> Any:
    """The mean over the places, by weights that are 0 in most of them."""
    weight = ops.maximum(other - 0.4, 0.0)
    return ops.sum(one * weight, axis=(1, 2), keepdims=True) / (ops.sum(weight, axis=(1, 2), keepdims=True) + 1e-3)


@pytest.mark.parametrize("quantizer", ["edgecv", "vendor"])
@pytest.mark.parametrize("quotient", [share, reciprocal, unit, weighted])
def test_a_divisor_near_zero_is_not_rounded_to_zero(quotient: Any, quantizer: Any) -> None:
    keras = seeded()
    image, one, other = parts(keras)
    ends = keras.layers.Dense(3)(keras.layers.Flatten()(quotient(keras.ops, one, other)))
    made = files(keras.Model(image, ends), {"x": pictures()}, how=Quantizing(quantizer=quantizer))
    assert DIVIDED in made.kept
    for found in (made.tflite(), made.onnx(), made.coreml()):
        assert all(np.isfinite(values).all() for values in found)
        assert min(ratios(made.expected, found)) > 15


def test_a_divisor_far_from_zero_is_int8() -> None:
    keras = seeded()
    image, one, other = parts(keras)
    ends = keras.layers.Flatten()(one / (other + 1.0))
    made = files(keras.Model(image, ends), {"x": pictures()}, how=Quantizing())
    assert made.made.float_layers == ()
    for found in (made.tflite(), made.onnx(), made.coreml()):
        assert min(ratios(made.expected, found)) > 20


def test_where_nothing_may_stay_float_the_division_is_named() -> None:
    keras = seeded()
    image, one, other = parts(keras)
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(share(keras.ops, one, other))))
    with pytest.raises(ConversionError, match=r"the int8 file cannot be run: .*\(DIV\)") as caught:
        files(model, {"x": pictures()}, how=Quantizing(strict=True))
    assert "--strict-int8" in str(caught.value.hint)


def threshold(ops: Any, values: Any) -> Any:
    """Those above the middle as they are, the others weaker."""
    return ops.where(values > 0.5 * ops.max(values, axis=(1, 2), keepdims=True), values, 0.2 * values)


def largest(ops: Any, values: Any) -> Any:
    """The largest of each place, the others gone; two that int8 rounds to one value are both the largest."""
    return ops.where(ops.equal(values, ops.max(values, axis=-1, keepdims=True)), values, 0.0)


def evidence(ops: Any, values: Any) -> Any:
    """Keras looks for an infinite largest value, by a difference that always is 0."""
    return ops.logsumexp(values, axis=-1, keepdims=True)


@pytest.mark.parametrize(
    ("compared", "size", "least"),
    [(threshold, 0.005, 20), (threshold, 300.0, 20), (largest, 300.0, 14), (evidence, 1.0, 20)],
)
def test_comparisons_are_of_float_values(compared: Any, size: float, least: float) -> None:
    """LiteRT's kernels compare by 256ths: small values are all the same, a scale of 1 and more is wrong or aborts."""
    keras = seeded()
    image, one, _ = parts(keras)
    ends = keras.layers.Dense(3)(keras.layers.Flatten()(compared(keras.ops, size * one)))
    made = files(keras.Model(image, ends), {"x": pictures()}, how=Quantizing())
    assert "int8 kernels compare by steps of 1/256 and below 256" in made.kept
    for found in (made.tflite(), made.onnx(), made.coreml()):
        assert min(ratios(made.expected, found)) > least


def test_a_softplus_of_large_values_is_finite_and_has_steps_for_small_ones() -> None:
    """As log(1 + exp x) it is infinite in TFLite from 89 on, and TensorFlow's quantizer ends the process."""
    keras = seeded()
    image = keras.Input((8, 8, 3), name="x")
    grown = keras.ops.softplus(300 * keras.layers.Conv2D(4, 3)(image))
    usual = keras.ops.softplus(3 * keras.layers.Conv2D(4, 3)(image))
    ends = [keras.layers.Dense(3)(keras.layers.Flatten()(values)) for values in (grown, usual)]
    model, values = keras.Model(image, ends), pictures()
    made = files(model, {"x": values}, how=Quantizing())
    assert made.made.float_layers == ()
    for found in (made.tflite(), made.onnx(), made.coreml()):
        assert min(ratios(made.expected, found)) > 25
    found = [one[:, 0] for one in answers(float_file(model), [values[:JUDGED]])]
    assert min(ratios(made.expected, found)) > 100


def dead(keras: Any, values: Any) -> Any:
    """Units that never fire."""
    never = keras.initializers.Constant(-50.0)
    return keras.layers.Conv2D(4, 3, padding="same", bias_initializer=never, activation="relu")(values)


def untrained(keras: Any, values: Any) -> Any:
    """A branch that begins at zero, as those of residual networks do, and its attention."""
    return keras.ops.tanh(keras.layers.Conv2D(4, 3, padding="same", kernel_initializer="zeros")(values))


@pytest.mark.parametrize("branch", [dead, untrained])
def test_what_always_is_zero_has_a_usual_scale(branch: Any) -> None:
    """The converter's is 8e-9: XNNPACK refuses the first file; the second's scale is 0 in Core ML's float16."""
    keras = seeded()
    image, one, _ = parts(keras)
    x = one + keras.layers.Conv2D(4, 1)(branch(keras, one))
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    made = files(model, {"x": pictures()}, how=Quantizing(quantizer="vendor"))
    for found in (made.tflite(), made.onnx(), made.coreml()):
        assert min(ratios(made.expected, found)) > 30
