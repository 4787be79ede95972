"""Reductions over axes. Sums are in float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from edgecv_converters.mil.dtypes import Array
from edgecv_converters.mil.registry import Function, Kernel, arithmetic

Reduce = Callable[..., Any]


def _log_sum_exp(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    largest = x.max(axis=axis, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, x.dtype.type(0))
    kept: Array = np.log(np.exp(x - shift).sum(axis=axis, keepdims=True)) + shift
    return kept if keepdims else kept.squeeze(axis)


def _sum(x: Array, axis: tuple[int, ...], keepdims: bool) -> Any:
    return x.sum(axis=axis, keepdims=keepdims, dtype=x.dtype)


def _mean(x: Array, axis: tuple[int, ...], keepdims: bool) -> Any:
    count = int(np.prod([x.shape[item] for item in axis]))
    total = _sum(x, axis, keepdims)
    return total / np.float32(count) if x.dtype.kind == "f" else total // count


REDUCTIONS: Mapping[str, Reduce] = {
    "reduce_l1_norm": lambda x, axis, keepdims: _sum(np.abs(x), axis, keepdims),
    "reduce_l2_norm": lambda x, axis, keepdims: np.sqrt(_sum(np.square(x), axis, keepdims)),
    "reduce_log_sum": lambda x, axis, keepdims: np.log(_sum(x, axis, keepdims)),
    "reduce_log_sum_exp": _log_sum_exp,
    "reduce_max": lambda x, axis, keepdims: x.max(axis=axis, keepdims=keepdims),
    "reduce_mean": _mean,
    "reduce_min": lambda x, axis, keepdims: x.min(axis=axis, keepdims=keepdims),
    "reduce_prod": lambda x, axis, keepdims: x.prod(axis=axis, keepdims=keepdims, dtype=x.dtype),
    "reduce_sum": _sum,
    "reduce_sum_square": lambda x, axis, keepdims: _sum(np.square(x), axis, keepdims),
}


def _reduction(name: str, function: Reduce) -> Function:
    def reduction(x: Array, axes: tuple[int, ...] | None = None, keep_dims: bool = False) -> Any:
        chosen = tuple(range(x.ndim)) if axes is None else tuple(axis % x.ndim for axis in axes)
        return function(x, chosen, keep_dims)

    reduction.__doc__ = f"MIL ops, iOS15, {name}: over `axes`, or all."
    return reduction


def reduce_argmax(
    x: Array, axis: int = -1, keep_dims: bool = False, output_dtype: Literal["int32", "uint16"] = "int32"
) -> Array:
    """MIL ops, iOS15 and iOS17, reduce_argmax; of equals the first, which the definition leaves open."""
    result: Array = np.argmax(x, axis=axis, keepdims=keep_dims).astype(output_dtype)
    return result


def reduce_argmin(
    x: Array, axis: int = -1, keep_dims: bool = False, output_dtype: Literal["int32", "uint16"] = "int32"
) -> Array:
    """MIL ops, iOS15 and iOS17, reduce_argmin; of equals the first, which the definition leaves open."""
    result: Array = np.argmin(x, axis=axis, keepdims=keep_dims).astype(output_dtype)
    return result


KERNELS: Mapping[str, Kernel] = {
    **{name: arithmetic(_reduction(name, function)) for name, function in REDUCTIONS.items()},
    "reduce_argmax": arithmetic(reduce_argmax),
    "reduce_argmin": arithmetic(reduce_argmin),
}
