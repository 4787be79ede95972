"""An int8 .tflite file read as a network that can be computed: its operations, with the float file's constants.

TensorFlow's converter writes the same operations in the same order to the float32 and the int8 file of one graph, but
for QUANTIZE and DEQUANTIZE. So each constant of the int8 file has a float original, with batch norms folded alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import ConversionError

from edgecv_converters.graph.layers import layer_of_fused
from edgecv_converters.tflite.describe import builtin_name, dtype_of, load

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
CASTS = frozenset({"QUANTIZE", "DEQUANTIZE"})
LARGEST_ROUNDING = 0.51  # of one step, with room for float32's own rounding
PER_CHANNEL = {"CONV_2D": (0, 1, 2, 0), "DEPTHWISE_CONV_2D": (0, 1, 2, 3), "FULLY_CONNECTED": (0, 1, 2, 0)}


class MismatchError(ConversionError):
    """The two files of one graph have a different structure, or the network cannot be computed here."""


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
        integers = np.clip(np.rint(values / self.scale) + self.zero, -128, 127)
        found: Array = (integers - self.zero) * self.scale
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """One operation. `dead` are the tensors that nothing needs after it; -1 stands for an input that is not given."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any
    dead: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class WeightedOp:
    """A convolution or dense operation whose weight is constant: tensor numbers, the weight's channel axis."""

    op: int
    source: int
    weight: int
    bias: int | None
    axis: int


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """The int8 file's operations and tensors by their numbers there.

    Attributes:
        ops: In order.
        inputs: Of the file, in its order; so are `outputs`.
        names: Of every tensor; of activations those in the float file, which carry no number to tell them apart.
        shapes: Of every tensor, batch 1.
        constants: Values of the constant tensors: floats as in the float32 file, integers (axes, shapes) as they are.
        grids: Of every int8 activation, as the int8 file has it.
        products: What has weights per channel and a bias.
        twins: The float file's tensor of each activation.
        floats: The activations that are float32 in the int8 file too.
    """

    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    constants: Mapping[int, Array]
    grids: Mapping[int, Grid]
    products: tuple[WeightedOp, ...]
    twins: Mapping[int, int]
    floats: frozenset[int]

    def layer(self, tensor: int) -> str:
        """The source model's layer that a tensor comes from."""
        return layer_of_fused(self.names[tensor])

    def maker(self, tensor: int) -> Op | None:
        """The operation that gives a tensor's values, behind any casts; None of an input."""
        found = next((op for op in self.ops if tensor in op.outputs), None)
        return self.maker(found.inputs[0]) if found is not None and found.kind in CASTS else found


def read_network(int8: bytes, float32: bytes, *, plain: bool = True) -> Network:
    """Pair the two files that the converter wrote of one graph; not `plain`, the int8 file was changed since.

    Raises:
        MismatchError: They differ in more than quantization; the message says where.
    """
    ours, theirs = Flat(load(int8)), Flat(load(float32))
    constants, twins = _pair(ours, theirs)
    grids = {
        number: ours.grid(number)
        for number, tensor in enumerate(ours.graph.tensors)
        if number not in constants and dtype_of(tensor) == "int8"
    }
    products = tuple(_products(ours, constants))
    if plain:
        _check_weights(ours, constants, products)
    return Network(
        ops=ours.ops,
        inputs=tuple(map(int, ours.graph.inputs)),
        outputs=tuple(map(int, ours.graph.outputs)),
        names=tuple(_names(ours, theirs, twins)),
        shapes=tuple(ours.shape(number) for number in range(len(ours.graph.tensors))),
        constants=constants,
        grids=grids,
        products=products,
        twins=twins,
        floats=frozenset(n for n in twins if dtype_of(ours.graph.tensors[n]) == "float32"),
    )


def _names(ours: Flat, theirs: Flat, twins: Mapping[int, int]) -> Iterator[str]:
    for number, tensor in enumerate(ours.graph.tensors):
        named = theirs.graph.tensors[twins[number]] if number in twins else tensor
        yield named.name.decode()


