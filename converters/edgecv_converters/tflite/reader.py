"""A .tflite file read as a graph: its operations, constants and quantization grids, by tensor numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_converters.tflite.describe import builtin_name, dtype_of

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """The int8 values of a tensor stand for (q - zero) * scale, q in -128..127."""

    scale: float
    zero: int

    @property
    def low(self) -> float:
        """The smallest real value."""
        return (-128 - self.zero) * self.scale

    @property
    def high(self) -> float:
        """The largest real value."""
        return (127 - self.zero) * self.scale

    def nearest(self, values: Array) -> Array:
        """Real values, any shape, rounded to the grid; those outside of it to its ends."""
        found: Array = np.asarray(values / self.scale)
        np.rint(found, out=found)
        found += self.zero
        np.minimum(np.maximum(found, -128, out=found), 127, out=found)
        found -= self.zero
        found *= self.scale
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """One operation. `dead` are the tensors that nothing needs after it; -1 stands for an input that is not given."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any
    dead: tuple[int, ...] = ()


class TFLiteGraph:
    """A flatbuffer's first graph with its operations and constants at hand."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.graph = model.subgraphs[0]
        self.ops = tuple(self._ops())

    def shape(self, number: int) -> Shape:
        """A tensor's sizes; () of a scalar."""
        shape = self.graph.tensors[number].shape
        return () if shape is None else tuple(int(size) for size in shape)

    def grid(self, number: int) -> Grid:
        """An activation's scale and zero point."""
        quantization = self.graph.tensors[number].quantization
        return Grid(float(quantization.scale[0]), int(quantization.zeroPoint[0]))

    def is_quantized(self, number: int) -> bool:
        """Tell whether a tensor has a scale."""
        quantization = self.graph.tensors[number].quantization
        return quantization is not None and quantization.scale is not None and len(quantization.scale) > 0

    def is_index(self, number: int) -> bool:
        """Tell whether a tensor holds integers that stand for themselves: ids, bytes, indices."""
        return np.dtype(dtype_of(self.graph.tensors[number])).kind in "iu" and not self.is_quantized(number)

    def is_constant(self, number: int) -> bool:
        """Tell whether the file holds the tensor's values."""
        data = self.model.buffers[self.graph.tensors[number].buffer].data
        return data is not None and len(data) > 0

    def value(self, number: int) -> Array:
        """A constant as the file holds it: the file's own memory, for reading only."""
        tensor = self.graph.tensors[number]
        data = np.ascontiguousarray(self.model.buffers[tensor.buffer].data, np.uint8)
        return np.frombuffer(data.data, dtype_of(tensor)).reshape(self.shape(number))

    def dequantized(self, number: int) -> Array:
        """An integer constant's real values, float32."""
        quantization = self.graph.tensors[number].quantization
        scales = np.asarray(quantization.scale, np.float32)
        zero = np.asarray(quantization.zeroPoint, np.int64)
        axis = int(quantization.quantizedDimension or 0)
        values = self.value(number)
        shape = [-1 if i == axis and len(scales) > 1 else 1 for i in range(values.ndim)]
        if values.dtype.itemsize <= 2:  # differences are exact in float32, and the product is rounded once
            small = values.astype(np.float32)
            small -= zero.reshape(shape).astype(np.float32)
            small *= scales.reshape(shape)
            return small.reshape(values.shape)
        real: Array = (values.astype(np.int64) - zero.reshape(shape)) * scales.reshape(shape).astype(np.float64)
        return real.astype(np.float32).reshape(values.shape)

    def _ops(self) -> Iterator[Op]:
        found = [
            (builtin_name(self.model, op), tuple(map(int, op.inputs)), tuple(map(int, op.outputs)), op.builtinOptions)
            for op in self.graph.operators
        ]
        last: dict[int, int] = {}
        for number, (_, inputs, outputs, _) in enumerate(found):
            last |= dict.fromkeys((*inputs, *outputs), number)
        kept = set(map(int, self.graph.outputs)) | {-1}
        for number, (kind, inputs, outputs, options) in enumerate(found):
            dead = {t for t in (*inputs, *outputs) if last[t] == number and t not in kept and not self.is_constant(t)}
            yield Op(kind, inputs, outputs, options, tuple(sorted(dead)))
