"""Pooling, in one, two or three dimensions."""

from __future__ import annotations

import math

import numpy as np

from edgecv_converters.mil.dtypes import Array
from edgecv_converters.mil.ops.windows import PadType, Sizes, counts, padded, paddings, taps
from edgecv_converters.mil.registry import arithmetic


def max_pool(
    x: Array,
    kernel_sizes: tuple[int, ...],
    pad_type: PadType,
    strides: tuple[int, ...] | None = None,
    pad: tuple[int, ...] | None = None,
    ceil_mode: bool = False,
) -> Array:
    """MIL ops, iOS15, max_pool: x (n, C, *D); what is padded never wins."""
    strides = strides or (1,) * len(kernel_sizes)
    around = _around(x, kernel_sizes, pad_type, strides, pad, ceil_mode)
    whole, out, ones = _placed(x, kernel_sizes, strides, around, -np.inf)
    views = (seen for _, seen in taps(whole, kernel_sizes, out, strides, ones))
    result = next(views).copy()
    for seen in views:
        np.maximum(result, seen, out=result)
    return result


def avg_pool(
    x: Array,
    kernel_sizes: tuple[int, ...],
    pad_type: PadType,
    strides: tuple[int, ...] | None = None,
    pad: tuple[int, ...] | None = None,
    exclude_padding_from_average: bool = False,
    ceil_mode: bool = False,
) -> Array:
    """MIL ops, iOS15, avg_pool: x (n, C, *D); padded zeros count unless they are excluded.

    What `ceil_mode` alone adds at the end never counts (the op follows PyTorch there).
    """
    strides = strides or (1,) * len(kernel_sizes)
    asked = _around(x, kernel_sizes, pad_type, strides, pad, ceil_mode=False)
    around = _around(x, kernel_sizes, pad_type, strides, pad, ceil_mode)
    total = _sums(x, kernel_sizes, strides, around)
    if around == asked and (not any(around) or not exclude_padding_from_average):
        return total / np.float32(math.prod(kernel_sizes))
    counted = np.ones((1, 1, *x.shape[2:]), np.float32)
    if not exclude_padding_from_average:
        counted, around = padded(counted, asked, 1.0), tuple(a - b for a, b in zip(around, asked, strict=True))
    return total / _sums(counted, kernel_sizes, strides, around)


def l2_pool(
    x: Array,
    kernel_sizes: tuple[int, ...],
    pad_type: PadType,
    strides: tuple[int, ...] | None = None,
    pad: tuple[int, ...] | None = None,
    ceil_mode: bool = False,
) -> Array:
    """MIL ops, iOS15, l2_pool: the square root of the sum of squares in each window."""
    strides = strides or (1,) * len(kernel_sizes)
    around = _around(x, kernel_sizes, pad_type, strides, pad, ceil_mode)
    return np.sqrt(_sums(np.square(x), kernel_sizes, strides, around))


def _sums(x: Array, kernel: Sizes, strides: Sizes, around: Sizes) -> Array:
    whole, out, ones = _placed(x, kernel, strides, around, 0.0)
    if out == (1,) * len(out) and not any(around) and whole.shape[2:] == kernel:
        result: Array = whole.sum(axis=tuple(range(2, x.ndim)), keepdims=True)
        return result
    result = np.zeros((*x.shape[:2], *out), np.float32)
    for _, seen in taps(whole, kernel, out, strides, ones):
        result += seen
    return result


def _placed(x: Array, kernel: Sizes, strides: Sizes, around: Sizes, value: float) -> tuple[Array, Sizes, Sizes]:
    whole, ones = padded(x, around, value), (1,) * len(kernel)
    return whole, counts(whole.shape[2:], kernel, strides, ones), ones


def _around(
    x: Array, kernel: Sizes, pad_type: str, strides: Sizes, pad: Sizes | None, ceil_mode: bool
) -> tuple[int, ...]:
    """Before and after each axis, with what `ceil_mode` needs after the last whole window."""
    sizes, ones = x.shape[2:], (1,) * len(kernel)
    around = paddings(pad_type, pad or (0, 0) * len(kernel), sizes, kernel, strides, ones)
    if not ceil_mode:
        return around
    wider: list[int] = []
    parts = zip(sizes, kernel, strides, around[::2], around[1::2], strict=True)
    for size, taps_, stride, before, after in parts:
        windows = -(-(size + before + after - taps_) // stride) + 1
        if (windows - 1) * stride >= size + before and before + after > 0:
            windows -= 1
        wider += [before, max(after, (windows - 1) * stride + taps_ - size - before)]
    return tuple(wider)


KERNELS = {"max_pool": arithmetic(max_pool), "avg_pool": arithmetic(avg_pool), "l2_pool": arithmetic(l2_pool)}