class Flat:
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

    def is_constant(self, number: int) -> bool:
        """Whether the file holds the tensor's values."""
        data = self.model.buffers[self.graph.tensors[number].buffer].data
        return data is not None and len(data) > 0

    def value(self, number: int) -> Array:
        """A constant as the file holds it."""
        tensor = self.graph.tensors[number]
        data = np.asarray(self.model.buffers[tensor.buffer].data, np.uint8)
        return np.frombuffer(data.tobytes(), dtype_of(tensor)).reshape(self.shape(number))

    def dequantized(self, number: int) -> Array:
        """An integer constant's real values, float32."""
        quantization = self.graph.tensors[number].quantization
        scales = np.asarray(quantization.scale, np.float32)
        zero = np.asarray(quantization.zeroPoint, np.int64)
        axis = int(quantization.quantizedDimension or 0)
        values = self.value(number)
        shape = [-1 if i == axis and len(scales) > 1 else 1 for i in range(values.ndim)]
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


def _pair(ours: Flat, theirs: Flat) -> tuple[dict[int, Array], dict[int, int]]:
    """The float values of our constants, and the counterparts of our activations.

    Checks that every operation reads what its counterpart reads.
    """
    twin = dict(zip(map(int, ours.graph.inputs), map(int, theirs.graph.inputs), strict=True))
    constants: dict[int, Array] = {}
    others = iter(op for op in theirs.ops if op.kind not in CASTS)
    for op in ours.ops:
        if op.kind in CASTS:
            twin[op.outputs[0]] = twin[op.inputs[0]]
            continue
        other = next(others, None)
        if other is None or other.kind != op.kind or len(other.outputs) != len(op.outputs):
            raise MismatchError(f"the float and the int8 file differ at {op.kind} of {_layer(ours, op)}")
        for a, b in zip(op.inputs, (*other.inputs, -1), strict=False):
            _pair_operand(ours, theirs, op, (a, b), twin, constants)
        twin |= dict(zip(op.outputs, other.outputs, strict=True))
    return constants, twin


def _pair_operand(
    ours: Flat, theirs: Flat, op: Op, pair: tuple[int, int], twin: Mapping[int, int], constants: dict[int, Array]
) -> None:
    a, b = pair
    if a < 0:
        if b >= 0:
            raise MismatchError(f"{op.kind} of {_layer(ours, op)} lost an operand in the int8 file")
    elif not ours.is_constant(a):
        if twin.get(a) != b:
            raise MismatchError(f"{op.kind} of {_layer(ours, op)} reads another tensor in the int8 file")
    else:
        original = np.zeros(ours.shape(a), np.float32) if b < 0 else theirs.value(b)
        if original.shape != ours.shape(a):
            raise MismatchError(f"a constant of {op.kind} of {_layer(ours, op)} has another shape in the int8 file")
        constants[a] = original.astype(np.float32) if original.dtype.kind == "f" else original


def _layer(flat: Flat, op: Op) -> str:
    return layer_of_fused(flat.graph.tensors[op.outputs[0]].name.decode())


def _products(flat: Flat, constants: Mapping[int, Array]) -> Iterator[WeightedOp]:
    places = PER_CHANNEL | {"TRANSPOSE_CONV": (2, 1, 3, 0)}
    for number, op in enumerate(flat.ops):
        source, weight, bias, axis = places.get(op.kind, (-1, -1, -1, -1))
        if source < 0 or op.inputs[weight] not in constants or op.inputs[source] in constants:
            continue
        if dtype_of(flat.graph.tensors[op.inputs[weight]]) != "int8":
            continue
        given = op.inputs[bias] if len(op.inputs) > bias else -1
        yield WeightedOp(number, op.inputs[source], op.inputs[weight], given if given >= 0 else None, axis)


def _check_weights(flat: Flat, constants: Mapping[int, Array], products: Sequence[WeightedOp]) -> None:
    """The converter rounds each weight to its nearest step: what is farther away is not the same weight."""
    for product in products:
        scales = np.asarray(flat.graph.tensors[product.weight].quantization.scale, np.float32)
        shape = [-1 if i == product.axis and len(scales) > 1 else 1 for i in range(constants[product.weight].ndim)]
        distance = np.abs(flat.dequantized(product.weight) - constants[product.weight]) / scales.reshape(shape)
        if distance.max(initial=0.0) > LARGEST_ROUNDING:
            op = flat.ops[product.op]
            raise MismatchError(f"the weight of {op.kind} of {_layer(flat, op)} is another one in the int8 file")
