"""Ranges judged behind the activation function that follows: what it makes equal needs no steps.

Before a ReLU all negative values are the same, before a hard swish all below -3, before a sigmoid most above 5. Where
a sum is what the function is applied to, as at the end of a residual block, a value that the other one outweighs does
not count. The error that is made least is that of the result, not of the tensor itself.

What follows the last weights is left alone: scores of 0.991 and 0.994 are nearly equal, but boxes are sorted by them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_converters.quantize.execute import step
from edgecv_converters.quantize.network import CASTS, Network
from edgecv_converters.quantize.observed import STRIDE, Observed, stride
from edgecv_converters.quantize.ranges import WIDE_FACTORS, Values, histogram, least_cost_grid
from edgecv_converters.quantize.shared import Group
from edgecv_converters.quantize.trunk import last_ops
from edgecv_converters.tflite.reader import Array, Grid, Op

PAIRS: Final = 1 << 15  # pairs of values that are kept for each sum
LOOKED_AT: Final = 1 << 16  # of each sample
CURVES: Final = frozenset({"ELU", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "RELU", "RELU6", "TANH"})
TWO: Final = frozenset({"ADD", "MUL", "SUB"})
SUMS: Final = frozenset({"ADD", "SUB"})


@dataclass(frozen=True, slots=True)
class Readout:
    """The result of some operations on the single values of a tensor, which is all that the network reads of it.

    Attributes:
        tensor: Its number.
        ops: In order, from the tensor to the result.
        result: The only one of theirs that anything else reads.
        beside: The activation that the first of them adds to the tensor; None where it stands alone.
    """

    tensor: int
    ops: tuple[Op, ...]
    result: int
    beside: int | None = None


def readings(network: Network, groups: Iterable[Group]) -> tuple[Readout, ...]:
    """The tensors with a grid of their own, free to be chosen, that are read through an activation function alone."""
    readers: dict[int, list[int]] = {}
    for number, op in enumerate(network.ops):
        for tensor in set(op.inputs):
            readers.setdefault(tensor, []).append(number)
    alone = (group.tensors[0] for group in groups if group.free and len(group.tensors) == 1)
    last = last_ops(network)
    found = (_reading(network, tensor, readers, last) for tensor in alone)
    return tuple(reading for reading in found if reading is not None)


def _reading(
    network: Network, tensor: int, readers: Mapping[int, Sequence[int]], last: Collection[int]
) -> Readout | None:
    waiting = list(readers.get(tensor, ()))
    beside = _beside(network, tensor, network.ops[waiting[0]]) if len(waiting) == 1 else None
    made, shown, ops = {tensor}, set[int](), list[Op]()
    while waiting:
        number = heappop(waiting)  # in the order of computation: all that it reads was met before
        op = network.ops[number]
        given = {operand for operand in op.inputs if operand not in network.constants}
        if number not in last and given <= {*made, beside} and _by_single_values(network, op):
            ops.append(op)
            made |= set(op.outputs)
            for following in {place for result in op.outputs for place in readers.get(result, ())} - {*waiting}:
                heappush(waiting, following)
        else:
            shown |= given & made
    shown |= made & {*network.outputs}
    if len(shown) != 1 or tensor in shown or not any(map(_bends, ops)):
        return None
    return Readout(tensor, tuple(ops), shown.pop(), beside)


def _beside(network: Network, tensor: int, op: Op) -> int | None:
    """Find the other activation of a sum of two, place by place."""
    if op.kind not in SUMS:
        return None
    other = next((number for number in op.inputs if number != tensor), tensor)
    alike = other != tensor and other in network.grids and network.shapes[other] == network.shapes[tensor]
    return other if alike else None


def _by_single_values(network: Network, op: Op) -> bool:
    """Tell whether each value of the result is of one value of each activation, the same everywhere."""
    numbers = all(network.constants[number].size == 1 for number in op.inputs if number in network.constants)
    return op.kind in CASTS or op.kind in CURVES or (op.kind in TWO and numbers)


def _bends(op: Op) -> bool:
    """Tell whether an operation is more than a multiple and an offset."""
    return op.kind in CURVES or bool(getattr(op.options, "fusedActivationFunction", 0))


@dataclass(frozen=True, slots=True)
class Summands:
    """Values of a tensor, what is added to each, and how many values each stands for; all of one axis."""

    values: Array
    beside: Array
    counts: Values


class SeenSums:
    """Values of tensors that are added, at the same places.

    The most extreme values of each sample are kept, for which a range is narrow or wide, and some of the others, which
    stand for all. Of large tensors every n-th value is looked at.

    Args:
        sums: The numbers of the two tensors, of one shape.
        samples: How many samples there will be.
    """

    def __init__(self, sums: Iterable[tuple[int, int]], samples: int) -> None:
        self._found: dict[tuple[int, int], list[Summands]] = {pair: [] for pair in sums}
        self._numbers = {number for pair in self._found for number in pair}
        self._share = -(-PAIRS // max(3 * samples, 1))
        self._rng = np.random.default_rng(0)
        self._taken = 0
        self._now: dict[int, tuple[Array, int]] = {}

    def add(self, number: int, values: Array) -> None:
        """Take one sample's values of a tensor in, if it is one of them; they are copied."""
        if number in self._numbers:
            step = stride(values.size, LOOKED_AT, values.shape[-1] if values.ndim else 1)
            self._now[number] = values.reshape(-1)[self._taken * STRIDE % step :: step].copy(), step

    def take(self) -> None:
        """Keep some values of the sample whose tensors were added."""
        for (one, other), kept in self._found.items() if self._now else ():
            (values, step), (beside, _) = self._now[one], self._now[other]
            places, counts = self._places(values)
            kept.append(Summands(values[places], beside[places], counts * step))
        self._now.clear()
        self._taken += 1

    def all(self) -> dict[tuple[int, int], Summands]:
        """The values that are kept for each sum."""
        return {pair: _joined(kept) for pair, kept in self._found.items()}

    def _places(self, values: Array) -> tuple[npt.NDArray[np.intp], Values]:
        ends = min(self._share, values.size // 2)
        order = np.argpartition(values, (ends, values.size - ends - 1)) if ends else np.arange(values.size)
        others = order[ends : values.size - ends]
        drawn = self._rng.choice(others, min(self._share, others.size), replace=False)
        extreme = np.concatenate((order[:ends], order[values.size - ends :]))
        counts = np.repeat((1.0, others.size / max(drawn.size, 1)), (extreme.size, drawn.size))
        return np.concatenate((extreme, drawn)), counts


def _joined(kept: Sequence[Summands]) -> Summands:
    parts = zip(*((pair.values, pair.beside, pair.counts) for pair in kept), strict=True)
    return Summands(*map(np.concatenate, parts))


def summed(network: Network, groups: Iterable[Group]) -> tuple[tuple[int, int], ...]:
    """The float file's tensors that a reading needs pairs of."""
    found = ((reading.tensor, reading.beside) for reading in readings(network, groups))
    return tuple((network.twins[one], network.twins[other]) for one, other in found if other is not None)


def read_grids(
    network: Network, chosen: Iterable[Readout], seen: Observed, pairs: Mapping[tuple[int, int], Summands]
) -> dict[int, Grid]:
    """The grid of least error of what is read, for each tensor of some readings.

    Args:
        network: That of the readings.
        chosen: Which.
        seen: The ends and counted values of the float file's tensors.
        pairs: Of the float file's tensors that are added, values at the same places; without them a sum has no grid.
    """
    grids = {}
    for reading in chosen:
        number = network.twins[reading.tensor]
        ends = seen.ends([number])
        if reading.beside is None:
            centres, counts = seen.bins(number)
            counted = histogram(centres, *ends, counts)
            grids[reading.tensor] = _least_cost_grid(network, reading, ends, counted, None)
        elif (number, network.twins[reading.beside]) in pairs:
            pair = pairs[number, network.twins[reading.beside]]
            grids[reading.tensor] = _least_cost_grid(network, reading, ends, (pair.values, pair.counts), pair.beside)
    return grids


def _least_cost_grid(
    network: Network, reading: Readout, ends: tuple[float, float], counted: tuple[Values, Values], beside: Array | None
) -> Grid:
    """The grid of least squared error of what is read, among ranges of 0.05 to 1 times both ends."""
    values = np.asarray(counted[0], np.float32)
    exact = _read(network, reading, values, beside)

    def cost(grid: Grid) -> float:
        error = _read(network, reading, grid.nearest(values), beside) - exact
        return float(np.einsum("i,i,i", counted[1], error, error))

    return least_cost_grid(*ends, cost, WIDE_FACTORS)


def _read(network: Network, reading: Readout, values: Array, beside: Array | None) -> Values:
    live: dict[int, Any] = {reading.tensor: values}
    if reading.beside is not None:
        live[reading.beside] = beside
    for op in reading.ops:
        live |= dict(zip(op.outputs, step(network, op, live, network.constants), strict=True))
    return np.asarray(live[reading.result], np.float64)
