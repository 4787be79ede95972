"""Weight scales of least squared error, one for each output channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgecv_converters.quantize.network import Network, WeightedOp
from edgecv_converters.quantize.scheme import LARGEST_BIAS, Floats, Scheme, Weights, spread
from edgecv_converters.tflite.reader import Array

FACTORS = np.linspace(1.0, 0.6, 41, dtype=np.float32)
PART = 1 << 17  # values, 512 KiB


def on_grid(weight: Array, scales: Floats, axis: int) -> Weights:
    """A weight rounded to the nearest of -127..127 steps of its channel's scale."""
    integers = np.clip(np.rint(weight / spread(scales, axis, weight.ndim)), -127, 127)
    return Weights(integers.astype(np.int8), scales.astype(np.float32), axis)


def least_error_scales(weight: Array, axis: int, smallest: Floats) -> Floats:
    """For each channel the scale of least squared error, among 0.6 to 1 times the one that clips nothing.

    Args:
        weight: Float32, any shape; `axis` counts the channels.
        axis: The channels' axis.
        smallest: No scale may be smaller than this, one for each channel; a channel of zeros gets it.
    """
    rows = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)
    found = np.empty(len(rows), np.float32)
    size = max(1, PART // max(1, rows.shape[1]))
    for start in range(0, len(rows), size):  # a part at a time stays in the processor's cache over all factors
        part = slice(start, start + size)
        found[part] = _least_error_scales(np.ascontiguousarray(rows[part], np.float32), smallest[part])
    return found


def _least_error_scales(rows: Array, smallest: Floats) -> Floats:
    """Find the scales of `least_error_scales` for channels in rows."""
    widest = np.abs(rows).max(axis=1) / 127
    best, least = np.maximum(widest, smallest), np.full(len(rows), np.inf, np.float32)
    errors = np.empty_like(rows)
    for factor in FACTORS:
        scales = np.maximum(widest * factor, smallest)
        steps = scales[:, None]
        np.rint(np.divide(rows, steps, out=errors), out=errors)
        np.minimum(np.maximum(errors, -127, out=errors), 127, out=errors)
        np.subtract(rows, np.multiply(errors, steps, out=errors), out=errors)
        error = np.square(errors, out=errors).sum(axis=1)
        better = error < least
        best, least = np.where(better, scales, best), np.where(better, error, least)
    return np.asarray(best, np.float32)


def least_error_weights(network: Network, schemes: Sequence[Scheme]) -> list[Scheme]:
    """The schemes with weights of least error for every product whose scales are per channel.

    Schemes that leave the same room for a product's bias share its weights.
    """
    found: list[dict[int, Weights]] = [{} for _ in schemes]
    for product in network.products:
        weight = network.constants[product.weight]
        largest = np.abs(np.moveaxis(weight, product.axis, 0)).reshape(weight.shape[product.axis], -1).max(1)
        known: dict[bytes, Weights] = {}
        for scheme, own in zip(schemes, found, strict=True):
            if len(scheme.weights[product.weight].scales) != weight.shape[product.axis]:
                continue
            smallest = _smallest_scales(product, scheme, largest)
            asked = smallest.tobytes()
            if asked not in known:
                known[asked] = on_grid(weight, least_error_scales(weight, product.axis, smallest), product.axis)
            own[product.weight] = _coarser(weight, known[asked], own.get(product.weight))
    return [scheme.with_weights(own) for scheme, own in zip(schemes, found, strict=True)]


def _smallest_scales(product: WeightedOp, scheme: Scheme, largest: Floats) -> Floats:
    """The smallest scales that leave room for a bias; where they forbid no scale that is tried, the least number."""
    tiny = np.finfo(np.float32).tiny
    smallest = np.where(largest == 0, scheme.weights[product.weight].scales, tiny)
    if product.bias is not None:
        room = np.abs(scheme.biases[product.bias]) / (scheme.grids[product.source].scale * LARGEST_BIAS)
        tried = largest / 127 * FACTORS.min()
        smallest = np.maximum(smallest, np.where(room < tried, tiny, room))
    return smallest.astype(np.float32)


def _coarser(weight: Array, one: Weights, other: Weights | None) -> Weights:
    """Weights that several products share, on the larger of their scales."""
    if other is None:
        return one
    return on_grid(weight, np.maximum(one.scales, other.scales), one.axis)
