"""TensorFlow operations that coremltools writes down wrongly."""

from __future__ import annotations

from typing import Any


def register() -> None:
    """Make coremltools use the handlers of this module. Calling it again changes nothing."""
    from coremltools.converters.mil.frontend.tensorflow.tf_op_registry import register_tf_op

    register_tf_op(Reciprocal, override=True)


def Reciprocal(context: Any, node: Any) -> None:  # noqa: N802 - the registry goes by the name
    """Write a division: coremltools writes `inverse`, which adds 0.0001 to x first (72 dB instead of 140).

    A division of 1 by a tensor comes as a Reciprocal too.
    """
    import numpy as np
    from coremltools.converters.mil import Builder
    from coremltools.converters.mil.mil import types

    values = context[node.inputs[0]]
    one = np.ones((), types.nptype_from_builtin(values.dtype))
    context.add(node.name, Builder.real_div(x=one, y=values, name=node.name))
