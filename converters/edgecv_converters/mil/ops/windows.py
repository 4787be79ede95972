"""Windows that slide over spatial axes: how much is padded, how many there are, what one tap of them sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Literal

import numpy as np

from edgecv_converters.mil.dtypes import Array

PadType = Literal["valid", "same", "same_lower", "custom"]
Sizes = tuple[int, ...]


def paddings(pad_type: str, pad: Sizes, sizes: Sizes, kernel: Sizes, strides: Sizes, dilations: Sizes) -> Sizes:
    """Before and after each axis.

    "same" gives ceil(size / stride) windows, "an odd one out" after (`same_lower`: before). Source: MIL ops, iOS15,
    conv: `d_out[i] = ceil(d_in[i] / strides[i])`; NeuralNetwork.proto, SamePadding, BOTTOM_RIGHT_HEAVY.
    """
    if pad_type == "custom":
        return pad
    if pad_type == "valid":
        return (0,) * (2 * len(sizes))
    amounts: list[int] = []
    for size, taps, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        reach = (taps - 1) * dilation + 1
        total = max(0, (-(-size // stride) - 1) * stride + reach - size)
        less, more = total // 2, total - total // 2
        amounts += [less, more] if pad_type == "same" else [more, less]
    return tuple(amounts)


def padded(x: Array, pad: Sizes, value: float = 0.0) -> Array:
    """The spatial axes, all but the first two, with `value` around."""
    if not any(pad):
        return x
    before, after = pad[::2], pad[1::2]
    sizes = [b + size + a for b, size, a in zip(before, x.shape[2:], after, strict=True)]
    whole = np.full((*x.shape[:2], *sizes), value, x.dtype)
    inside = tuple(slice(b, b + size) for b, size in zip(before, x.shape[2:], strict=True))
    whole[(slice(None), slice(None), *inside)] = x
    return whole


def counts(sizes: Sequence[int], kernel: Sizes, strides: Sizes, dilations: Sizes) -> Sizes:
    """Count the windows that fit on each axis."""
    parts = zip(sizes, kernel, strides, dilations, strict=True)
    found = tuple((size - (taps - 1) * dilation - 1) // stride + 1 for size, taps, stride, dilation in parts)
    if min(found, default=1) < 1:
        raise ValueError(f"no window of {kernel} fits into {tuple(sizes)}")
    return found


def taps(x: Array, kernel: Sizes, out: Sizes, strides: Sizes, dilations: Sizes) -> Iterator[tuple[Sizes, Array]]:
    """Each tap's index and the elements that it sees: a view of the shape (N, C, *out)."""
    for index in product(*(range(size) for size in kernel)):
        parts = zip(index, out, strides, dilations, strict=True)
        seen = tuple(slice(i * d, i * d + (n - 1) * s + 1, s) for i, n, s, d in parts)
        yield index, x[(slice(None), slice(None), *seen)]
