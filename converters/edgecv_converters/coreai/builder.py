"""The graph of a Core AI model as it grows: operands, constants, and the few steps that most operations share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edgecv_converters.coreai.resources import named_constant
from edgecv_converters.mil.dtypes import KINDS, Array
from edgecv_converters.mil.records import Variable

INLINE: Final = 16  # elements: a larger constant, or one below a byte, is kept beside the program
FLOATS: Final = frozenset({"float16", "float32"})
Value = Any  # `coreai.authoring.Value`


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """A tensor that an operation reads: a value of the graph, or a constant.

    Attributes:
        dtype, shape: As the Core ML program declares them.
        value: The value; None of a constant.
        array: The constant; None of a value.
    """

    dtype: str
    shape: tuple[int, ...]
    value: Value = None
    array: Array | None = None

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def constant(self) -> Array:
        """The constant's elements.

        Raises:
            ValueError: Another operation makes the tensor.
        """
        if self.array is None:
            raise ValueError("a parameter that must be a constant is made by another operation")
        return self.array


def constant_operand(array: Array, dtype: str = "") -> Operand:
    """A constant as an operand; `dtype` where it is one that NumPy does not have."""
    return Operand(dtype or array.dtype.name, array.shape, array=array)


class ProgramBuilder:
    """Authors the graph for the functions of single operations (`coreai.ops`).

    Attributes:
        ai: The module `coreai.authoring`.
        made: The variables that the operation being translated makes.
    """

    def __init__(self) -> None:
        import coreai.authoring

        self.ai = coreai.authoring
        self.made: tuple[Variable, ...] = ()
        self._constants: dict[int, tuple[Operand, Value]] = {}
        self._count = 0

    @property
    def dtype(self) -> str:
        """The type that the operation makes."""
        return self.made[0].dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what the operation makes."""
        return sizes_of(self.made[0])

    def raw(self, operand: Operand) -> Value:
        """The operand as a value; a constant is written once, however many operations read it."""
        if operand.array is None:
            return operand.value
        known = self._constants.get(id(operand.array))
        if known is None:
            known = self._constants[id(operand.array)] = operand, self.constant(operand.array, operand.dtype)
        return known[1]

    def constant(self, array: Array, dtype: str = "") -> Value:
        """A constant: a weight or a table."""
        dtype = dtype or array.dtype.name
        if array.size <= INLINE and KINDS[dtype].bits >= 8:
            return self.setting(array.astype(KINDS[dtype].numpy))
        self._count += 1
        return named_constant(f"constant{self._count}", array, dtype)

    def setting(self, values: Any, dtype: str = "") -> Value:
        """A small constant that lies inside the program: a size, an axis, a number."""
        from coreai.authoring.constant import constant

        return constant(np.asarray(values, KINDS[dtype].numpy if dtype else None))

    def axes(self, values: Sequence[int] | Sequence[list[int]] | int) -> Value:
        """An axis, or axes; also any other signed integers."""
        return self.setting(values, "int32")

    def counts(self, values: Sequence[int] | int) -> Value:
        """Integers that are never below zero, such as the sizes of a window."""
        return self.setting(values, "uint32")

    def number(self, value: float, dtype: str) -> Value:
        """A scalar of a type, rounded to it."""
        return self.setting(np.asarray(value).astype(KINDS[dtype].numpy))

    def reshape(self, value: Value, shape: Sequence[int]) -> Value:
        """The same elements in another shape."""
        return self.ai.reshape(value, self.axes(list(shape)))

    def cast(self, value: Value, dtype: str) -> Value:
        """The elements in another type."""
        return self.ai.cast(value, KINDS[dtype].numpy.type)

    def wide(self, operand: Operand) -> Value:
        """The operand in float32 where it is float16: sums and squares of it need the range and the digits."""
        value = self.raw(operand)
        return self.cast(value, "float32") if operand.dtype == "float16" else value

    def narrow(self, value: Value) -> Value:
        """A result that was computed in float32, in the type that the operation declares."""
        return self.cast(value, self.dtype) if self.dtype == "float16" else value

    def pad(self, value: Value, widths: Sequence[int], fill: Value) -> Value:
        """Put `fill` before and after each axis."""
        return self.ai.pad(value, self.counts(list(widths)), fill) if any(widths) else value

    def slice(self, value: Value, parts: Sequence[tuple[int, int, int]]) -> Value:
        """Take of each axis the elements from a first one to before a last one, by steps."""
        first, last, step = (self.axes([part[place] for part in parts]) for place in range(3))
        return self.ai.slice_(value, first, last, step)

    def transpose(self, value: Value, order: Sequence[int]) -> Value:
        """The axes in another order."""
        if list(order) == list(range(len(order))):
            return value
        return self.ai.transpose(value, self.counts(list(order)))


def sizes_of(variable: Variable) -> tuple[int, ...]:
    """A variable's shape.

    Raises:
        ValueError: A dimension is open.
    """
    if None in variable.shape:
        raise ValueError(f"the value {variable.name!r} has an open dimension")
    return tuple(size for size in variable.shape if size is not None)
