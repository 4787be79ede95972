"""TFLite's operations on booleans and integers in TensorFlow: comparisons, choices, casts (see `kernels`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Kernel = Callable[[Sequence[Any], Any], Any]


def _tf() -> Any:
    import tensorflow as tf

    return tf


def _math(name: str) -> Kernel:
    return lambda operands, _: getattr(_tf().math, name)(*operands)


def _reduce(name: str) -> Kernel:
    def reduce(operands: Sequence[Any], place: Any) -> Any:
        axes = tuple(np.asarray(operands[1]).reshape(-1).tolist())
        return getattr(_tf(), name)(operands[0], axes, keepdims=bool(place.options.keepDims))

    return reduce


def select(operands: Sequence[Any], _: Any) -> Any:
    """Operands: condition, what is taken where it holds, what is taken elsewhere; broadcast against each other."""
    return _tf().where(*operands)


def cast(operands: Sequence[Any], place: Any) -> Any:
    """The file says to which dtype."""
    return _tf().cast(operands[0], place.dtype)


def one_hot(operands: Sequence[Any], place: Any) -> Any:
    """Operands: indices, depth, the value at an index, the value elsewhere."""
    indices, depth, on, off = operands
    return _tf().one_hot(indices, int(np.asarray(depth)), on, off, axis=place.options.axis)


def arg_max(operands: Sequence[Any], place: Any) -> Any:
    """Operands: data, axis."""
    kind = _tf().dtypes.as_dtype(place.dtype)
    return _tf().argmax(operands[0], int(np.asarray(operands[1]).reshape(())), kind)


def gather(operands: Sequence[Any], place: Any) -> Any:
    """Operands: data or a table, indices."""
    options = place.options
    return _tf().gather(operands[0], operands[1], axis=options.axis, batch_dims=options.batchDims)


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
    "REDUCE_ALL": _reduce("reduce_all"),
    "REDUCE_ANY": _reduce("reduce_any"),
    "SELECT": select,
    "SELECT_V2": select,
}
