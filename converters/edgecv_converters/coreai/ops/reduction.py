"""Reductions over axes; sums of float16 are in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from edgecv_converters.coreai.builder import Operand, ProgramBuilder, Value

Reduction = Callable[[ProgramBuilder, Value, Value], Value]


def _largest(net: ProgramBuilder, value: Value, axes: Value) -> Value:
    return net.ai.reduce_max(value, axes)


def _sum(net: ProgramBuilder, value: Value, axes: Value) -> Value:
    return net.ai.reduce_sum(value, axes)


def _square(net: ProgramBuilder, value: Value, axes: Value) -> Value:
    return _sum(net, net.ai.broadcasting_mul(value, value), axes)


def _log_sum_exp(net: ProgramBuilder, value: Value, axes: Value) -> Value:
    largest = _largest(net, value, axes)
    powers = net.ai.exp(net.ai.broadcasting_sub(value, largest))
    return net.ai.broadcasting_add(net.ai.log(_sum(net, powers, axes)), largest)


REDUCTIONS: Final[dict[str, Reduction]] = {
    "reduce_l1_norm": lambda net, value, axes: _sum(net, net.ai.abs_(value), axes),
    "reduce_l2_norm": lambda net, value, axes: net.ai.sqrt(_square(net, value, axes)),
    "reduce_log_sum": lambda net, value, axes: net.ai.log(_sum(net, value, axes)),
    "reduce_log_sum_exp": _log_sum_exp,
    "reduce_max": _largest,
    "reduce_mean": lambda net, value, axes: net.ai.reduce_mean(value, axes),
    "reduce_min": lambda net, value, axes: net.ai.reduce_min(value, axes),
    "reduce_prod": lambda net, value, axes: net.ai.reduce_product(value, axes),
    "reduce_sum": _sum,
    "reduce_sum_square": _square,
}


def _reduction(function: Reduction) -> Callable[..., Value]:
    def reduction(
        net: ProgramBuilder, x: Operand, axes: tuple[int, ...] | None = None, keep_dims: bool = False
    ) -> Value:
        chosen = range(x.rank) if axes is None else sorted(axis % x.rank for axis in axes)
        made = function(net, net.wide(x), net.axes(list(chosen)))
        return net.narrow(made if keep_dims else net.reshape(made, net.shape))

    return reduction


def reduce_argmax(
    net: ProgramBuilder, x: Operand, axis: int = -1, keep_dims: bool = False, output_dtype: str = "int32"
) -> Value:
    """Find the place of the largest element; of equals the first."""
    del output_dtype  # the program declares it
    return _place(net, net.raw(x), axis, keep_dims=keep_dims)


def reduce_argmin(
    net: ProgramBuilder, x: Operand, axis: int = -1, keep_dims: bool = False, output_dtype: str = "int32"
) -> Value:
    """Find the place of the smallest element; of equals the first."""
    del output_dtype
    return _place(net, net.ai.broadcasting_mul(net.raw(x), net.number(-1, x.dtype)), axis, keep_dims=keep_dims)


def _place(net: ProgramBuilder, value: Value, axis: int, *, keep_dims: bool) -> Value:
    made = net.cast(net.ai.argmax(value, net.axes(axis)), net.dtype)
    return made if keep_dims else net.reshape(made, net.shape)


HANDLERS: Final = {
    **{name: _reduction(function) for name, function in REDUCTIONS.items()},
    "reduce_argmax": reduce_argmax,
    "reduce_argmin": reduce_argmin,
}
