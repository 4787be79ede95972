"""Computes a network in TensorFlow for many samples at once: in float, or with the rounding of the int8 file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edgecv_converters.quantize.kernels import apply
from edgecv_converters.quantize.network import Network
from edgecv_converters.tflite.reader import Grid, Op

Watch = Callable[[int, Any], Any]
AXIS_OPERAND = {"MEAN": 1, "SUM": 1, "REDUCE_ALL": 1, "REDUCE_ANY": 1, "REDUCE_MAX": 1, "REDUCE_MIN": 1}
AXIS_OPERAND |= {"ARG_MAX": 1, "REVERSE_V2": 1, "SPLIT": 0, "SPLIT_V": 2}
BROADCASTS = frozenset({"ADD", "DIV", "FLOOR_DIV", "FLOOR_MOD", "MAXIMUM", "MINIMUM", "MUL", "POW", "SELECT_V2", "SUB"})
BROADCASTS |= {"BATCH_MATMUL", "EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "LOGICAL_AND", "LOGICAL_OR"}
BROADCASTS |= {"NOT_EQUAL", "SQUARED_DIFFERENCE"}
AXIS_OPTION = frozenset({"CONCATENATION", "PACK", "UNPACK"})


def execute(network: Network, feeds: Mapping[int, Any], constants: Mapping[int, Any], watch: Watch) -> dict[int, Any]:
    """The network's outputs.

    Args:
        network: What to compute.
        feeds: Samples for each input, float32, the first axis counts them.
        constants: Values of the constant tensors.
        watch: Called with each activation's number and values; what it returns is what the next operations read.
    """
    live = {number: watch(number, value) for number, value in feeds.items()}
    for op in network.ops:
        for number, value in zip(op.outputs, step(network, op, live, constants), strict=True):
            live[number] = watch(number, value)
        for number in op.dead:
            live.pop(number, None)
    return {number: live[number] for number in network.outputs}


def step(network: Network, op: Op, live: Mapping[int, Any], constants: Mapping[int, Any]) -> list[Any]:
    """The results of one operation."""
    operands = [None if number < 0 else live[number] if number in live else constants[number] for number in op.inputs]
    return apply(network, op, operands)


def unwatched(_: int, value: Any) -> Any:
    """Leaves each activation as it is: the float network."""
    return value


def rounded(grids: Mapping[int, Grid]) -> Watch:
    """Rounds every activation that has a grid to it; the gradient passes where the value is inside."""

    def watch(number: int, value: Any) -> Any:
        grid = grids.get(number)
        return value if grid is None else fake_quantize(value, grid)

    return watch


def fake_quantize(value: Any, grid: Grid) -> Any:
    """A tensor on the 256 values of a grid."""
    import tensorflow as tf

    return tf.quantization.fake_quant_with_min_max_args(value, grid.low, grid.high)


def mixing(network: Network) -> Op | None:
    """The first operation that would mix samples, were there more than one; None where samples stay apart."""
    for op in network.ops:
        activations = [n for n in (*op.inputs, *op.outputs) if n >= 0 and n not in network.constants]
        apart = all(network.shapes[number][:1] == (1,) for number in activations)
        if not apart or _meets_others(network, op) or _touches_samples(network, op):
            return op
    return None


def _meets_others(network: Network, op: Op) -> bool:
    """Tell whether operands of fewer axes are stretched: (1, 8, 4) beside (1, 8, 1, 4) has its samples at the steps."""
    rank = len(network.shapes[op.outputs[0]])
    short = [n for n in op.inputs if n not in network.constants and len(network.shapes[n]) < rank]
    return op.kind in BROADCASTS and bool(short)


def _touches_samples(network: Network, op: Op) -> bool:
    constants = network.constants
    if op.kind in AXIS_OPERAND:
        axes = np.asarray(constants[op.inputs[AXIS_OPERAND[op.kind]]]).reshape(-1)
        rank = max(len(network.shapes[number]) for number in op.inputs)
        return any(axis % rank == 0 for axis in axes.tolist())
    if op.kind in AXIS_OPTION:
        rank = max(len(network.shapes[number]) for number in (*op.inputs, *op.outputs))
        return bool(op.options.axis % rank == 0)
    if op.kind == "TRANSPOSE":
        return int(np.asarray(constants[op.inputs[1]])[0]) != 0
    if op.kind == "GATHER":
        return op.inputs[0] not in constants and op.options.axis == 0 and op.options.batchDims == 0
    if op.kind in {"BATCH_MATMUL", "FULLY_CONNECTED"}:
        return op.inputs[1] not in constants and len(network.shapes[op.inputs[1]]) < 3
    return False
