"""Matrix products. Sums are in float32."""

from __future__ import annotations

import numpy as np

from edgecv_converters.mil.dtypes import Array
from edgecv_converters.mil.registry import arithmetic


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """MIL ops, iOS15 and iOS17, linear: x (*D, D_in) times weight (D_out, D_in), transposed, plus bias."""
    result: Array = np.matmul(x, weight.T)
    return result if bias is None else np.add(result, bias)


def matmul(x: Array, y: Array, transpose_x: bool = False, transpose_y: bool = False) -> Array:
    """MIL ops, iOS15 and iOS17, matmul: batches broadcast; a transpose swaps the last two axes, if there are two."""
    left = x.swapaxes(-1, -2) if transpose_x and x.ndim > 1 else x
    right = y.swapaxes(-1, -2) if transpose_y and y.ndim > 1 else y
    if left.ndim > 2 and right.ndim == 2:  # one large product instead of one for each of the batch
        flat: Array = np.matmul(left.reshape(-1, left.shape[-1]), right)
        return flat.reshape(*left.shape[:-1], -1)
    result: Array = np.matmul(left, right)
    return result


def einsum(values: tuple[Array, ...], equation: str) -> Array:
    """MIL ops, iOS15, einsum: of two tensors; axes of size 1 broadcast."""
    left, right = values
    terms, wanted = equation.replace(" ", "").split("->")
    first, second = terms.split(",")
    sizes: dict[str, int] = {}
    for term, value in ((first, left), (second, right)):
        for letter, size in zip(term, value.shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    whole = [
        np.broadcast_to(value, [sizes[letter] for letter in term]) for term, value in ((first, left), (second, right))
    ]
    result: Array = np.einsum(f"{first},{second}->{wanted}", *whole, optimize=True)
    return result


KERNELS = {function.__name__: arithmetic(function) for function in (linear, matmul, einsum)}
