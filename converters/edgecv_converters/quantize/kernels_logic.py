"""TFLite's operations on booleans and integers in TensorFlow: comparisons, choices, casts (see `kernels`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgecv_converters.quantize.kernel import Kernel, OpContext, tensorflow


def _math(name: str) -> Kernel:
    return lambda operands, _: getattr(tensorflow().math, name)(*operands)


def select(operands: Sequence[Any], _: OpContext) -> Any:
    """Operands: condition, what is taken where it holds, what is taken elsewhere; broadcast against each other."""
    return tensorflow().where(*operands)


def cast(operands: Sequence[Any], place: OpContext) -> Any:
    """The file says to which dtype."""
    return tensorflow().cast(operands[0], place.dtype)


def one_hot(operands: Sequence[Any], place: OpContext) -> Any:
    """Operands: indices, depth, the value at an index, the value elsewhere."""
    indices, depth, on, off = operands
    return tensorflow().one_hot(indices, int(np.asarray(depth)), on, off, axis=place.options.axis)


def arg_max(operands: Sequence[Any], place: OpContext) -> Any:
    """Operands: data, axis."""
    kind = tensorflow().dtypes.as_dtype(place.dtype)
    return tensorflow().argmax(operands[0], int(np.asarray(operands[1]).reshape(())), kind)


def gather(operands: Sequence[Any], place: OpContext) -> Any:
    """Operands: data or a table, indices."""
    options = place.options
    return tensorflow().gather(operands[0], operands[1], axis=options.axis, batch_dims=options.batchDims)


LOGIC: Mapping[str, Kernel] = {
    "ARG_MAX": arg_max,
    "CAST": cast,
    "EQUAL": _math("equal"),
    "FLOOR": _math("floor"),
    "FLOOR_DIV": _math("floordiv"),
    "FLOOR_MOD": _math("floormod"),
    "GATHER": gather,
    "GREATER": _math("greater"),
    "GREATER_EQUAL": _math("greater_equal"),
    "LESS": _math("less"),
    "LESS_EQUAL": _math("less_equal"),
    "LOGICAL_AND": _math("logical_and"),
    "LOGICAL_NOT": _math("logical_not"),
    "LOGICAL_OR": _math("logical_or"),
    "NOT_EQUAL": _math("not_equal"),
    "ONE_HOT": one_hot,
    "SELECT": select,
    "SELECT_V2": select,
}
