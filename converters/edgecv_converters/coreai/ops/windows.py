"""Convolutions and pooling; one spatial axis is computed as two of which the first has the size 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from edgecv_converters.coreai.builder import Operand, ProgramBuilder, Value
from edgecv_converters.coreai.ops.activation import by_channel
from edgecv_converters.mil.dtypes import KINDS, Array
from edgecv_converters.mil.ops.pooling import avg_pool as numpy_avg_pool
from edgecv_converters.mil.ops.windows import Sizes, counts, paddings

LOWEST: Final = -math.inf


def conv(
    net: ProgramBuilder,
    x: Operand,
    weight: Operand,
    bias: Operand | None = None,
    strides: Sizes | None = None,
    pad_type: str = "valid",
    pad: Sizes | None = None,
    dilations: Sizes | None = None,
    groups: int = 1,
) -> Value:
    """Pad, and convolve what is then there."""
    kernel = weight.shape[2:]
    ones = (1,) * len(kernel)
    strides, dilations = strides or ones, dilations or ones
    around = paddings(pad_type, pad or (0, 0) * len(kernel), x.shape[2:], kernel, strides, dilations)
    data = net.pad(net.raw(x), (0, 0, 0, 0, *around), net.number(0, x.dtype))
    padded = [n + b + a for n, b, a in zip(x.shape[2:], around[::2], around[1::2], strict=True)]
    function = net.ai.conv3d if len(kernel) == 3 else net.ai.conv2d
    made = function(
        _planar(net, data, (*x.shape[:2], *padded)),
        _planar(net, net.raw(weight), weight.shape),
        net.counts(_two(strides)),
        net.counts(_two(dilations)),
        net.counts(groups),
    )
    return _finished(net, made, bias, len(kernel))


def conv_transpose(
    net: ProgramBuilder,
    x: Operand,
    weight: Operand,
    bias: Operand | None = None,
    pad: Sizes | None = None,
    output_shape: Sizes | None = None,
    pad_type: str = "valid",
    strides: Sizes | None = None,
    dilations: Sizes | None = None,
    groups: int = 1,
) -> Value:
    """Spread out without padding, and cut to the size that the program declares; in float32.

    The CPU runtime adds up a transposed convolution of float16 in float16, and a convolution in float32.
    """
    del output_shape
    kernel, sizes = weight.shape[2:], x.shape[2:]
    ones = (1,) * len(kernel)
    strides, dilations = strides or ones, dilations or ones
    parts = zip(sizes, kernel, strides, dilations, strict=True)
    whole = tuple((n - 1) * s + (k - 1) * d + 1 for n, k, s, d in parts)
    function = net.ai.conv_transpose3d if len(kernel) == 3 else net.ai.conv_transpose2d
    none = net.counts(_two((0,) * len(kernel), fill=0))
    made = function(
        _planar(net, net.wide(x), x.shape),
        _planar(net, net.wide(weight), weight.shape),
        net.counts(_two(strides)),
        none,
        net.counts(_two(dilations)),
        none,
        net.counts(groups),
    )
    if len(kernel) == 1:
        made = net.reshape(made, (*net.shape[:2], *whole))
    before = _cut_before(net.shape[2:], kernel, strides, dilations, pad_type, pad)
    made = _cropped(net, made, whole, before)
    if bias is not None:
        added = by_channel(net, bias, x.rank)
        made = net.ai.broadcasting_add(made, net.cast(added, "float32") if bias.dtype == "float16" else added)
    return net.narrow(made)


def _cut_before(
    wanted: Sizes, kernel: Sizes, strides: Sizes, dilations: Sizes, pad_type: str, pad: Sizes | None
) -> Sizes:
    """Find what falls away before each axis: the padding of the convolution whose gradient this is."""
    if pad_type in {"same", "same_lower"}:
        return paddings(pad_type, (), wanted, kernel, strides, dilations)[::2]
    return (pad or (0, 0) * len(kernel))[::2] if pad_type == "custom" else (0,) * len(kernel)


def _cropped(net: ProgramBuilder, made: Value, whole: Sizes, before: Sizes) -> Value:
    """Cut to the declared size; where that needs more than there is, zeros come after."""
    short = [max(0, b + size - n) for n, b, size in zip(whole, before, net.shape[2:], strict=True)]
    widths = (0, 0, 0, 0, *(amount for after in short for amount in (0, after)))
    made = net.pad(made, widths, net.number(0, "float32"))
    if before == (0,) * len(before) and net.shape[2:] == tuple(n + more for n, more in zip(whole, short, strict=True)):
        return made
    spatial = [(b, b + size, 1) for b, size in zip(before, net.shape[2:], strict=True)]
    return net.slice(made, [(0, size, 1) for size in net.shape[:2]] + spatial)


def _two(values: Sequence[int], fill: int = 1) -> list[int]:
    return [fill, *values] if len(values) == 1 else list(values)


def _planar(net: ProgramBuilder, value: Value, shape: Sequence[int]) -> Value:
    return net.reshape(value, (*shape[:2], 1, shape[2])) if len(shape) == 3 else value


def _finished(net: ProgramBuilder, made: Value, bias: Operand | None, spatial: int) -> Value:
    if spatial == 1:
        made = net.reshape(made, net.shape)
    return made if bias is None else net.ai.broadcasting_add(made, by_channel(net, bias, len(net.shape)))


def max_pool(
    net: ProgramBuilder,
    x: Operand,
    kernel_sizes: Sizes,
    pad_type: str,
    strides: Sizes | None = None,
    pad: Sizes | None = None,
    ceil_mode: bool = False,
) -> Value:
    """Take the largest value of each window; what is padded never wins."""
    strides = strides or (1,) * len(kernel_sizes)
    around = _around(x, kernel_sizes, strides, pad_type, pad, ceil_mode)
    data = net.pad(net.raw(x), (0, 0, 0, 0, *around), net.number(LOWEST, x.dtype))
    return _pooled(net, data, x, around, kernel_sizes, strides, largest=True)


def avg_pool(
    net: ProgramBuilder,
    x: Operand,
    kernel_sizes: Sizes,
    pad_type: str,
    strides: Sizes | None = None,
    pad: Sizes | None = None,
    exclude_padding_from_average: bool = False,
    ceil_mode: bool = False,
) -> Value:
    """Add up each window in float32, and divide by how many elements count in it."""
    strides = strides or (1,) * len(kernel_sizes)
    around = _around(x, kernel_sizes, strides, pad_type, pad, ceil_mode)
    data = net.pad(net.wide(x), (0, 0, 0, 0, *around), net.number(0, "float32"))
    total = _pooled(net, data, x, around, kernel_sizes, strides, largest=False)
    count: Array = np.asarray(math.prod(kernel_sizes), np.float32)
    if any(around) and exclude_padding_from_average:
        ones = np.ones((1, 1, *x.shape[2:]), np.float32)
        part = numpy_avg_pool(ones, kernel_sizes, "custom", strides, around)  # the share of each window that counts
        count = np.rint(part * count)
    return net.narrow(net.ai.broadcasting_divide(total, net.constant(count)))


def _around(x: Operand, kernel: Sizes, strides: Sizes, pad_type: str, pad: Sizes | None, ceil_mode: bool) -> Sizes:
    if ceil_mode:
        raise ValueError("a window that reaches over the end (ceil_mode) has no form")
    return paddings(pad_type, pad or (0, 0) * len(kernel), x.shape[2:], kernel, strides, (1,) * len(kernel))


def _pooled(
    net: ProgramBuilder, data: Value, x: Operand, around: Sizes, kernel: Sizes, strides: Sizes, *, largest: bool
) -> Value:
    sizes = [n + b + a for n, b, a in zip(x.shape[2:], around[::2], around[1::2], strict=True)]
    ones = (1,) * len(kernel)
    out = counts(sizes, kernel, strides, ones)
    data = _planar(net, data, (*x.shape[:2], *sizes))
    window = [net.counts(_two(values)) for values in (kernel, strides, ones)]
    kind = "3d" if len(kernel) == 3 else "2d"
    if largest:
        result = net.ai.TensorType((*x.shape[:2], *_two(out)), KINDS[x.dtype].numpy.type)
        made = getattr(net.ai, f"maxpool{kind}")(result, data, *window, net.setting(values=False))
    else:
        made = getattr(net.ai, f"sumpool{kind}")(data, *window)
    return net.reshape(made, (*x.shape[:2], *out)) if len(kernel) == 1 else made


HANDLERS: Final[dict[str, Any]] = {
    function.__name__: function for function in (conv, conv_transpose, max_pool, avg_pool)
}
