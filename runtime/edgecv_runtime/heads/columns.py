"""Reading rows of numbers from outputs, as `Columns` say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_runtime.decoders import Columns
from edgecv_runtime.errors import SpecError

Shapes = Mapping[str, tuple[int, ...]]


def read_rows(columns: Sequence[Columns], outputs: Mapping[str, npt.NDArray[Any]], sample: int) -> np.ndarray:
    """Return the rows of several columns, one after the other: (rows, count) float32."""
    parts = [np.asarray(_rows(one, outputs[one.output][sample]), np.float32) for one in columns]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _rows(columns: Columns, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if columns.channels == "second":
        values = np.moveaxis(values, 0, -1)
    width = columns.width or values.shape[-1]
    rows = values.reshape(-1, width)
    end = width if columns.count is None else columns.first + columns.count
    return rows[:, columns.first : end]


@dataclass(frozen=True, slots=True)
class ColumnPlaces:
    """The places of rows of numbers in the flattened output of one sample: (rows, count) int64."""

    output: str
    places: npt.NDArray[np.int64]


def places_of(columns: Sequence[Columns], outputs: Mapping[str, npt.NDArray[Any]], row: int = 0) -> ColumnPlaces:
    """Return where the numbers of `read_rows` lie in the output that holds one row.

    Args:
        columns: The columns; rows of those that are of other outputs have places that mean nothing.
        outputs: The outputs, with a batch of 1.
        row: The row that is asked for, counted over all columns.
    """
    numbered = {name: np.arange(values.size).reshape(values.shape)[:1] for name, values in outputs.items()}
    parts = [_rows(one, numbered[one.output][0]).astype(np.int64) for one in columns]
    ends = np.cumsum([len(part) for part in parts])
    return ColumnPlaces(columns[int(np.searchsorted(ends, row, side="right"))].output, np.concatenate(parts))


def form_of(columns: Sequence[Columns], shapes: Shapes, what: str) -> tuple[int, int]:
    """Return how many rows and columns several columns have together.

    Args:
        columns: The columns.
        shapes: The shapes of the head's outputs, batch included.
        what: What messages call them.

    Raises:
        SpecError: They are none of the head's outputs, or do not fit in them, or have unequal counts.
    """
    if not columns:
        raise SpecError(f"its decoder has no {what}")
    forms = [_form(one, shapes, what) for one in columns]
    if len({count for _, count in forms}) > 1:
        raise SpecError(f"the {what} of its decoder have different numbers of columns")
    return sum(rows for rows, _ in forms), forms[0][1]


def _form(columns: Columns, shapes: Shapes, what: str) -> tuple[int, int]:
    shape = shapes.get(columns.output)
    if shape is None:
        raise SpecError(f"the {what} of its decoder are of {columns.output!r}, which is no output of the head")
    if len(shape) < 2:
        raise SpecError(f"the {what} of its decoder need an output with a channel axis, got {shape}")
    channels = shape[1] if columns.channels == "second" else shape[-1]
    width = columns.width or channels
    end = width if columns.count is None else columns.first + columns.count
    if channels % width or not columns.first < end <= width:
        raise SpecError(f"the {what} of its decoder do not fit in the {channels} channels of {columns.output!r}")
    return math.prod(shape[1:]) // width, end - columns.first
