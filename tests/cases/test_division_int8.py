"""Divisions in int8: by what comes near 0 they stay float, for int8 rounds it to 0, and by 0 no kernel divides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from edgecv_converters.targets import Quantizing
from edgecv_runtime.errors import ConversionError

from tests.cases.int8_files import files, ratios
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
