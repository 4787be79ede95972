"""All numbers of one int8 quantization: what the file holds, and what the steps make better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import ConversionError

from edgecv_converters.quantize.network import Network, WeightedOp
from edgecv_converters.tflite.describe import dtype_of, load, parsed
from edgecv_converters.tflite.reader import Array, Grid, TFLiteGraph
from edgecv_converters.tflite.write import packed

Floats = npt.NDArray[np.float32]
LARGEST_BIAS = 2.0**30  # an int32 accumulator has to hold the sum of products as well


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """A weight on its grid: real value = integers * scales, one scale for each channel along `axis` (or for all)."""

    integers: npt.NDArray[np.int8]
    scales: Floats
    axis: int

    def real(self) -> Floats:
        """The real values."""
        steps = spread(self.scales, self.axis, self.integers.ndim)
        real: Floats = np.multiply(self.integers, steps, dtype=np.float32)
        return real


class BiasRoomError(ConversionError):
    """A bias does not fit into an int32 at the scales of its input and weights."""


@dataclass(frozen=True, slots=True, eq=False)
class Scheme:
    """One quantization of a network, by tensor numbers.

    Attributes:
        grids: Of every int8 activation.
        weights: Of every product.
        biases: Real values, float64; the file holds them in steps of input scale * weight scale.
        operands: Real values of the other constants, as the file has them.
    """

    grids: Mapping[int, Grid]
    weights: Mapping[int, Weights]
    biases: Mapping[int, npt.NDArray[np.float64]]
    operands: Mapping[int, Array]

    def constants(self) -> dict[int, Any]:
        """Every constant's real value, as the int8 file computes with it."""
        weights = {number: weight.real() for number, weight in self.weights.items()}
        biases = {number: bias.astype(np.float32) for number, bias in self.biases.items()}
        return {**self.operands, **weights, **biases}

    def with_grids(self, grids: Mapping[int, Grid]) -> Scheme:
        """Return the scheme with other grids for some tensors."""
        return replace(self, grids={**self.grids, **grids})

    def with_weights(self, weights: Mapping[int, Weights]) -> Scheme:
        """Return the scheme with other weights for some operations."""
        return replace(self, weights={**self.weights, **weights})

    def with_biases(self, biases: Mapping[int, npt.NDArray[np.float64]]) -> Scheme:
        """Return the scheme with other biases for some operations."""
        return replace(self, biases={**self.biases, **biases})


def spread(scales: npt.NDArray[Any], axis: int, rank: int) -> npt.NDArray[Any]:
    """Scales in a shape that multiplies a weight of `rank` axes along `axis`."""
    return scales.reshape([-1 if i == axis and scales.size > 1 else 1 for i in range(rank)])


def read_scheme(network: Network, data: bytes) -> Scheme:
    """The scheme that an int8 file of this network holds: the plain one, or one that `write_scheme` made."""
    flat = TFLiteGraph(parsed(data))
    grids = {number: flat.grid(number) for number in network.grids}
    weights, biases = {}, {}
    for product in network.products:
        scales = np.asarray(flat.graph.tensors[product.weight].quantization.scale, np.float32)
        weights[product.weight] = Weights(flat.value(product.weight).astype(np.int8, copy=False), scales, product.axis)
        if product.bias is not None:
            step = _bias_scales(grids[product.source], scales).astype(np.float64)
            biases[product.bias] = flat.value(product.bias).astype(np.float64) * step
    operands = {}
    for number, value in network.constants.items():
        if number not in weights and number not in biases:
            integers = value.dtype.kind == "f" and dtype_of(flat.graph.tensors[number]) != "float32"
            operands[number] = flat.dequantized(number) if integers else value
    return Scheme(grids, weights, biases, operands)


def _bias_scales(grid: Grid, scales: Floats) -> Floats:
    return np.float32(grid.scale) * scales


def write_scheme(network: Network, data: bytes, scheme: Scheme) -> bytes:
    """Write the numbers of `scheme` into a file: the operations, tensors and sizes stay.

    Raises:
        BiasRoomError: A bias does not fit into an int32.
    """
    model = load(data)
    file = FileEdit(model)
    for number, grid in scheme.grids.items():
        file.set_grid(number, np.array([grid.scale], np.float32), np.array([grid.zero], np.int64))
    for product in network.products:
        weights = scheme.weights[product.weight]
        file.set_data(product.weight, weights.integers)
        file.set_grid(product.weight, weights.scales, np.zeros(len(weights.scales), np.int64))
        write_bias(network, file, product, scheme)
    return packed(model, len(data) + 1024)


def write_bias(network: Network, file: FileEdit, product: WeightedOp, scheme: Scheme) -> None:
    """Write the bias of one product, if it has one, in steps of its input's scale * its weights' scales.

    Raises:
        BiasRoomError: It does not fit into an int32.
    """
    if product.bias is None:
        return
    steps = _bias_scales(scheme.grids[product.source], scheme.weights[product.weight].scales)
    integers = np.rint(scheme.biases[product.bias] / steps.astype(np.float64))
    if np.abs(integers).max(initial=0) >= 2**31:
        raise BiasRoomError(f"the bias of layer {network.layer(product.weight)} does not fit into an int32")
    file.set_data(product.bias, integers.astype(np.int32))
    file.set_grid(product.bias, steps, np.zeros(len(steps), np.int64))


class FileEdit:
    """Changes tensors of a flatbuffer; equal data shares one buffer, as in what the converter writes."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._tensors = model.subgraphs[0].tensors
        self._readers: dict[int, set[int]] = {}
        for number, tensor in enumerate(self._tensors):
            self._readers.setdefault(tensor.buffer, set()).add(number)
        self._known: dict[bytes, int] = {}

    def set_grid(self, number: int, scales: Floats, zeros: npt.NDArray[np.int64]) -> None:
        """Give a tensor other scales and zero points."""
        quantization = self._tensors[number].quantization
        quantization.scale, quantization.zeroPoint = scales, zeros

    def set_data(self, number: int, values: npt.NDArray[Any]) -> None:
        """Give a constant other values, of the same dtype and shape."""
        tensor, data = self._tensors[number], np.ascontiguousarray(values).tobytes()
        held = self._model.buffers[tensor.buffer]
        if bytes(np.asarray(held.data, np.uint8)) == data:
            return
        readers = self._readers[tensor.buffer]
        if len(readers) == 1:
            held.data = np.frombuffer(data, np.uint8)
            return
        readers.discard(number)
        if data not in self._known:
            self._known[data] = len(self._model.buffers)
            self._model.buffers.append(type(held)(data=np.frombuffer(data, np.uint8)))
        tensor.buffer = self._known[data]
        self._readers.setdefault(tensor.buffer, set()).add(number)
