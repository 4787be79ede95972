"""Runs the float file once on the calibration samples, and keeps of its values what the steps need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgecv_converters.quantize.behind import SeenSums, Summands, summed
from edgecv_converters.quantize.bias import correction_samples
from edgecv_converters.quantize.logits import answered_logits
from edgecv_converters.quantize.network import MismatchError, Network
from edgecv_converters.quantize.observed import NotFiniteError, Observed
from edgecv_converters.quantize.shared import groups
from edgecv_converters.quantize.watched import WatchedFile, file_outputs, in_turn, rows_of
from edgecv_converters.tflite.reader import Array

if TYPE_CHECKING:
    from typing import Self

FEWEST = 64  # samples for any step
COUNTS_WORK, FILE_WORK = 4e11, 1e11  # multiply-adds of the samples that are counted, and those a candidate may cost


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCounts:
    """The number of samples that each step takes, the first ones; chosen by sizes alone, so the same on every machine.

    Attributes:
        ranges: For the counts of the activations' values; the smallest and the largest value are of all samples.
        scores: For the distance of a file's answers.
        biases: For the correction of biases.
    """

    ranges: int
    scores: int
    biases: int

    @classmethod
    def of(cls, network: Network, given: int) -> Self:
        """Those for a network and a number of samples that are there."""
        macs = sum(
            int(np.prod(network.shapes[network.ops[product.op].outputs[0]][1:-1]))
            * int(np.prod(network.shapes[product.weight]))
            for product in network.products
        )
        ranges, scores = (min(given, max(FEWEST, int(work // max(macs, 1)))) for work in (COUNTS_WORK, FILE_WORK))
        return cls(ranges=ranges, scores=scores, biases=min(correction_samples(network), ranges))


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatValues:
    """The float file's values, by its own tensor numbers.

    Attributes:
        counts: Of how many samples each is.
        seen: The ends of every tensor that is int8 in the other file, and counts of its values.
        pairs: Values of two tensors at the same places, for the sums that an activation function follows.
        means: The mean input of each product with a bias, batch 1.
        answers: The outputs, in the file's order, as `score.answers` gives them.
    """

    counts: SampleCounts
    seen: Observed
    pairs: Mapping[tuple[int, int], Summands]
    means: dict[int, Array]
    answers: list[Array]

    def cover(self, network: Network) -> bool:
        """Tell whether they are of all tensors that the steps look at, in a network of the same float file.

        The converter may give a tensor a scale in one file and none in another of the same graph: of what nobody reads
        it sees whatever lies in the memory.
        """
        ranged = (network.twins[number] for number in network.grids)
        return self.seen.holds(ranged) and MeanInputs(network).tensors <= self.means.keys()


def float_values(
    network: Network,
    float32: bytes,
    samples: Sequence[Array],
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> FloatValues:
    """Run the float file on the calibration samples, once.

    Args:
        network: The pair of an int8 file and this one.
        float32: The file.
        samples: For each input in the file's order.
        on_progress: Told how many samples of how many are done.

    Raises:
        MismatchError: A value is not finite; the message names its layer and the sample.
    """
    total = len(samples[0])
    counts = SampleCounts.of(network, total)
    ranged = {network.twins[number] for number in network.grids}
    means = MeanInputs(network)
    together = {network.twins[number]: network.shapes[number][-1] for number in answered_logits(network)}
    seen = Observed(sorted(ranged), counts.ranges, together)
    pairs = SeenSums(summed(network, groups(network)), counts.ranges)
    outputs = file_outputs(float32)
    answers: dict[int, list[Array]] = {number: [] for number in outputs}

    def look(number: int, values: Array) -> None:
        if number in ranged:
            seen.add(number, values, counted=row < counts.ranges)
        if row < counts.ranges:
            pairs.add(number, values)
        if row < counts.biases:
            means.add(number, values)
        if number in answers and row < counts.scores:
            answers[number].append(values.copy())

    for row, file in enumerate(in_turn(float32, ranged | means.tensors, rows_of(samples, total))):
        try:
            file.look(look)
        except NotFiniteError as error:
            raise MismatchError(f"{_layer(network, error.tensor)} gives {error.value} for sample {row + 1}") from error
        pairs.take()
        on_progress(row + 1, total)
    return FloatValues(
        counts=counts,
        seen=seen,
        pairs=pairs.all(),
        means=means.of(counts.biases),
        answers=[np.stack(answers[n]) for n in outputs],
    )


def _layer(network: Network, twin: int) -> str:
    """Name the layer of one of the float file's tensors."""
    number = next(number for number, other in network.twins.items() if other == twin)
    return f"layer {network.layer(number)}" if network.maker(number) else f"input {network.names[number]}"


class MeanInputs:
    """The float network's mean input of each product with a bias, by the float file's numbers.

    One whose bias another product reads is among them: a repair may leave it the only one in int8.
    """

    def __init__(self, network: Network) -> None:
        self.tensors = {network.twins[product.source] for product in network.products if product.bias is not None}
        self._sums: dict[int, Array] = {}

    def add(self, number: int, values: Array) -> None:
        """Take one sample's values of a tensor in, if it is such an input."""
        if number not in self.tensors:
            return
        if number in self._sums:
            self._sums[number] += values
        else:
            self._sums[number] = values.astype(np.float32)

    def of(self, count: int) -> dict[int, Array]:
        """The means over so many samples."""
        return {number: total / np.float32(count) for number, total in self._sums.items()}


def mean_inputs(network: Network, float32: bytes, samples: Sequence[Array]) -> dict[int, Array]:
    """The float network's mean inputs for some samples."""
    means = MeanInputs(network)
    file = WatchedFile(float32, means.tensors)
    for feed in rows_of(samples, len(samples[0])):
        file.run(feed)
        file.look(means.add)
    return means.of(len(samples[0]))
