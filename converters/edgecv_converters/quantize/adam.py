"""Adam (D. Kingma and J. Ba, 2015) on plain variables, with a learning rate given at each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FIRST, SECOND, TINY = 0.9, 0.999, 1e-8


class Adam:
    """Keeps the moments of some TensorFlow variables."""

    def __init__(self, variables: Sequence[Any]) -> None:
        import tensorflow as tf

        self._variables = variables
        self._means = [tf.Variable(tf.zeros_like(variable)) for variable in variables]
        self._squares = [tf.Variable(tf.zeros_like(variable)) for variable in variables]
        self._steps = tf.Variable(0.0)

    def apply(self, gradients: Sequence[Any], rate: Any) -> None:
        """Move every variable once; one without a gradient stays."""
        import tensorflow as tf

        count = self._steps.assign_add(1.0)
        scale = rate * tf.sqrt(1 - SECOND**count) / (1 - FIRST**count)
        for variable, gradient, mean, square in zip(
            self._variables, gradients, self._means, self._squares, strict=True
        ):
            if gradient is None:
                continue
            mean.assign(FIRST * mean + (1 - FIRST) * gradient)
            square.assign(SECOND * square + (1 - SECOND) * tf.square(gradient))
            variable.assign_sub(scale * mean / (tf.sqrt(square) + TINY))
