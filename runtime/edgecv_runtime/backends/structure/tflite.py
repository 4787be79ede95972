"""Checks that a .tflite file is whole: LiteRT believes every number in one, and a wrong one ends the process.

Checked are the bounds of every table, the indices of tensors, buffers and operators, shapes against the bytes of
constants, scales, and the options that kernels divide by. Constants are not read, so that the time does not depend on
their size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from edgecv_runtime.backends.structure.damage import DamageError, examine
from edgecv_runtime.backends.structure.flatbuffer import Flatbuffer, Table
from edgecv_runtime.backends.structure.tflite_ops import (
    COUNTS_INPUTS,
    COUNTS_OUTPUTS,
    MANY,
    OPERATORS,
    OPTIONS,
    Operands,
)

IDENTIFIER: Final = b"TFL3"
MOST_ELEMENTS: Final = 1 << 28  # of one tensor
MOST_AXES: Final = 8
MOST_STEP: Final = 1 << 16  # of a stride, a dilation, a window or a count in options
LEAST: Final = {"p": 1, "d": 1, "n": 0}  # of a field of options (see tflite_ops.OPTIONS)
NO_TENSOR: Final = -1  # in place of an input that is left out
LARGEST_SCALE: Final = 1e30

# Bits of an element by the number of its dtype, and the range of those that are quantized.
_BITS: Final = {
    0: 32,
    1: 16,
    2: 32,
    3: 8,
    4: 64,
    6: 8,
    7: 16,
    8: 64,
    9: 8,
    10: 64,
    12: 64,
    15: 32,
    16: 16,
    17: 4,
    18: 16,
}
_FLOAT32: Final = 0
_INT32: Final = 2
_INT16: Final = 7
FLOAT_ONLY: Final = frozenset({80})  # FAKE_QUANT aborts on any other
SUMS: Final = frozenset({0, 41})  # ADD and SUB
NORMAL_SCALES: Final = frozenset(
    {126}
)  # BATCH_MATMUL; others take the zeros that converters give to constants of zeros
SMALLEST_NORMAL: Final = 2.0**-126  # of float32
COMPARISONS: Final = frozenset({58, 61, 62, 63, 71, 72})  # LESS to NOT_EQUAL
SUMS_SHIFTED: Final = {3: 20, 9: 20, _INT16: 15}  # bits by which their kernels shift operands, by dtype
_RANGES: Final = {3: (0, 255), 9: (-128, 127), 7: (-32768, 32767), 2: (0, 0), 4: (0, 0), 17: (-8, 7)}


class _Tensor(NamedTuple):
    shape: tuple[int, ...]
    dtype: int
    buffer: int
    scale: float | None  # the smallest, where it has one a channel


def check_tflite(path: Path, name: str) -> None:
    """Refuse a file that is damaged, or has what no file of edgecv has.

    Args:
        path: The file.
        name: What messages call it.

    Raises:
        BundleError: It is so; or it cannot be read.
    """
    examine(path, name, lambda data: _check_model(Flatbuffer(data)))


def _check_model(file: Flatbuffer) -> None:
    model = file.root(IDENTIFIER)
    if model.has(8) or model.has(9):
        raise DamageError("it takes constants from other files")
    buffers = [_buffer_bytes(buffer) for buffer in model.tables(4)]
    graphs = model.tables(2)
    if len(graphs) != 1:
        raise DamageError(f"it has {len(graphs)} graphs, where one is the rule")
    if not buffers or buffers[0]:
        raise DamageError("its first buffer must be empty")
    model.text(3)
    for index in model.numbers(5, "i"):
        _within(index, len(buffers), "buffer")
    for entry in model.tables(6):
        entry.text(0)
        _within(entry.scalar(1, "I"), len(buffers), "buffer")
    operators = [_number(code) for code in model.tables(1)]
    tensors = _check_graph(graphs[0], buffers, operators)
    for signature in model.tables(7):
        _check_signature(signature, tensors)


def _buffer_bytes(buffer: Table) -> int:
    if buffer.scalar(1, "Q") > 1 or buffer.scalar(2, "Q") > 1:  # 0 and 1 mean that the bytes are in the table
        raise DamageError("a buffer lies behind the tables, as in files over 2 GB")
    return buffer.span(0, 1)[1]


def _number(code: Table) -> int:
    """The number of an operator that the file uses."""
    number: int = max(code.scalar(0, "b"), code.scalar(3, "i"))
    if number not in OPERATORS or code.text(1):
        raise DamageError(f"it has the operator {code.text(1) or number}, which no file of edgecv has")
    return number


def _check_graph(graph: Table, buffers: Sequence[int], operators: Sequence[int]) -> int:
    """Check the only graph; the count of its tensors."""
    tensors = [_check_tensor(tensor, buffers) for tensor in graph.tables(0)]
    inputs, outputs = graph.numbers(1, "i"), graph.numbers(2, "i")
    graph.text(4)
    if not inputs or not outputs:
        raise DamageError("its graph has no input or no output")
    for index in (*inputs, *outputs):
        _within(index, len(tensors), "tensor")
    if any(tensors[index].buffer and buffers[tensors[index].buffer] for index in inputs):
        raise DamageError("an input of its graph is a constant")
    written = {number for number, tensor in enumerate(tensors) if buffers[tensor.buffer]} | set(inputs)
    if len(set(inputs)) < len(inputs):
        raise DamageError("an input of its graph is listed twice")
    for operator in graph.tables(3):
        _check_operator(operator, operators, tensors, written)
    if not written.issuperset(outputs):
        raise DamageError("no operator makes an output of its graph")
    return len(tensors)


def _check_tensor(tensor: Table, buffers: Sequence[int]) -> _Tensor:
    name = tensor.text(3)
    shape, dtype, buffer = tensor.numbers(0, "i"), tensor.scalar(1, "b"), tensor.scalar(2, "I")
    if dtype not in _BITS:
        raise DamageError(f"the tensor {name!r} has the dtype {dtype}, which no file of edgecv has")
    if tensor.has(6) or tensor.has(9) or tensor.scalar(10, "I"):
        raise DamageError(f"the tensor {name!r} is sparse, a variant, or in another file")
    smallest = 0 if dtype == _INT32 else 1  # an empty list of axes is a constant of no number
    if len(shape) > MOST_AXES or min(shape, default=1) < smallest or math.prod(shape) > MOST_ELEMENTS:
        raise DamageError(f"the tensor {name!r} has the shape {shape}")
    signature = tensor.numbers(7, "i")
    if signature and len(signature) != len(shape):
        raise DamageError(f"the tensor {name!r} has the shapes {shape} and {signature}")
    _within(buffer, len(buffers), "buffer")
    size = (math.prod(shape) * _BITS[dtype] + 7) // 8
    if buffers[buffer] not in {0, size} or (buffers[buffer] and tensor.scalar(5, "b")):
        raise DamageError(f"the tensor {name!r} needs {size} bytes, its buffer has {buffers[buffer]}")
    quantization = tensor.table(4)
    scales = () if quantization is None else _check_quantization(quantization, name, shape, dtype)
    return _Tensor(shape, dtype, buffer, min(scales, default=None))


def _check_quantization(quantization: Table, name: str, shape: tuple[int, ...], dtype: int) -> tuple[float, ...]:
    """Check how a tensor is quantized; its scales."""
    quantization.numbers(0, "f")
    quantization.numbers(1, "f")
    scales, zeros, axis = quantization.numbers(2, "f"), quantization.numbers(3, "q"), quantization.scalar(6, "i")
    if quantization.scalar(4, "B") or quantization.has(5):
        raise DamageError(f"the tensor {name!r} is quantized in a way that no file of edgecv is")
    if not scales and not zeros:
        return ()
    if not (math.isfinite(sum(scales)) and min(scales, default=1) >= 0 and max(scales, default=1) <= LARGEST_SCALE):
        raise DamageError(f"a scale of the tensor {name!r} is negative or no number")
    channels = {1} | ({shape[axis]} if 0 <= axis < len(shape) else set())
    if len(scales) not in channels or len(zeros) != len(scales) or (len(scales) > 1 and axis >= len(shape)):
        raise DamageError(f"the tensor {name!r} has {len(scales)} scales and {len(zeros)} zero points")
    low, high = _RANGES.get(dtype, (0, 0))
    if any(zeros) and (min(zeros) < low or max(zeros) > high):
        raise DamageError(f"a zero point of the tensor {name!r} is not in {low}..{high}")
    return scales


def _check_operator(operator: Table, operators: Sequence[int], tensors: Sequence[_Tensor], written: set[int]) -> None:
    """Check one operator, and add what it makes to what is `written` so far."""
    code: int = operator.scalar(0, "I")
    _within(code, len(operators), "operator code")
    wanted = OPERATORS[operators[code]]
    inputs, outputs = operator.numbers(1, "i"), operator.numbers(2, "i")
    _check_operands(inputs, outputs, wanted, len(tensors))
    if not written.issuperset(index for index in inputs if index != NO_TENSOR):
        raise DamageError("an operator reads a tensor before it is made")
    if len(set(outputs)) < len(outputs) or not written.isdisjoint(outputs):
        raise DamageError("a tensor is made twice")
    written.update(outputs)
    if any(operator.has(field) for field in (5, 8, 9, 10, 12)) or operator.scalar(11, "B"):
        raise DamageError("an operator has parts that no file of edgecv has")
    _check_options(operator, wanted.options, len(inputs), len(outputs))
    if operators[code] in SUMS:
        _check_sum(operator, [tensors[index] for index in inputs], tensors[outputs[0]])
    operands = [tensors[index] for index in (*inputs, *outputs) if index != NO_TENSOR]
    _check_numbers(operator, operators[code], operands[: -len(outputs)], operands[-len(outputs) :])


def _check_numbers(operator: Table, code: int, inputs: Sequence[_Tensor], outputs: Sequence[_Tensor]) -> None:
    """Refuse scales and dtypes that a kernel aborts on."""
    operands = (*inputs, *outputs)
    if code in FLOAT_ONLY and any(tensor.dtype != _FLOAT32 for tensor in operands):
        raise DamageError(f"the operator {code} takes float32 only")
    tiny = any(tensor.scale is not None and tensor.scale < SMALLEST_NORMAL for tensor in operands)
    if tiny and (code in NORMAL_SCALES or all(tensor.dtype != _INT16 for tensor in operands)):
        raise DamageError("an operator has a scale of zero, or as good as that")
    if code in SUMS:
        _check_sum(operator, inputs, outputs[0])
    if code in COMPARISONS and not all(tensor.scale is None or 0 < tensor.scale < 1 for tensor in inputs):
        raise DamageError("an operator compares numbers whose scale is not in 0..1")


def _check_operands(inputs: Sequence[int], outputs: Sequence[int], wanted: Operands, tensors: int) -> None:
    for index in (*(index for index in inputs if index != NO_TENSOR), *outputs):
        _within(index, tensors, "tensor")
    needed = len(inputs) if wanted.most == MANY else wanted.least
    if NO_TENSOR in inputs[:needed] or not wanted.least <= len(inputs) <= wanted.most:
        raise DamageError(f"an operator has {len(inputs)} inputs, it takes {wanted.least} to {wanted.most}")
    if not wanted.outputs[0] <= len(outputs) <= wanted.outputs[1]:
        raise DamageError(f"an operator has {len(outputs)} outputs")


def _check_sum(operator: Table, inputs: Sequence[_Tensor], output: _Tensor) -> None:
    """Refuse scales that the kernels of ADD and SUB abort on: what brings the sum to the output's must be below 1."""
    shift = SUMS_SHIFTED.get(output.dtype)
    if shift is None:
        return
    scales = [tensor.scale or 0 for tensor in inputs]
    if not min(scales) > 0 or not 2 * max(scales) < (1 << shift) * (output.scale or 0):
        raise DamageError("the scales of an operator's inputs and output are too far apart")
    options = operator.table(4)
    if output.dtype == _INT16 and (options is None or options.scalar(1, "b", default=1)):
        raise DamageError("an operator has scales that are powers of two, which no file of edgecv has")


