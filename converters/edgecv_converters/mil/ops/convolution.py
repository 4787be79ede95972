"""Convolutions, in one, two or three dimensions. Sums are in float32."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edgecv_converters.mil.dtypes import Array
from edgecv_converters.mil.ops.windows import PadType, Sizes, counts, padded, paddings, taps
from edgecv_converters.mil.registry import arithmetic

BLOCK_BYTES = 32 * 1024 * 1024


def conv(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    strides: tuple[int, ...] | None = None,
    pad_type: PadType = "valid",
    pad: tuple[int, ...] | None = None,
    dilations: tuple[int, ...] | None = None,
    groups: int = 1,
) -> Array:
    """MIL ops, iOS15 and iOS17, conv: x (n, C_in, *D), weight (C_out, C_in/groups, *K) to (n, C_out, *D_out)."""
    kernel = weight.shape[2:]
    ones = (1,) * len(kernel)
    strides, dilations = strides or ones, dilations or ones
    around = paddings(pad_type, pad or (0, 0) * len(kernel), x.shape[2:], kernel, strides, dilations)
    whole = padded(x, around)
    out = counts(whole.shape[2:], kernel, strides, dilations)
    if x.shape[1] != weight.shape[1] * groups:
        raise ValueError(f"{x.shape[1]} channels are not {groups} groups of {weight.shape[1]}")
    compute = _depthwise if weight.shape[1] == 1 and groups > 1 else _grouped
    result = compute(whole, weight, out, strides, dilations, groups)
    return result if bias is None else np.add(result, _channels(bias, len(kernel)), out=result)


def _channels(bias: Array, spatial: int) -> Array:
    return bias.reshape(1, -1, *(1,) * spatial)


def _depthwise(x: Array, weight: Array, out: Sizes, strides: Sizes, dilations: Sizes, groups: int) -> Array:
    """Tap by tap: each is one multiplication of all channels."""
    several = weight.shape[0] // groups
    flat = weight.reshape(groups, several, *weight.shape[2:])
    result = np.zeros((x.shape[0], groups, several, *out), np.float32)
    product = np.empty_like(result)
    for index, seen in taps(x, weight.shape[2:], out, strides, dilations):
        place: Any = (..., *index)
        factor = flat[place].reshape(groups, several, *(1,) * len(out))
        result += np.multiply(seen[:, :, None], factor, out=product)
    return result.reshape(x.shape[0], weight.shape[0], *out)


def _grouped(x: Array, weight: Array, out: Sizes, strides: Sizes, dilations: Sizes, groups: int) -> Array:
    """One matrix product for each sample and group, over blocks of rows so that the unfolded input stays small."""
    kernel = weight.shape[2:]
    matrix = weight.reshape(groups, weight.shape[0] // groups, -1).astype(np.float32, copy=False)
    result = np.empty((x.shape[0], weight.shape[0], *out), np.float32)
    row = 4 * x.shape[0] * x.shape[1] * math.prod(kernel) * math.prod(out[1:])
    rows = max(1, BLOCK_BYTES // max(1, row))
    for first in range(0, out[0], rows):
        part = (min(rows, out[0] - first), *out[1:])
        block = x[:, :, first * strides[0] :]
        columns = _columns(block, kernel, part, strides, dilations)
        columns = columns.reshape(x.shape[0], groups, -1, math.prod(part))
        product = np.matmul(matrix, columns)
        result[:, :, first : first + part[0]] = product.reshape(x.shape[0], weight.shape[0], *part)
    return result


def _columns(x: Array, kernel: Sizes, out: Sizes, strides: Sizes, dilations: Sizes) -> Array:
    count = math.prod(kernel)
    if count == 1:
        return next(taps(x, kernel, out, strides, dilations))[1]
    columns = np.empty((*x.shape[:2], count, *out), np.float32)
    for number, (_, seen) in enumerate(taps(x, kernel, out, strides, dilations)):
        columns[:, :, number] = seen
    return columns


def conv_transpose(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    pad: tuple[int, ...] | None = None,
    output_shape: tuple[int, ...] | None = None,
    pad_type: PadType = "valid",
    strides: tuple[int, ...] | None = None,
    dilations: tuple[int, ...] | None = None,
    groups: int = 1,
) -> Array:
    """MIL ops, iOS15 and iOS17, conv_transpose: x (n, C_in, *D), weight (C_in, C_out/groups, *K).

    The whole result, (D - 1) * stride + (K - 1) * dilation + 1 on each axis, cut to the size that `pad_type` or
    `output_shape` gives: what the gradient of the conv with that padding is.
    """
    kernel, sizes = weight.shape[2:], x.shape[2:]
    ones = (1,) * len(kernel)
    strides, dilations = strides or ones, dilations or ones
    whole = _scattered(x, weight, strides, dilations, groups)
    wanted = None if output_shape is None else output_shape[2:]
    if wanted is None and pad_type in {"same", "same_lower"}:
        wanted = tuple(size * stride for size, stride in zip(sizes, strides, strict=True))
    cut = _cuts(pad_type, pad or (0, 0) * len(kernel), wanted, kernel, strides, dilations)
    result = _cropped(whole, cut, wanted)
    return result if bias is None else result + _channels(bias, len(kernel))


def _scattered(x: Array, weight: Array, strides: Sizes, dilations: Sizes, groups: int) -> Array:
    number, channels, *sizes = x.shape
    kernel, made = weight.shape[2:], weight.shape[1] * groups
    parts = zip(sizes, kernel, strides, dilations, strict=True)
    whole = np.zeros((number, made, *((n - 1) * s + (k - 1) * d + 1 for n, k, s, d in parts)), np.float32)
    data = x.reshape(number, groups, channels // groups, -1)
    for index, seen in taps(whole, kernel, tuple(sizes), strides, dilations):
        place: Any = (..., *index)
        matrix = weight[place].reshape(groups, channels // groups, -1)
        share = np.matmul(matrix.transpose(0, 2, 1), data).reshape(number, made, *sizes)
        np.add(seen, share, out=seen)
    return whole


def _cuts(pad_type: str, pad: Sizes, wanted: Sizes | None, kernel: Sizes, strides: Sizes, dilations: Sizes) -> Sizes:
    """Find what falls away before and after each axis: the padding of the convolution whose gradient this is."""
    if wanted is not None and pad_type in {"same", "same_lower"}:
        return paddings(pad_type, pad, wanted, kernel, strides, dilations)
    return pad if pad_type == "custom" else (0, 0) * len(kernel)


def _cropped(whole: Array, cut: Sizes, wanted: Sizes | None) -> Array:
    """Without the cuts; to a wanted size that needs more than there is, zeros come after."""
    sizes = wanted or tuple(n - b - a for n, b, a in zip(whole.shape[2:], cut[::2], cut[1::2], strict=True))
    short = [max(0, b + size - n) for n, b, size in zip(whole.shape[2:], cut[::2], sizes, strict=True)]
    whole = padded(whole, tuple(amount for after in short for amount in (0, after)))
    inside = tuple(slice(b, b + size) for b, size in zip(cut[::2], sizes, strict=True))
    return whole[(slice(None), slice(None), *inside)]


KERNELS = {"conv": arithmetic(conv), "conv_transpose": arithmetic(conv_transpose)}
