"""The edges of a Core ML program: pictures come in, labels go out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_runtime.schema import Activation, Preprocess

TO_NCHW, TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]
Array = npt.NDArray[Any]


def take_picture(program: Any, name: str, spec: Preprocess) -> None:
    """Make an input an image of bytes that the program itself normalizes, in float32: y = x * scale[c] + offset[c].

    Args:
        program: The coremltools program, whose input has the shape (1, height, width, channels); it is changed.
        name: The input's.
        spec: What a picture goes through; it ends with `normalize`.
    """
    import coremltools as ct
    from coremltools.converters.mil.mil import Builder, types

    function = program.functions["main"]
    placeholder = function.placeholder_inputs[name]
    old = placeholder.outputs[0]
    batch, height, width, channels = old.shape
    shape = (batch, channels, height, width)
    placeholder.__init__(shape, dtype=types.fp32, name=name)
    function._input_dict[name] = value = placeholder.outputs[0]  # noqa: SLF001 - as coremltools' own pass for images does
    first = function.operations[0]
    with function:
        value = _normalized(Builder, value, spec, first, name)
        if old.dtype != value.dtype:
            dtype = types.builtin_to_string(old.dtype)
            value = Builder.cast(x=value, dtype=dtype, before_op=first, name=f"{name}_{dtype}")
        _hand_on(Builder, function, old, value, first, name)
    image = ct.ImageType(name=name, shape=shape, color_layout=_layout(ct, spec), channel_first=True)
    given = {kind.name: kind for kind in function.input_types}
    function.set_input_types(tuple(image if kind == name else given[kind] for kind in function.inputs))


def _hand_on(builder: Any, function: Any, old: Any, value: Any, first: Any, name: str) -> None:
    """Give the picture, channels first, to all that read the input, channels last; most only turn it round."""
    turned = [operation for operation in old.child_ops if _is_turn(operation)]
    if len(turned) < len(old.child_ops):
        last = builder.transpose(x=value, perm=TO_NHWC, before_op=first, name=f"{name}_nhwc")
        function.replace_uses_of_var_after_op(anchor_op=last.op, old_var=old, new_var=last)
    for operation in turned:
        function.replace_uses_of_var_after_op(anchor_op=operation, old_var=operation.outputs[0], new_var=value)
    function.remove_ops(turned)


def _is_turn(operation: Any) -> bool:
    return operation.op_type == "transpose" and list(operation.perm.val) == TO_NCHW


def _normalized(builder: Any, value: Any, spec: Preprocess, before: Any, name: str) -> Any:
    """Normalize; a scale of 1 and an offset of 0 are left out."""
    scale, offset = (_of_channels(numbers) for numbers in (spec.normalize.scale, spec.normalize.offset))
    if (scale != 1).any():
        value = builder.mul(x=value, y=scale, before_op=before, name=f"{name}_scaled")
    if (offset != 0).any():
        value = builder.add(x=value, y=offset, before_op=before, name=f"{name}_normalized")
    return value


def _of_channels(numbers: tuple[float, ...]) -> Array:
    """One value or one a channel: float32, (1, n, 1, 1)."""
    return np.asarray(numbers, np.float32).reshape(1, -1, 1, 1)


def _layout(ct: Any, spec: Preprocess) -> Any:
    return {
        "rgb": ct.colorlayout.RGB,
        "bgr": ct.colorlayout.BGR,
        "gray": ct.colorlayout.GRAYSCALE,
    }[spec.color]


def end_with_probabilities(program: Any, name: str, activation: Activation) -> str:
    """Make an output float32 and, where it is one of logits, probabilities.

    Args:
        program: The coremltools program; it is changed.
        name: The output's.
        activation: What is to be applied, over the last axis.

    Returns:
        What the output is called now.
    """
    from coremltools.converters.mil.mil import Builder, types

    function = program.functions["main"]
    outputs = list(function.outputs)
    place = next(number for number, output in enumerate(outputs) if output.name == name)
    value = outputs[place]
    with function:
        if value.dtype != types.fp32:
            value = Builder.cast(x=value, dtype="fp32", name=f"{name}_fp32")
        if activation == "softmax":
            value = Builder.softmax(x=value, axis=-1, name=f"{name}_probabilities")
    outputs[place] = value
    function.set_outputs(outputs)
    return str(value.name)
