"""Bias correction: rounding shifts the mean of a channel, and the bias takes the shift back.

The products are corrected one after the other, each on inputs that carry the rounding and the corrections of all
before it, as in M. Nagel & al., Data-free quantization through weight equalization and bias correction (2019), with
measured means in place of estimated ones. A product is linear: its mean result is what it makes of its mean input, so
that one computation stands for those of all samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_converters.quantize.compensate import compensable, compensated
from edgecv_converters.quantize.execute import step
from edgecv_converters.quantize.network import Network, WeightedOp
from edgecv_converters.quantize.pieces import CutFile
from edgecv_converters.quantize.scheme import Scheme, write_bias, write_scheme
from edgecv_converters.tflite.reader import Array, Op

NO_ACTIVATION = 0
HELD_BYTES = 64 << 20  # int8 activations that a correction holds


def mean_shift(rounded_values: Any, values: Any) -> npt.NDArray[np.float64]:
    """Measure by how much the mean of each channel (the last axis) is too high."""
    axes = tuple(range(rounded_values.ndim - 1))
    shift: npt.NDArray[np.float64] = np.asarray(rounded_values, np.float64).mean(axes) - np.asarray(
        values, np.float64
    ).mean(axes)
    return shift


def corrected_products(network: Network) -> Iterator[WeightedOp]:
    """The products whose bias nothing else reads, in the order of computation."""
    readers = Counter(product.bias for product in network.products)
    return (p for p in network.products if p.bias is not None and readers[p.bias] == 1)


def corrected(
    network: Network,
    data: bytes,
    scheme: Scheme,
    samples: Sequence[Array],
    means: Mapping[int, Array],
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    compensate: bool = False,
) -> Scheme:
    """The scheme with new biases for every product that has one of its own.

    Args:
        network: Its samples must not mix (`execute.mixing`).
        data: An int8 file of it.
        scheme: Grids and weights as they will be; biases as in the file.
        samples: For each input in the file's order.
        means: The float network's mean input of each product for these samples, batch 1, by the float file's numbers.
        on_progress: Told how many products of how many are done.
        compensate: Whether these products' weights are rounded for their results as well, each before its bias.

    Raises:
        BiasRoomError: A bias does not fit into an int32.
        UnusableFileError: LiteRT does not take these numbers.
    """
    file = CutFile(write_scheme(network, data, scheme), samples)
    products, rounded = list(corrected_products(network)), compensable(network) if compensate else frozenset()
    for done, product in enumerate(products):
        file.advance(product.op)
        bias, op = product.bias, _linear(network.ops[product.op])
        assert bias is not None
        if product.weight in rounded:
            zero, inputs = scheme.grids[product.source].zero, file.held(product.source)
            weights = compensated(network, product, scheme.weights[product.weight], zero, inputs)
            scheme = scheme.with_weights({product.weight: weights})
            file.edit.set_data(product.weight, weights.integers)
        rough = {product.weight: scheme.weights[product.weight].real(), bias: scheme.biases[bias].astype(np.float32)}
        both = (
            step(network, op, {product.source: file.mean(product.source)}, {**network.constants, **rough})[0],
            step(network, op, {product.source: means[network.twins[product.source]]}, network.constants)[0],
        )
        found = scheme.biases[bias] - mean_shift(*both).reshape(scheme.biases[bias].shape)
        scheme = scheme.with_biases({bias: found})
        write_bias(network, file.edit, product, scheme)
        on_progress(done + 1, len(products))
    return scheme


def _linear(op: Op) -> Op:
    """The operation without its fused activation."""
    options = type(op.options)(**vars(op.options))
    options.fusedActivationFunction = NO_ACTIVATION
    return replace(op, options=options)


def correction_samples(network: Network) -> int:
    """The number of samples whose int8 activations a correction may hold at once, at least 16."""
    held, most = set(network.inputs), 1
    for op in network.ops:
        held |= set(op.outputs)
        most = max(most, sum(int(np.prod(network.shapes[number])) for number in held if number in network.grids))
        held -= set(op.dead)
    return max(16, HELD_BYTES // most)
