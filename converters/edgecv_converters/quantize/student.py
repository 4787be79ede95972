"""The student of the distillation: the numbers of a scheme as variables.

Weights move by rounding to other integers, so they are trained in units of their own step; the gradient passes the
rounding straight through (Y. Bengio & al., Estimating or propagating gradients through stochastic neurons, 2013).
Activation scales get the gradient of S. Esser & al., Learned step size quantization (2020).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from edgecv_converters.quantize.execute import Watch, fake_quantize
from edgecv_converters.quantize.network import Network
from edgecv_converters.quantize.observed import NotFiniteError, finite_ends
from edgecv_converters.quantize.scheme import Scheme, Weights, spread
from edgecv_converters.quantize.shared import groups
from edgecv_converters.tflite.reader import Array, Grid

SCALE_UNIT = 0.3  # of a scale's natural logarithm
LARGEST_EXPONENT = 30.0  # a scale that is so far from where it began holds nothing any more


class Student:
    """The variables: weights in steps of their scale, biases in steps of the product's result, scales as logarithms."""

    def __init__(self, network: Network, scheme: Scheme) -> None:
        import tensorflow as tf

        self.start = scheme
        self._steps = {
            product.bias: scheme.grids[network.ops[product.op].outputs[0]].scale
            for product in network.products
            if product.bias is not None
        }
        self._weights = {
            number: tf.Variable(_latent(network.constants[number], weights), name=f"weight_{number}")
            for number, weights in scheme.weights.items()
        }
        self._biases = {
            number: tf.Variable(np.zeros(len(scheme.biases[number]), np.float32), name=f"bias_{number}")
            for number in self._steps
        }

        self._scales = {
            number: variable
            for group in groups(network)
            if group.free
            for variable in [tf.Variable(0.0, name=f"scale_{group.tensors[0]}")]
            for number in group.tensors
        }

    @property
    def variables(self) -> list[Any]:
        """All variables that are trained."""
        scales = {id(variable): variable for variable in self._scales.values()}
        return [*self._weights.values(), *self._biases.values(), *scales.values()]

    def watch(self, unrounded: Collection[int]) -> Watch:
        """Rounds every activation with a grid to it, but these."""

        def watch(number: int, value: Any) -> Any:
            grid = self.start.grids.get(number)
            if grid is None or number in unrounded:
                return value
            if number not in self._scales:
                return fake_quantize(value, grid)
            return learned_rounding(value, SCALE_UNIT * self._scales[number], grid)

        return watch

    def constants(self) -> dict[int, Any]:
        """The constants that the network computes with, as a differentiable function of the variables."""
        found: dict[int, Any] = dict(self.start.operands)
        for number, variable in self._weights.items():
            before = self.start.weights[number]
            found[number] = _straight_round(variable) * spread(before.scales, before.axis, variable.shape.rank)
        for number, variable in self._biases.items():
            found[number] = self.start.biases[number].astype(np.float32) + variable * np.float32(self._steps[number])
        return found

    def scheme(self) -> Scheme:
        """The scheme that was reached.

        Raises:
            NotFiniteError: The training diverged.
        """
        for number, variable in (*self._weights.items(), *self._biases.items()):
            finite_ends(number, variable.numpy())
        weights = {}
        for number, variable in self._weights.items():
            before = self.start.weights[number]
            integers = np.clip(np.rint(variable.numpy()), -127, 127).astype(np.int8)
            weights[number] = Weights(integers, before.scales, before.axis)
        biases = {
            number: self.start.biases[number] + variable.numpy().astype(np.float64) * self._steps[number]
            for number, variable in self._biases.items()
        }
        grids = {
            number: Grid(float(np.float32(grid.scale * _factor(number, float(variable.numpy())))), grid.zero)
            for number, variable in self._scales.items()
            for grid in [self.start.grids[number]]
        }
        return self.start.with_weights(weights).with_biases(biases).with_grids(grids)


def _factor(number: int, trained: float) -> float:
    """Compute what training multiplies a tensor's scale by."""
    exponent = SCALE_UNIT * trained
    if not abs(exponent) < LARGEST_EXPONENT:
        raise NotFiniteError(number, exponent)
    return math.exp(exponent)


def _latent(weight: Array, weights: Weights) -> Array:
    """The float weight in steps, kept within half a step of the integer that stands for it."""
    exact = weight / spread(weights.scales, weights.axis, weight.ndim)
    near: Array = np.clip(exact, weights.integers - 0.49, weights.integers + 0.49).astype(np.float32)
    return near


def _straight_round(value: Any) -> Any:
    import tensorflow as tf

    inside = tf.clip_by_value(value, -127.0, 127.0)
    return inside + tf.stop_gradient(tf.round(inside) - inside)


def learned_rounding(value: Any, log_factor: Any, grid: Grid) -> Any:
    """A tensor on a grid whose scale is multiplied by exp(log_factor); differentiable by both."""
    import tensorflow as tf

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def rounding(x: Any, factor: Any) -> Any:
        low, high = grid.low * tf.exp(factor), grid.high * tf.exp(factor)
        found = tf.quantization.fake_quant_with_min_max_vars(x, low, high)

        def gradient(upstream: Any) -> tuple[Any, Any]:
            inside = tf.logical_and(x >= low, x <= high)
            by_factor = tf.reduce_sum(upstream * tf.where(inside, found - x, found))
            return tf.where(inside, upstream, tf.zeros_like(upstream)), by_factor

        return found, gradient

    return rounding(value, log_factor)