def _check_options(operator: Table, wanted: int, inputs: int, outputs: int) -> None:
    kind: int = operator.scalar(3, "B")
    options = operator.table(4)
    if kind == 0 and options is None and "p" not in OPTIONS.get(wanted, ""):
        return
    if kind != wanted or options is None:
        raise DamageError(f"an operator has the options {kind}, it takes {wanted}")
    for number, field in enumerate(OPTIONS[kind]):
        if field == "v":
            options.span(number, 1)
        elif field in LEAST:
            value = options.scalar(number, "i", default=int(field == "d"))
            if not LEAST[field] <= value <= MOST_STEP:
                raise DamageError(f"field {number} of an operator's options is {value}, which it cannot be")
        else:
            options.scalar(number, field)
    count = inputs if kind in COUNTS_INPUTS else outputs
    if kind in COUNTS_INPUTS | COUNTS_OUTPUTS and options.scalar(0, "i") != count:
        raise DamageError(f"an operator has {count} parts, its options say {options.scalar(0, 'i')}")


def _check_signature(signature: Table, tensors: int) -> None:
    signature.text(2)
    if signature.scalar(4, "I"):
        raise DamageError("a signature is of another graph")
    for entry in (*signature.tables(0), *signature.tables(1)):
        entry.text(0)
        _within(entry.scalar(1, "I"), tensors, "tensor")


def _within(index: Any, count: int, what: str) -> None:
    if not 0 <= index < count:
        raise DamageError(f"there is no {what} {index}")
