"""Weight scales of least squared error, one for each output channel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgecv_converters.quantize.network import Network
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


def least_error_weights(network: Network, scheme: Scheme) -> Mapping[int, Weights]:
    """Weights of least error for every product whose scales are per channel."""
    found: dict[int, Weights] = {}
    for product in network.products:
        weight, before = network.constants[product.weight], scheme.weights[product.weight]
        if len(before.scales) != weight.shape[product.axis]:
            continue
        smallest = np.where(
            np.abs(np.moveaxis(weight, product.axis, 0)).reshape(len(before.scales), -1).max(1) == 0,
            before.scales,
            np.finfo(np.float32).tiny,
        )
        if product.bias is not None:
            room = np.abs(scheme.biases[product.bias]) / (scheme.grids[product.source].scale * LARGEST_BIAS)
            smallest = np.maximum(smallest, room)
        scales = least_error_scales(weight, product.axis, smallest.astype(np.float32))
        if product.weight in found:
            scales = np.maximum(scales, found[product.weight].scales)
        found[product.weight] = on_grid(weight, scales, product.axis)
    return found
