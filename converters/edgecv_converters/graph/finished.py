"""Outputs of a detector that finishes its work, as the graph shows: rows of a box, a score and the number of a class.

The number comes from whole numbers: a remainder by the number of classes, as in YOLOv10 and YOLO26, or the place of the
largest score. Whether boxes are in pixels or in parts of the picture no graph shows; the model's own answers do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_converters.graph.frozen import Endpoint, FrozenGraph

ROW: Final = 6  # numbers: the box, the score, the class
RELATIVE: Final = 2.0  # no box in parts of the picture reaches further
_COPIES: Final = frozenset({"Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient", "Cast", "Transpose"})
_PICKS: Final = frozenset({"GatherV2", "GatherNd", "StridedSlice", "Slice"})
_REMAINDERS: Final = frozenset({"FloorMod", "Mod"})
Answers = Callable[[Mapping[str, npt.NDArray[Any]]], Mapping[str, npt.NDArray[Any]]]


@dataclass(frozen=True, slots=True)
class FinishedRows:
    """An output of rows of left, top, right, bottom, score and class number.

    Attributes:
        output: Its name.
        classes: How many classes there are.
        relative: Whether boxes are in parts of the picture, else in pixels; None where no box told.
    """

    output: str
    classes: int
    relative: bool | None


def finished_rows(frozen: FrozenGraph, answers: Answers) -> tuple[FinishedRows, ...]:
    """Find the outputs of one batch of rows whose last number is that of a class.

    Args:
        frozen: The model's graph.
        answers: The model: it is asked for its boxes in two pictures, where there is such an output.
    """
    shapes = [end for end in frozen.outputs if len(end.shape) == 3 and end.shape[-1] == ROW]
    counts = {end.name: count for end in shapes if (count := _classes(frozen, end)) is not None}
    if not counts:
        return ()
    said = answers({end.name: _pictures(end) for end in frozen.inputs})
    return tuple(FinishedRows(name, count, _relative(said[name])) for name, count in counts.items())


def _pictures(end: Endpoint) -> npt.NDArray[Any]:
    """A black sample and one of noise."""
    noise = np.random.default_rng(0).uniform(0, 1, end.shape[1:])
    return np.stack([np.zeros(end.shape[1:]), noise]).astype(end.dtype)


def _relative(rows: npt.NDArray[Any]) -> bool | None:
    boxes = np.abs(rows[..., :4])
    largest = float(boxes[np.isfinite(boxes)].max(initial=0.0))
    return None if largest == 0 else largest <= RELATIVE


def _classes(frozen: FrozenGraph, end: Endpoint) -> int | None:
    """The number of classes, where the last column of an output is the number of one."""
    operations = {operation.name: operation for operation in frozen.light_function().graph.get_operations()}
    last = operations[end.node]
    while last.type == "Identity":
        last = last.inputs[0].op
    if last.type != "ConcatV2" or _constant(last.inputs[-1].op) not in {2, -1}:
        return None
    *_, numbers = last.inputs[:-1]
    if numbers.shape.rank is None or numbers.shape[-1] != 1:
        return None
    return _count(numbers)


def _count(tensor: Any) -> int | None:
    """Follow class numbers to what makes them of whole numbers."""
    whole = False
    while True:
        operation = tensor.op
        whole |= operation.type == "Cast" and operation.inputs[0].dtype.is_integer
        if operation.type in _REMAINDERS and tensor.dtype.is_integer:
            return _constant(operation.inputs[1].op)
        if operation.type == "ArgMax" and whole:
            axis = _constant(operation.inputs[1].op)
            size = None if axis is None else operation.inputs[0].shape[axis]
            return None if size is None else int(size)
        if operation.type not in _COPIES | _PICKS:
            return None
        tensor = operation.inputs[0]


def _constant(operation: Any) -> int | None:
    """The value of a constant of one whole number."""
    import tensorflow as tf

    while operation.type in {"Identity", "Cast"}:
        operation = operation.inputs[0].op
    if operation.type != "Const":
        return None
    values: Sequence[int] = np.ravel(tf.make_ndarray(operation.get_attr("value"))).tolist()
    return int(values[0]) if len(values) == 1 else None
