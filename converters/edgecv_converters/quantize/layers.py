"""The distance of every result inside an int8 file from the same result inside the float file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgecv_converters.measured import LayerError
from edgecv_converters.parity.noise import cosine, signal_to_noise
from edgecv_converters.quantize.logits import logit_tensors
from edgecv_converters.quantize.network import CASTS, MismatchError, Network, read_network
from edgecv_converters.quantize.watched import WatchedFile, rows_of
from edgecv_converters.tflite.describe import parsed
from edgecv_converters.tflite.reader import Array, Grid, Op, TFLiteGraph

SAMPLES = 50
FEWEST = 4
AT_ONCE = 1 << 16  # values that are summed at once, so that they stay in the cache
WORK = 2e10  # multiply-adds that each file may cost


def measure_layers(
    int8: bytes, float32: bytes, samples: Sequence[Array], *, by_answers: bool = False
) -> tuple[LayerError, ...]:
    """One record for every result in the int8 file, in the order of computation.

    Args:
        int8: The file, with float32 inputs and outputs; some of its operations may be float.
        float32: The float32 file of the same graph.
        samples: For each input in the file's order, (count, ...) float32; the first 50 are used, or fewer.
        by_answers: Whether the file's logits were ranged for the answers made of them.

    Returns:
        Nothing where the two files cannot be paired.
    """
    try:
        network = read_network(int8, float32, plain=False)
    except MismatchError:
        return ()
    watched = [(number, tensor) for number, op in enumerate(network.ops) for tensor in _results(network, op)]
    sums = {tensor: Sums(network.grids.get(tensor)) for _, tensor in watched}
    ours, theirs = WatchedFile(int8, sums), WatchedFile(float32, [network.twins[tensor] for tensor in sums])
    count = min(len(samples[0]), sample_count(network))
    for feed in rows_of(samples, count):
        ours.run(feed)
        theirs.run(feed)
        for tensor, found in sums.items():
            real = real_values(ours.value(tensor), network.grids.get(tensor))
            found.add(theirs.value(network.twins[tensor]), real)
    weights = weight_ratios(network, int8)
    logits = logit_tensors(network) if by_answers else frozenset()
    return tuple(
        _record(network, number, sums[tensor], count, weights, logits=tensor in logits) for number, tensor in watched
    )


def _results(network: Network, op: Op) -> list[int]:
    """List the results of an operation, but for shapes and indices."""
    if op.kind in CASTS:
        return []
    return [number for number in op.outputs if number in network.grids or number in network.floats]


def sample_count(network: Network) -> int:
    """Choose the number of samples by sizes alone, so that it is the same on every machine."""
    macs = sum(
        int(np.prod(network.shapes[op.outputs[0]])) * int(np.prod(network.shapes[weight][1:]))
        for op in network.ops
        for weight in op.inputs[1:2]
        if op.kind in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"} and weight in network.constants
    )
    return int(np.clip(WORK // max(macs, 1), FEWEST, SAMPLES))


@dataclass(slots=True)
class Sums:
    """The sums over the samples of one result; `grid` is its int8 grid, None where it is float."""

    grid: Grid | None
    signal: float = 0.0
    noise: float = 0.0
    rounded: float = 0.0
    product: float = 0.0
    low: float = np.inf
    high: float = -np.inf
    outside: int = 0
    elements: int = 0

    def add(self, expected: Array, got: Array) -> None:
        """Take one sample in: the float file's values and, real, the int8 file's."""
        theirs, ours = np.reshape(expected, -1), np.reshape(got, -1)
        for start in range(0, ours.size, AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            self._add(theirs[rows].astype(np.float64), ours[rows].astype(np.float64))

    def _add(self, wanted: Array, found: Array) -> None:
        self.signal += _dot(wanted, wanted)
        self.rounded += _dot(found, found)
        self.product += _dot(wanted, found)
        self.noise += _dot(wanted - found, wanted - found)
        self.low, self.high = min(self.low, float(wanted.min())), max(self.high, float(wanted.max()))
        self.outside += 0 if self.grid is None else clipped(wanted, self.grid)
        self.elements += wanted.size


def _dot(one: Array, other: Array) -> float:
    """The sum of products, without a BLAS: its threads wait for each other where the machine has other work."""
    return float(np.einsum("i,i->", one, other))


def clipped(values: Array, grid: Grid) -> int:
    """Count the values that lie more than half a step outside of a grid: their nearest step is not on it."""
    half = grid.scale / 2
    return int(np.count_nonzero((values < grid.low - half) | (values > grid.high + half)))


def real_values(values: Array, grid: Grid | None) -> Array:
    """The real values of a tensor's int8 values; floats as they are."""
    if grid is None or values.dtype != np.int8:
        return values if values.dtype.kind == "f" else values.astype(np.float32)
    real: Array = (values.astype(np.float32) - grid.zero) * np.float32(grid.scale)
    return real


def weight_ratios(network: Network, int8: bytes) -> Mapping[int, float | None]:
    """The signal-to-noise ratio in dB of each product's int8 weights, by the number of its operation."""
    flat = TFLiteGraph(parsed(int8))
    found: dict[int, float | None] = {}
    for product in network.products:
        exact = np.asarray(network.constants[product.weight], np.float64)
        error = exact - flat.dequantized(product.weight)
        found[product.op] = signal_to_noise(float(np.square(exact).sum()), float(np.square(error).sum()))
    return found


def _record(
    network: Network, number: int, sums: Sums, count: int, weights: Mapping[int, float | None], *, logits: bool
) -> LayerError:
    grid, op = sums.grid, network.ops[number]
    return LayerError(
        layer=network.layer(op.outputs[0]),
        op=op.kind,
        count=count,
        snr_db=signal_to_noise(sums.signal, sums.noise),
        cosine=cosine(sums.product, sums.signal, sums.rounded),
        float_range=(sums.low, sums.high),
        grid_range=None if grid is None else (grid.low, grid.high),
        clipped=sums.outside / max(sums.elements, 1),
        weight_snr_db=weights.get(number),
        logits=logits,
    )
