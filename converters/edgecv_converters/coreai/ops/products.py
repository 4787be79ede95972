"""Matrix products and normalizations, in float32: the CPU runtime adds up a product of float16 in float16."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from edgecv_converters.coreai.builder import Operand, ProgramBuilder, Value
from edgecv_converters.coreai.ops.activation import by_channel


def linear(net: ProgramBuilder, x: Operand, weight: Operand, bias: Operand | None = None) -> Value:
    """Multiply by the transposed weight, and add the bias."""
    data = net.reshape(net.wide(x), (math.prod(x.shape[:-1]), x.shape[-1]))
    made = net.ai.batch_matmul(data, net.transpose(net.wide(weight), (1, 0)))
    if x.rank != 2:
        made = net.reshape(made, net.shape)
    return net.narrow(made if bias is None else net.ai.broadcasting_add(made, net.wide(bias)))


def matmul(net: ProgramBuilder, x: Operand, y: Operand, transpose_x: bool = False, transpose_y: bool = False) -> Value:
    """Multiply matrices; batches are broadcast."""
    if min(x.rank, y.rank) < 2:
        raise ValueError("a product with a vector has no form")
    left = _swapped(net, net.wide(x), x.rank) if transpose_x else net.wide(x)
    right = _swapped(net, net.wide(y), y.rank) if transpose_y else net.wide(y)
    return net.narrow(net.ai.broadcasting_batch_matmul(left, right))


def _swapped(net: ProgramBuilder, value: Value, rank: int) -> Value:
    return net.transpose(value, (*range(rank - 2), rank - 1, rank - 2))


def einsum(net: ProgramBuilder, values: Sequence[Operand], equation: str) -> Value:
    """Bring the product of two tensors into the form of a matrix product, and back."""
    left, right = values
    terms, wanted = equation.replace(" ", "").split("->")
    first, second = terms.split(",")
    sizes = dict(zip(first, left.shape, strict=True)) | dict(zip(second, right.shape, strict=True))
    if any(sizes[letter] != size for letter, size in zip(first, left.shape, strict=True)):
        raise ValueError(f"the axes of {equation} are broadcast")
    batch = [letter for letter in wanted if letter in first and letter in second]
    rows = [letter for letter in wanted if letter not in second]
    columns = [letter for letter in wanted if letter not in first]
    summed = [letter for letter in first if letter in second and letter not in wanted]
    if {*first, *second} != {*batch, *rows, *columns, *summed}:
        raise ValueError(f"{equation} adds up an axis of one tensor alone")
    groups = [math.prod(sizes[letter] for letter in part) for part in (batch, rows, summed, columns)]
    a = _arranged(net, left, first, (*batch, *rows, *summed), groups[:3])
    b = _arranged(net, right, second, (*batch, *summed, *columns), (groups[0], *groups[2:]))
    made = net.reshape(net.ai.batch_matmul(a, b), [sizes[letter] for letter in (*batch, *rows, *columns)])
    order = (*batch, *rows, *columns)
    return net.narrow(net.transpose(made, [order.index(letter) for letter in wanted]))


def _arranged(net: ProgramBuilder, operand: Operand, term: str, order: Sequence[str], shape: Sequence[int]) -> Value:
    return net.reshape(net.transpose(net.wide(operand), [term.index(letter) for letter in order]), shape)


def batch_norm(
    net: ProgramBuilder,
    x: Operand,
    mean: Operand,
    variance: Operand,
    gamma: Operand | None = None,
    beta: Operand | None = None,
    epsilon: float = 1e-5,
) -> Value:
    """Give gamma * (x - mean) / sqrt(variance + epsilon) + beta, by channel."""
    scale = np.float32(1) / np.sqrt(variance.constant.astype(np.float32) + np.float32(epsilon))
    if gamma is not None:
        scale = scale * gamma.constant.astype(np.float32)
    shape = (-1, *(1,) * (x.rank - 2))
    centred = net.ai.broadcasting_sub(net.wide(x), net.constant(mean.constant.astype(np.float32).reshape(shape)))
    made = net.ai.broadcasting_mul(centred, net.constant(scale.astype(np.float32).reshape(shape)))
    if beta is not None:
        made = net.ai.broadcasting_add(made, net.constant(beta.constant.astype(np.float32).reshape(shape)))
    return net.narrow(made)


def instance_norm(
    net: ProgramBuilder, x: Operand, gamma: Operand | None = None, beta: Operand | None = None, epsilon: float = 1e-5
) -> Value:
    """Bring each channel of each picture to a mean of 0 and a variance of 1."""
    made = _standardized(net, net.wide(x), tuple(range(2, x.rank)), epsilon)
    if gamma is not None:
        made = net.ai.broadcasting_mul(made, _wide(net, by_channel(net, gamma, x.rank), gamma))
    if beta is not None:
        made = net.ai.broadcasting_add(made, _wide(net, by_channel(net, beta, x.rank), beta))
    return net.narrow(made)


def layer_norm(
    net: ProgramBuilder,
    x: Operand,
    axes: tuple[int, ...] | None = None,
    gamma: Operand | None = None,
    beta: Operand | None = None,
    epsilon: float = 1e-5,
) -> Value:
    """Bring all of some axes to a mean of 0 and a variance of 1."""
    chosen = tuple(sorted(axis % x.rank for axis in (range(x.rank) if axes is None else axes)))
    shape = [size if axis in chosen else 1 for axis, size in enumerate(x.shape)]
    made = _standardized(net, net.wide(x), chosen, epsilon)
    if gamma is not None:
        made = net.ai.broadcasting_mul(made, net.reshape(net.wide(gamma), shape))
    if beta is not None:
        made = net.ai.broadcasting_add(made, net.reshape(net.wide(beta), shape))
    return net.narrow(made)


def l2_norm(net: ProgramBuilder, x: Operand, epsilon: float = 1e-6) -> Value:
    """Divide by the root of the sum of the squares of the last three axes."""
    value = net.wide(x)
    total = net.ai.reduce_sum(net.ai.broadcasting_mul(value, value), net.axes([x.rank - 3, x.rank - 2, x.rank - 1]))
    root = net.ai.sqrt(net.ai.broadcasting_add(total, net.number(epsilon, "float32")))
    return net.narrow(net.ai.broadcasting_divide(value, root))


def _standardized(net: ProgramBuilder, value: Value, axes: Sequence[int], epsilon: float) -> Value:
    along = net.axes(list(axes))
    centred = net.ai.broadcasting_sub(value, net.ai.reduce_mean(value, along))
    variance = net.ai.reduce_mean(net.ai.broadcasting_mul(centred, centred), along)
    root = net.ai.sqrt(net.ai.broadcasting_add(variance, net.number(epsilon, "float32")))
    return net.ai.broadcasting_divide(centred, root)


def _wide(net: ProgramBuilder, value: Value, operand: Operand) -> Value:
    return net.cast(value, "float32") if operand.dtype == "float16" else value


HANDLERS: Final = {
    function.__name__: function for function in (linear, matmul, einsum, batch_norm, instance_norm, layer_norm, l2_norm)
}
