"""Bias correction: rounding shifts the mean of a channel, and the bias takes the shift back.

The products are corrected one after the other, each on inputs that carry the rounding and the corrections of all
before it, as in M. Nagel & al., Data-free quantization through weight equalization and bias correction (2019), with
measured means in place of estimated ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_converters.quantize.execute import rounded, step
from edgecv_converters.quantize.network import Network
from edgecv_converters.quantize.scheme import Scheme
from edgecv_converters.tflite.reader import Array, Op

NO_ACTIVATION = 0


def mean_shift(rounded_values: Any, values: Any) -> npt.NDArray[np.float64]:
    """Measure by how much the mean of each channel (the last axis) is too high."""
    axes = tuple(range(rounded_values.ndim - 1))
    shift: npt.NDArray[np.float64] = np.asarray(rounded_values, np.float64).mean(axes) - np.asarray(
        values, np.float64
    ).mean(axes)
    return shift


def corrected_biases(
    network: Network,
    scheme: Scheme,
    feeds: Mapping[int, Array],
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[int, npt.NDArray[np.float64]]:
    """New biases for every product that has one of its own.

    Args:
        network: Its samples must not mix (`execute.mixing`).
        scheme: Grids and weights as they will be; biases as in the file.
        feeds: Samples for each input, all in one batch: both the float and the rounded activations are held.
        on_progress: Told how many operations of how many are done.
    """
    watch, constants = rounded(scheme.grids), scheme.constants()
    readers = Counter(product.bias for product in network.products)
    own = {p.op: p.bias for p in network.products if p.bias is not None and readers[p.bias] == 1}
    exact: dict[int, Any] = dict(feeds)
    rough: dict[int, Any] = {number: watch(number, value) for number, value in feeds.items()}
    found: dict[int, npt.NDArray[np.float64]] = {}
    for number, op in enumerate(network.ops):
        bias = own.get(number)
        if bias is not None:
            plain = _linear(op)
            both = (step(network, plain, rough, constants)[0], step(network, plain, exact, network.constants)[0])
            found[bias] = scheme.biases[bias] - mean_shift(*both).reshape(scheme.biases[bias].shape)
            constants[bias] = found[bias].astype(np.float32)
        _advance(network, op, exact, network.constants, lambda _, value: value)
        _advance(network, op, rough, constants, watch)
        on_progress(number + 1, len(network.ops))
    return found


def _linear(op: Op) -> Op:
    """The operation without its fused activation."""
    options = type(op.options)(**vars(op.options))
    options.fusedActivationFunction = NO_ACTIVATION
    return replace(op, options=options)


def _advance(
    network: Network, op: Op, live: dict[int, Any], constants: Mapping[int, Any], watch: Callable[[int, Any], Any]
) -> None:
    for number, value in zip(op.outputs, step(network, op, live, constants), strict=True):
        live[number] = watch(number, value)
    for number in op.dead:
        live.pop(number, None)


def bytes_for_each_sample(network: Network) -> int:
    """The largest amount of activations that `corrected_biases` holds at once for one sample."""
    held, most = set(network.inputs), 0
    for op in network.ops:
        held |= set(op.outputs)
        most = max(most, sum(4 * int(np.prod(network.shapes[number])) for number in held))
        held -= set(op.dead)
    return 3 * most
