"""An int8 .tflite file read as a network that can be computed: its operations, with the float file's constants.

TensorFlow's converter writes the same operations in the same order to the float32 and the int8 file of one graph, but
for QUANTIZE and DEQUANTIZE. So each constant of the int8 file has a float original, with batch norms folded alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from edgecv_runtime.errors import ConversionError

from edgecv_converters.graph.layers import layer_of_fused
from edgecv_converters.tflite.describe import dtype_of, parsed
from edgecv_converters.tflite.reader import Array, Grid, Op, Shape, TFLiteGraph

CASTS = frozenset({"QUANTIZE", "DEQUANTIZE"})
LARGEST_ROUNDING = 0.51  # of one step, with room for float32's own rounding
PER_CHANNEL = {"CONV_2D": (0, 1, 2, 0), "DEPTHWISE_CONV_2D": (0, 1, 2, 3), "FULLY_CONNECTED": (0, 1, 2, 0)}


class MismatchError(ConversionError):
    """The two files of one graph have a different structure, or the network cannot be computed here."""


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
        dtypes: Of every tensor, by NumPy's names.
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
    dtypes: tuple[str, ...]
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
    ours, theirs = TFLiteGraph(parsed(int8)), TFLiteGraph(parsed(float32))
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
        dtypes=tuple(dtype_of(tensor) for tensor in ours.graph.tensors),
        constants=constants,
        grids=grids,
        products=products,
        twins=twins,
        floats=frozenset(n for n in twins if dtype_of(ours.graph.tensors[n]) == "float32"),
    )


def _names(ours: TFLiteGraph, theirs: TFLiteGraph, twins: Mapping[int, int]) -> Iterator[str]:
    for number, tensor in enumerate(ours.graph.tensors):
        named = theirs.graph.tensors[twins[number]] if number in twins else tensor
        yield named.name.decode()


def _pair(ours: TFLiteGraph, theirs: TFLiteGraph) -> tuple[dict[int, Array], dict[int, int]]:
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
    ours: TFLiteGraph,
    theirs: TFLiteGraph,
    op: Op,
    pair: tuple[int, int],
    twin: Mapping[int, int],
    constants: dict[int, Array],
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
        constants[a] = original.astype(np.float32, copy=False) if original.dtype.kind == "f" else original


def _layer(flat: TFLiteGraph, op: Op) -> str:
    return layer_of_fused(flat.graph.tensors[op.outputs[0]].name.decode())


def _products(flat: TFLiteGraph, constants: Mapping[int, Array]) -> Iterator[WeightedOp]:
    places = PER_CHANNEL | {"TRANSPOSE_CONV": (2, 1, 3, 0)}
    for number, op in enumerate(flat.ops):
        source, weight, bias, axis = places.get(op.kind, (-1, -1, -1, -1))
        if source < 0 or op.inputs[weight] not in constants or op.inputs[source] in constants:
            continue
        if dtype_of(flat.graph.tensors[op.inputs[weight]]) != "int8":
            continue
        given = op.inputs[bias] if len(op.inputs) > bias else -1
        yield WeightedOp(number, op.inputs[source], op.inputs[weight], given if given >= 0 else None, axis)


def _check_weights(flat: TFLiteGraph, constants: Mapping[int, Array], products: Sequence[WeightedOp]) -> None:
    """The converter rounds each weight to its nearest step: what is farther away is not the same weight."""
    for product in products:
        scales = np.asarray(flat.graph.tensors[product.weight].quantization.scale, np.float32)
        shape = [-1 if i == product.axis and len(scales) > 1 else 1 for i in range(constants[product.weight].ndim)]
        distance = np.abs(flat.dequantized(product.weight) - constants[product.weight]) / scales.reshape(shape)
        if distance.max(initial=0.0) > LARGEST_ROUNDING:
            op = flat.ops[product.op]
            raise MismatchError(f"the weight of {op.kind} of {_layer(flat, op)} is another one in the int8 file")
