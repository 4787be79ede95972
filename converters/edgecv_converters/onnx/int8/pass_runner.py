"""Runs passes, and checks the model after each, here and nowhere else.

The passes of the frozen graph (`graph.passes.runner`) change a TensorFlow graph in place, by names; these rewrite a
copy of an ONNX model, whose form is restored and whose validity is checked by ONNX itself after each: the two have a
loop in common, and nothing in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgecv_runtime.errors import ConversionError

from edgecv_converters.onnx.canonical import canonical, check
from edgecv_converters.onnx.edit import OnnxPass


def run_passes(model: Any, passes: Sequence[OnnxPass]) -> Any:
    """Apply `passes` in order to a copy of `model`; the graph's inputs and outputs must stay as they are.

    Raises:
        ConversionError: A pass left a model that is not valid, or changed its inputs or outputs; it is named.
    """
    opset = next(entry.version for entry in model.opset_import if entry.domain == "")
    for step in passes:
        before = model
        model = canonical(step.apply(type(model).FromString(model.SerializeToString())), opset=opset)
        try:
            check(model)
        except ConversionError as error:
            raise ConversionError(f"{error.message} (after pass {step.name})") from error
        if _signature(model) != _signature(before):
            raise ConversionError(f"pass {step.name} changed the inputs or outputs of the ONNX model")
    return model


def _signature(model: Any) -> list[bytes]:
    values = (*model.graph.input, *model.graph.output)
    return [value.SerializeToString(deterministic=True) for value in values]
