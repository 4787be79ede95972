"""A convolution of few channels reads several columns as one of more channels: ONNX Runtime's kernels work in fours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecv_converters.onnx.edit import DEQUANTIZE, INSIDE, QUANTIZE, Index, OnnxPass, add_constant, fresh, shapes
from edgecv_converters.onnx.int8.kernels import PACK, POSITIONS, UNITS

_MORE_PRODUCTS = 2000  # for each position, or half as many again: what fewer and fuller rows are worth
_MORE_BYTES = 1 << 15  # of a weight, mostly zeros
_LAST = (0, 2, 3, 1)  # channels last, as the kernels read and write
_FIRST = (0, 3, 1, 2)


def apply(model: Any) -> Any:
    """Write a Conv between casts as one of `taken` columns at once, which gives `given` columns of its result at once.

    Columns beside each other become channels (space to depth along the width, as in MLPerf's ResNet50 on TPUs: Ying &
    al., "Image Classification at Supercomputer Scale", 2018). With channels last that is a Reshape, which moves
    nothing. The weights are put where their column is now, and are 0 elsewhere, so the sums stay the same. A
    convolution whose channels do not come in fours, or that gives fewer than 16, takes 1.3 to 7 times as long without
    it (ONNX Runtime 1.31, AVX512-VNNI); those that would compute too many zeros are left as they are.
    """
    graph = model.graph
    known = shapes(model)
    index = Index.of(graph)
    for conv in [node for node in graph.node if node.op_type == "Conv"]:
        quantized = _QuantizedConv.of(index, conv, known)
        columns = None if quantized is None else _columns(quantized)
        if quantized is not None and columns is not None:
            _rewrite(index, quantized, columns)
            index = Index.of(graph)
    return model


@dataclass(frozen=True, slots=True)
class _QuantizedConv:
    """A convolution between casts, and what has to be known to rewrite it.

    Attributes:
        conv: The Conv.
        source: The DequantizeLinear of its input.
        parts: The DequantizeLinear of its weight, and that of its bias where it has one.
        quantize: The QuantizeLinear of its result.
        values: The integers of the weight, (units, channels, height, width), and of the bias.
        before: The shape of its input, channels first.
        after: The shape of its result, channels first.
        stride: Its step along the width.
        left: The columns of zeros before the first.
    """

    conv: Any
    source: Any
    parts: Sequence[Any]
    quantize: Any
    values: Sequence[np.ndarray]
    before: tuple[int, ...]
    after: tuple[int, ...]
    stride: int
    left: int

    @classmethod
    def of(cls, index: Index, conv: Any, known: Mapping[str, tuple[int, ...]]) -> _QuantizedConv | None:
        """Describe `conv`; None where it is not one that can be rewritten."""
        source, *makers = (index.maker(name, DEQUANTIZE) for name in conv.input)
        quantize = index.only_reader(conv.output[0], QUANTIZE)
        before, after = known.get(conv.input[0], ()), known.get(conv.output[0], ())
        parts = [part for part in makers if part is not None and len(index.readers(part.output[0])) == 1]
        values = [value for part in parts if (value := index.value(part.input[0])) is not None]
        if source is None or quantize is None or len(values) != len(makers) or len(before) != 4 or len(after) != 4:
            return None
        if values[0].dtype != np.int8 or index.quantization(parts[0])[1].any():
            return None
        if len(index.readers(parts[0].input[0])) != 1:  # a copy for each reader would lose what sharing saves
            return None
        if index.quantization(source)[0].size != 1 or index.quantization(quantize)[0].size != 1:
            return None
        given = {a.name: list(a.ints) or a.i for a in conv.attribute if a.name != "auto_pad"}
        if given.get("group", 1) != 1 or given.get("dilations", [1, 1])[1] != 1 or _pads_by_name(conv):
            return None
        stride, left = given.get("strides", [1, 1])[1], given.get("pads", [0, 0])[1]
        return cls(conv, source, parts, quantize, values, before, after, stride, left)


def _pads_by_name(conv: Any) -> bool:
    return any(a.name == "auto_pad" and a.s not in {b"", b"NOTSET"} for a in conv.attribute)


@dataclass(frozen=True, slots=True)
class _JoinedColumns:
    """The number of columns that become one, and what has to be added so that whole ones come out.

    Attributes:
        given: Columns of the result that come at once.
        taken: Columns of the input that are one column now.
        width: The width of the kernel in such columns.
        filled: Columns of zeros to write after the last, so that whole ones come out.
        right: Columns of joined zeros that the convolution itself adds.
    """

    given: int
    taken: int
    width: int
    filled: int
    right: int


def _columns(quantized: _QuantizedConv) -> _JoinedColumns | None:
    """The fewest columns at once that make the kernels fast; None where they are, or where it costs too much.

    Where they would make the weight too large, fewer are taken, which help as well.
    """
    units, channels = quantized.values[0].shape[:2]
    if math.prod(quantized.after[2:]) < POSITIONS or (channels % PACK == 0 and units >= UNITS):
        return None
    found = None
    for given in range(1, UNITS + 1):
        taken = given * quantized.stride
        if quantized.after[3] % given or taken * channels % PACK or taken == 1 or given * units < PACK:
            continue
        joined = _joined(quantized, given, taken)
        found = joined if joined is not None and _pays(quantized, joined) else found
        if given * units >= UNITS:
            break
    return found


def _joined(quantized: _QuantizedConv, given: int, taken: int) -> _JoinedColumns | None:
    width = -(-(quantized.stride * (given - 1) + quantized.values[0].shape[3]) // taken)
    present = quantized.left + quantized.before[3]
    whole = -(-present // taken)
    right = quantized.after[3] // given + width - 1 - whole
    return None if right < 0 else _JoinedColumns(given, taken, width, whole * taken - present, right)


def _pays(quantized: _QuantizedConv, columns: _JoinedColumns) -> bool:
    """Tell whether few products and bytes are added; the kernels compute whole packs of channels and of units."""
    units, channels, *kernel = quantized.values[0].shape
    before = max(units, UNITS) * math.prod(kernel) * _whole(channels, PACK)
    inside = kernel[0] * columns.width * columns.taken * channels
    after = _whole(columns.given * units, UNITS) * inside / columns.given
    few = after <= before + max(_MORE_PRODUCTS, before / 2)
    return bool(few and columns.given * units * inside <= quantized.values[0].size + _MORE_BYTES)


def _whole(count: int, pack: int) -> int:
    return -(-count // pack) * pack


def _rewrite(index: Index, quantized: _QuantizedConv, columns: _JoinedColumns) -> None:
    from onnx import helper

    graph = index.graph
    conv, (batch, channels, height, _), (_, units, rows, width) = quantized.conv, quantized.before, quantized.after
    chain = _Chain(graph, conv.name.partition(";")[0])  # of all that TFLite fused, the first
    taken = chain.add("taken_last", "Transpose", quantized.source.input[0], perm=_LAST)
    if quantized.left or columns.filled:
        amounts = np.array([0, 0, quantized.left, 0, 0, 0, columns.filled, 0], np.int64)
        taken = chain.add("padded", "Pad", taken, chain.constant("amounts", amounts), quantized.source.input[2])
    joined = [
        batch,
        height,
        (quantized.left + quantized.before[3] + columns.filled) // columns.taken,
        columns.taken * channels,
    ]
    taken = chain.add("taken_columns", "Reshape", taken, chain.constant("taken_shape", np.array(joined, np.int64)))
    taken = chain.add("taken", "Transpose", taken, perm=_FIRST)
    conv.input[0] = chain.add("real", DEQUANTIZE, taken, *quantized.source.input[1:])
    _rewrite_parts(index, quantized, columns)
    given = {a.name: helper.get_attribute_value(a) for a in conv.attribute}
    top, _, bottom, _ = given.get("pads", [0, 0, 0, 0])
    given |= {"pads": [top, 0, bottom, columns.right], "strides": [given.get("strides", [1, 1])[0], 1]}
    given["kernel_shape"] = [quantized.values[0].shape[2], columns.width]
    del conv.attribute[:]
    conv.attribute.extend(helper.make_attribute(name, value) for name, value in sorted(given.items()))
    result = quantized.quantize.output[0]
    quantized.quantize.name = quantized.quantize.output[0] = chain.free("given")
    split = chain.constant("given_shape", np.array([batch, rows, width, units], np.int64))
    last = chain.add("given_last", "Transpose", quantized.quantize.output[0], perm=_LAST)
    last = chain.add("given_columns", "Reshape", last, split)
    graph.node.append(helper.make_node("Transpose", [last], [result], name=result, perm=_FIRST))


def _rewrite_parts(index: Index, quantized: _QuantizedConv, columns: _JoinedColumns) -> None:
    """Give the weight its joined form, and each number of a channel to all columns that come at once."""
    weight, *rest = quantized.values
    joined = [joined_weight(weight, columns.given, quantized.stride, columns.width)]
    joined += [np.tile(value, columns.given) for value in rest]
    for part, value in zip(quantized.parts, joined, strict=True):
        held = [value]
        held += [np.tile(each, columns.given) if each.ndim else each for each in index.quantization(part)]
        for position, each in enumerate(held):
            part.input[position] = add_constant(index.graph, part.input[position], each)


def joined_weight(weight: np.ndarray, given: int, stride: int, width: int) -> np.ndarray:
    """The weight of a convolution that takes `given * stride` columns as one and gives `given` columns at once.

    Args:
        weight: int8, (units, channels, height, columns).
        given: Columns of the result that come at once, in the order of the new units.
        stride: The old step along the width; the new one is 1.
        width: The width of the new kernel.

    Returns:
        int8, (given * units, given * stride * channels, height, width).
    """
    units, channels, height, columns = weight.shape
    taken = given * stride
    spread = np.zeros((given, units, channels, height, width * taken), weight.dtype)
    for column in range(given):
        spread[column, ..., column * stride : column * stride + columns] = weight
    parts = spread.reshape(given, units, channels, height, width, taken)
    return np.ascontiguousarray(parts.transpose(0, 1, 5, 2, 3, 4).reshape(given * units, -1, height, width))


@dataclass(frozen=True, slots=True)
class _Chain:
    """Adds nodes to a graph, named after the one that they are for, and so that they pass for no layer."""

    graph: Any
    name: str

    def free(self, role: str) -> str:
        """A free name for a part."""
        return fresh(self.graph, f"{self.name}_{role}", INSIDE)

    def add(self, role: str, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        from onnx import helper

        output = self.free(role)
        self.graph.node.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, role: str, value: np.ndarray) -> str:
        """Add a constant, and return its name."""
        return add_constant(self.graph, f"{self.name}_{role}", value)


SPACE_TO_DEPTH = OnnxPass("space_to_depth", apply)
