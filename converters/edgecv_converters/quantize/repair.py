"""Repairs of an int8 file: what one scale would round away is taken apart, and each part gets its own or stays float.

A tensor has one scale. Where boxes of 0..640 lie beside scores of 0..1, one step is 2.5 and every score becomes 0; and
what only moves numbers (a concatenation, a slice, a minimum) hands its scale on to its neighbours. The operation that
ties the parts together is then computed in float, and its operands get scales of their own. Where that does not help,
so are the statistics of normalizations: the reciprocal square root of a variance near 0 is so large that no step is
left for the usual ones. Nothing is done where the outputs are sound, but for what never is right: a stand-in for
infinity (-3e38, as attention masks have); what only moves integers between tensors to which TensorFlow's converter
gave different scales: one-hot encodings, and sequences that are reversed; what divides by values that come near 0,
which int8 rounds to 0, where its kernels refuse to divide; comparisons on scales that their kernels do not know; and
after the last weights, where it costs next to nothing, exponentials (a softplus, log(1 + exp x), or sizes of boxes:
values from 0.05 to 50 on steps of 0.2), the arithmetic with a number for each cell by which detectors place boxes
(those of 0..640 have steps of 2.5), and the probabilities of many boxes (of which those of 0.004 and 0.0001 would be
0.004 or 0). Where the model sorts its boxes after the last weights, all that follows these is float: the scores by
which it chooses, the numbers of the classes, and the boxes, which are joined in the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import tee

import numpy as np

from edgecv_converters.quantize.decoding import decoding
from edgecv_converters.quantize.held import HeldValues
from edgecv_converters.quantize.keep_float import keep_float
from edgecv_converters.quantize.layers import sample_count
from edgecv_converters.quantize.network import CASTS, MismatchError, Network, read_network
from edgecv_converters.quantize.ranges import grid_of
from edgecv_converters.quantize.ruined import INFINITE, ruined
from edgecv_converters.quantize.scheme import BiasRoomError, read_scheme, write_scheme
from edgecv_converters.quantize.score import answers
from edgecv_converters.quantize.shared import FIXED_RESULT, SAME_SCALE, groups
from edgecv_converters.quantize.trunk import WEIGHTED, last_ops, sorts
from edgecv_converters.quantize.watched import UnusableFileError, rows_of
from edgecv_converters.tflite.reader import Array, Grid, Op

FAR_OFF, MANY = 0.3, 0.1  # a value that is rounded by so much of itself, and the share of them that is too much
HELD_BYTES = 256 << 20  # values that are looked at
ROUNDS = 8
FINEST = 1 / 1024  # of the scales on which comparisons by 256ths tell most values apart
NEAR_ZERO = 16  # steps: a smaller divisor is 3 % off and more, and 0 on samples that nobody has seen
COMPARISONS = frozenset({"EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"})
WRONG = frozenset({"ONE_HOT"})  # int8 files give other values than the float ones
OTHER_VALUES = "TensorFlow's converter writes other values into the int8 file"
DIVIDED = "int8 rounds values near 0 to 0, and by these is divided"
COMPARED = "int8 kernels compare by steps of 1/256 and below 256"
TIED = "one int8 scale would round a part of its values away"
MOVES = frozenset({"RESHAPE", "SLICE", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE"})  # of one tensor's values


@dataclass(frozen=True, slots=True)
class Repaired:
    """An int8 file with other scales and some operations in float: for each of them its kind, its layer, and why."""

    data: bytes
    kept: tuple[tuple[str, str, str], ...]


def broken_outputs(int8: bytes, float32: bytes, samples: Sequence[Array]) -> int:
    """Count the columns of the outputs that an int8 file ruins: more noise than a tenth, or constant where they vary.

    Outputs that are sorted are left out: their rows stand for other things where two scores change places.

    Args:
        int8: The file, its inputs and outputs float (or the source's integers).
        float32: The float32 file of the same graph.
        samples: For each input in the file's order.
    """
    network = read_network(int8, float32, plain=False)
    few = [values[: sample_count(network)] for values in samples]
    found = zip(network.outputs, answers(float32, few), answers(int8, few), strict=True)
    return sum(
        ruined(expected, got, by_column=_has_columns(network, number))
        for number, expected, got in found
        if not sorts(network, last_ops(network, [number]))
    )


def beyond_scales(int8: bytes, float32: bytes, samples: Sequence[Array]) -> bool:
    """Tell whether an output is ruined on the scale that its kernel fixes, whatever the numbers before it are.

    A softmax's step is 1/256: of a thousand classes about which a model is undecided, each rounds to 0.
    """
    network = read_network(int8, float32, plain=False)
    makers = {number: network.maker(number) for number in network.outputs}
    fixed = [n for n, maker in makers.items() if maker is not None and maker.kind in FIXED_RESULT]
    if not fixed:
        return False
    answered = dict(zip(network.outputs, answers(float32, [v[: sample_count(network)] for v in samples]), strict=True))
    grids = {number: network.grids.get(_before_casts(network, number)) for number in fixed}
    return any(
        grid is not None and ruined(answered[number], grid.nearest(answered[number]), by_column=False) > 0
        for number, grid in grids.items()
    )


def _before_casts(network: Network, tensor: int) -> int:
    """The tensor whose values a cast hands on."""
    maker = next((op for op in network.ops if tensor in op.outputs), None)
    return _before_casts(network, maker.inputs[0]) if maker is not None and maker.kind in CASTS else tensor


def _has_columns(network: Network, tensor: int) -> bool:
    """Tell whether the values of a tensor may be of different kinds; all scores of one softmax or sigmoid are not."""
    maker = network.maker(tensor)
    while maker is not None and maker.kind in MOVES:
        maker = network.maker(maker.inputs[0])
    return maker is not None and maker.kind not in FIXED_RESULT


class RepairSearch:
    """Finds the operations to keep float: round by round, for a new scale may show what else is tied together.

    Args:
        plain: The converter's int8 file with float32 inputs and outputs.
        float32: The converter's float32 file of the same graph.
        samples: Calibration samples for each input in the file's order.
    """

    def __init__(self, plain: bytes, float32: bytes, samples: Sequence[Array]) -> None:
        self._plain, self._float32, self._samples = plain, float32, samples
        self._statistics = False
        self._last: dict[int, str] = {}
        self._known: dict[tuple[int, Grid, bool], bool] = {}

    def repaired(self, *, broken: bool, statistics: bool = False) -> Repaired | None:
        """Keep in float what ties values of different scales together; None where nothing is to be kept.

        Args:
            broken: Whether the outputs are ruined; else only what never is right in int8 is kept.
            statistics: Whether the statistics of normalizations are kept in float as well, where they need it.
        """
        self._statistics = statistics
        try:
            return self._run(broken=broken)
        except (BiasRoomError, MismatchError, UnusableFileError):
            return None

    @cached_property
    def _network(self) -> Network:
        return read_network(self._plain, self._float32)

    def runnable(self) -> Repaired | None:
        """Keep in float what kernels cannot compute at all, or end the process with; None where there is nothing."""
        try:
            kept = set(self._beyond_kernels)
            return self._repaired(kept, self._cut(kept)[0]) if kept else None
        except (BiasRoomError, MismatchError):
            return None

    def _run(self, *, broken: bool) -> Repaired | None:
        """Return the file with as few operations in float as it takes."""
        kept = {number for number, op in enumerate(self._network.ops) if _never(self._network, op)}
        self._last = decoding(self._network)
        kept |= self._last.keys() | self._beyond_kernels
        split = any(group.split for group in groups(self._network))
        if not kept and not split and not broken:
            return None
        data, network = self._cut(kept)
        for _ in range(ROUNDS if broken or kept else 0):
            more = set(self._tied(network)) - kept
            if not more:
                break
            kept |= more
            data, network = self._cut(kept)
        if not kept and data == self._plain:
            return None
        return self._repaired(kept, data)

    def _repaired(self, kept: set[int], data: bytes) -> Repaired:
        return Repaired(data, tuple(self._in_words(number) for number in sorted(kept)))

    @cached_property
    def _beyond_kernels(self) -> dict[int, str]:
        """The operations, by their numbers, that int8 kernels refuse, or get wrong, and why."""
        compared = [(n, op) for n, op in self._computing(self._network) if op.kind in COMPARISONS]
        grids = self._network.grids
        beyond = [n for n, op in compared if any(not FINEST <= grids[i].scale < 1 for i in op.inputs if i in grids)]
        return dict.fromkeys(beyond, COMPARED) | dict.fromkeys(self._dividing(), DIVIDED)

    def _dividing(self) -> set[int]:
        """The operations, by their numbers, that divide by values near 0, and those after weights that give these."""
        network = self._network
        makers = {op.outputs[0]: (number, op) for number, op in self._computing(network)}
        divisors = {n: op.inputs[1] for n, op in makers.values() if op.kind == "DIV"}
        found = {number for number, divisor in divisors.items() if self._comes_near_zero(divisor)}
        waiting = [divisors[number] for number in found]
        while waiting:
            number, op = makers.get(_before_casts(network, waiting.pop()), (-1, None))
            if op is None or number in found or op.kind in WEIGHTED or not self._comes_near_zero(op.outputs[0]):
                continue
            found.add(number)
            waiting.extend(op.inputs)
        return found

    def _comes_near_zero(self, tensor: int) -> bool:
        grid = self._network.grids.get(tensor)
        if grid is None:
            return False
        return any(np.abs(values).min() < NEAR_ZERO * grid.scale for values in self._rows(self._network, tensor))

    def _in_words(self, number: int) -> tuple[str, str, str]:
        """The kind and the layer of an operation that stays float, and why."""
        op = self._network.ops[number]
        why = OTHER_VALUES if op.kind in WRONG or _moves_wrongly(self._network, op) else TIED
        why = self._last.get(number) or self._beyond_kernels.get(number, why)
        return op.kind, self._network.layer(op.outputs[0]), why

    @cached_property
    def _values(self) -> HeldValues:
        """The float file's values of its activations, by their numbers there, for some samples."""
        network = self._network
        twins = sorted({network.twins[number] for number in network.grids})
        held = sum(4 * int(np.prod(network.shapes[number])) for number in network.grids)
        count = int(np.clip(HELD_BYTES // max(held, 1), 1, min(sample_count(network), len(self._samples[0]))))
        return HeldValues(self._float32, twins, rows_of(self._samples, count), count)

    def _cut(self, kept: set[int]) -> tuple[bytes, Network]:
        """The file with these operations in float, and what they had ruined on scales of its own."""
        data = keep_float(self._network, self._plain, self._float32, kept).data if kept else self._plain
        network = read_network(data, self._float32, plain=False)
        grids: dict[int, Grid] = {}
        for group in groups(network):
            if group.split or (group.free and any(self._is_ruined(network, number) for number in group.tensors)):
                ends = [self._ends(network.twins[number]) for number in group.tensors]
                own = grid_of(min(low for low, _ in ends), max(high for _, high in ends))
                grids |= dict.fromkeys(group.tensors, own)
        if grids:
            data = write_scheme(network, data, read_scheme(network, data).with_grids(grids))
        return data, read_network(data, self._float32, plain=False)

    def _ends(self, twin: int) -> tuple[float, float]:
        """The least and the largest of a tensor's values that do not stand for infinity, and of 0."""
        real = (values[np.abs(values) < INFINITE] for values in self._values.rows(twin))
        ends = [(part.min(initial=0), part.max(initial=0)) for part in real]
        return min(low for low, _ in ends), max(high for _, high in ends)

    def _rows(self, network: Network, number: int) -> Iterator[Array]:
        """The float values of an activation, sample by sample."""
        return self._values.rows(network.twins[number])

    def _is_ruined(self, network: Network, number: int, *, by_column: bool = False) -> bool:
        asked = network.twins[number], network.grids[number], by_column
        if asked not in self._known:
            infinite = any(bool((np.abs(values) >= INFINITE).any()) for values in self._rows(network, number))
            exact, again = tee(self._rows(network, number))
            rounded = map(network.grids[number].nearest, again)
            self._known[asked] = infinite or ruined(exact, rounded, by_column=by_column) > 0
        return self._known[asked]

    def _tied(self, network: Network) -> Iterator[int]:
        """The operations, by their numbers in the plain file, that hold a ruined tensor to its scale."""
        by_result = {self._network.twins[op.outputs[0]]: n for n, op in self._computing(self._network)}
        columns, coarse = set(_by_column(network)), self._coarse(network) if self._statistics else frozenset()
        for number in network.grids:
            if number not in coarse and not self._is_ruined(network, number, by_column=number in columns):
                continue
            near = [op for _, op in self._computing(network) if number in (*op.inputs, *op.outputs)]
            chosen = [op for op in near if op.kind in SAME_SCALE] or near
            yield from (by_result[network.twins[op.outputs[0]]] for op in chosen)

    def _coarse(self, network: Network) -> frozenset[int]:
        """The results of reciprocal square roots that are too large for most of their values, and what goes with them.

        That is what comes before and after, as long as its usual values have no steps left either.
        """
        waiting = [op.outputs[0] for op in network.ops if op.kind == "RSQRT" and op.outputs[0] in network.grids]
        found: set[int] = set()
        while waiting:
            number = waiting.pop()
            if number in found or number not in network.grids or not self._has_no_steps(network, number):
                continue
            found.add(number)
            near = [op for op in network.ops if number in (*op.inputs, *op.outputs) and op.kind not in WEIGHTED]
            waiting.extend(other for op in near for other in (*op.inputs, *op.outputs))
        return frozenset(found)

    def _has_no_steps(self, network: Network, number: int) -> bool:
        far = count = 0
        for values in self._rows(network, number):
            real = values[values != 0]
            far += int((np.abs(network.grids[number].nearest(real) - real) > FAR_OFF * np.abs(real)).sum())
            count += real.size
        return far > MANY * count

    @staticmethod
    def _computing(network: Network) -> Iterator[tuple[int, Op]]:
        return ((n, op) for n, op in enumerate(network.ops) if op.kind not in CASTS and op.outputs[0] in network.twins)


def _never(network: Network, op: Op) -> bool:
    """Tell whether an operation is wrong in int8 whatever its operands: a scale that spans infinity, or in `WRONG`."""
    grids = [network.grids[number] for number in op.outputs if number in network.grids]
    infinite = any(max(-grid.low, grid.high) >= INFINITE for grid in grids)
    return bool(grids) and (
        op.kind in WRONG or _moves_wrongly(network, op) or (infinite and _reads_infinity(network, op))
    )


def _moves_wrongly(network: Network, op: Op) -> bool:
    """Tell whether an operation copies integers from one scale to another, and neither may change."""
    if op.kind not in SAME_SCALE:
        return False
    ends = [number for number in (*op.inputs, *op.outputs) if number in network.grids]
    if len({network.grids[number] for number in ends}) < 2:
        return False
    return not any(group.split and ends[0] in group.tensors for group in groups(network))


def _reads_infinity(network: Network, op: Op) -> bool:
    constants = [network.constants[number] for number in op.inputs if number in network.constants]
    return any(value.dtype.kind == "f" and bool((np.abs(value) >= INFINITE).any()) for value in constants)


def _by_column(network: Network) -> Iterator[int]:
    """The int8 tensors whose columns count one by one: what is given out, and what float operations make it of."""
    makers = {number: op for op in network.ops for number in op.outputs}
    waiting = list(network.outputs)
    while waiting:
        number = waiting.pop()
        maker = makers.get(number)
        if number in network.grids and _has_columns(network, number):
            yield number
        elif number not in network.grids and maker is not None and maker.kind not in WEIGHTED:
            waiting.extend(operand for operand in maker.inputs if operand in network.twins)
