"""TensorFlow operations that coremltools writes down wrongly."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from edgecv_converters.graph.weights import is_stored, values_of


def register() -> None:
    """Make coremltools use the handlers of this module. Calling it again changes nothing."""
    from coremltools.converters.mil.frontend.tensorflow.tf_op_registry import register_tf_op

    register_tf_op(Reciprocal, override=True)
    _leave_weights_out()


def _leave_weights_out() -> None:
    """Let coremltools take large weights from their file, where it runs TensorFlow to compute what is constant."""
    from coremltools.converters.mil.mil.types.type_mapping import numpy_val_to_builtin_val

    module: Any = import_module("coremltools.converters.mil.frontend.tensorflow.tf_graph_pass.constant_propagation")
    original = module._constant_propagation  # noqa: SLF001 - there is no other door
    if getattr(original, "leaves_weights_out", False):
        return

    def propagate(function: Any, graph: Any, names: list[str], outputs: dict[str, int]) -> None:
        stored = {node.name: values_of(node) for node in graph.node if is_stored(node)}
        left = type(graph)(node=[node for node in graph.node if node.name not in stored])
        counts = {name: count for name, count in outputs.items() if name not in stored}
        original(function, left, [name for name in names if name not in stored], counts)
        for name, values in stored.items():
            node = function.graph[name]
            node.value, node.datatype = numpy_val_to_builtin_val(np.asarray(values))

    propagate.leaves_weights_out = True  # type: ignore[attr-defined]
    module._constant_propagation = propagate  # noqa: SLF001


def Reciprocal(context: Any, node: Any) -> None:  # noqa: N802 - the registry goes by the name
    """Write a division: coremltools writes `inverse`, which adds 0.0001 to x first (72 dB instead of 140).

    A division of 1 by a tensor comes as a Reciprocal too.
    """
    from coremltools.converters.mil import Builder
    from coremltools.converters.mil.mil import types

    values = context[node.inputs[0]]
    one = np.ones((), types.nptype_from_builtin(values.dtype))
    context.add(node.name, Builder.real_div(x=one, y=values, name=node.name))
