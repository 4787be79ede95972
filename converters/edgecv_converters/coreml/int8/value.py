"""A TFLite tensor in the program: one value, in up to two layouts, before and after rounding to its grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from edgecv_converters.tflite.reader import Array, Grid, Shape


class Layout(Enum):
    """The order of a tensor's axes. `FILE` is the TFLite file's; `CHW`, of rank 4 only, has the channels second."""

    FILE = "file"
    CHW = "channels first"


TO_CHW = (0, 3, 1, 2)
TO_FILE = (0, 2, 3, 1)
IMAGE_RANK = 4


@dataclass(slots=True, eq=False)
class Value:
    """A tensor's values. What is missing is made of what is there, once, when an operation wants it.

    Attributes:
        name: What the program's variables are named after.
        shape: As in the file.
        grid: Its scale and int8 zero point; None of a float or index tensor.
        home: The layout that an operation gave it in.
        raw: By layout, the values before they are rounded to the grid.
        integers: By layout, the int8 (or uint8) values.
        reals: By layout and float type, the values after rounding.
    """

    name: str
    shape: Shape
    grid: Grid | None
    home: Layout
    raw: dict[Layout, Any] = field(default_factory=dict)
    integers: dict[Layout, Any] = field(default_factory=dict)
    reals: dict[tuple[Layout, str], Any] = field(default_factory=dict)

    @property
    def is_flat(self) -> bool:
        """Tell whether both layouts have the values in the same order: one row of channels, or a single channel."""
        return len(self.shape) == IMAGE_RANK and (self.shape[1] * self.shape[2] == 1 or self.shape[3] == 1)


def laid_out(shape: Shape, layout: Layout) -> Shape:
    """A shape of the file in another layout."""
    return tuple(shape[axis] for axis in TO_CHW) if layout is Layout.CHW else tuple(shape)


def arranged(array: Array, layout: Layout, rank: int) -> Array:
    """A constant in a layout, with as many axes as an elementwise operation's result has."""
    if layout is not Layout.CHW:
        return array
    return array.reshape((1,) * (rank - array.ndim) + array.shape).transpose(TO_CHW)


def axis_in(axis: int, rank: int, layout: Layout) -> int:
    """Find the place in a layout of an axis of the file, counted from either end."""
    axis = axis % rank
    return TO_CHW.index(axis) if layout is Layout.CHW else axis
