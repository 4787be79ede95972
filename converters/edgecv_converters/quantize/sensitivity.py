"""Ranks layers by what quantizing them costs: each is made int8 alone, in a file that is float otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from edgecv_converters.measured import LayerSensitivity
from edgecv_converters.parity.noise import signal_to_noise
from edgecv_converters.quantize.keep_float import MixedFile, keep_float, layers_of
from edgecv_converters.quantize.network import Network
from edgecv_converters.quantize.rebias import corrected_anew, uncorrected
from edgecv_converters.quantize.score import answers, distance
from edgecv_converters.tflite.reader import Array

SAMPLES = 64
FLOAT_BYTES, INT8_BYTES = 4, 1
WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})


@dataclass(frozen=True)
class Pair:
    """The int8 and the float file of one network, and whether inputs and outputs will be integers."""

    network: Network
    int8: bytes
    float32: bytes
    io: str = "float32"

    @cached_property
    def layers(self) -> dict[str, tuple[int, ...]]:
        """The numbers of each layer's operations."""
        return layers_of(self.network)

    def keeping(self, layers: Sequence[str], samples: Sequence[Array]) -> MixedFile:
        """The int8 file with these layers in float, its other biases corrected anew on calibration samples."""
        made = keep_float(self.network, self.int8, self.float32, self._ops(layers), io=self.io)
        return replace(made, data=corrected_anew(made.data, self.float32, samples)) if layers else made

    def alone(self, layer: str) -> bytes:
        """A float file with this layer in int8, its bias not corrected for what is float here."""
        others = self._ops([other for other in self.layers if other != layer])
        return keep_float(self.network, self._uncorrected, self.float32, others).data

    @cached_property
    def _uncorrected(self) -> bytes:
        return uncorrected(self.network, self.int8)

    def _ops(self, layers: Sequence[str]) -> list[int]:
        return [number for layer in layers for number in self.layers[layer]]


def ranked(
    pair: Pair,
    samples: Sequence[Array],
    in_time: Callable[[], bool],
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[LayerSensitivity]:
    """Measure every layer's sensitivity, the costliest first; layers that there was no time for come last, by work.

    Args:
        pair: The files.
        samples: Calibration samples for each input in the file's order; at most 64 are used.
        in_time: Whether another layer may be measured.
        on_progress: Told how many layers of how many are done.
    """
    few = [values[:SAMPLES] for values in samples]
    reference = answers(pair.float32, few)
    work = {layer: sum(_macs(pair.network, number) for number in ops) for layer, ops in pair.layers.items()}
    found = []
    for done, layer in enumerate(pair.layers):
        measured = _alone(pair, layer, few, reference) if in_time() else (None, None)
        found.append(_price(pair, layer, measured, work[layer] / max(sum(work.values()), 1)))
        on_progress(done + 1, len(pair.layers))
    return sorted(found, key=lambda layer: (layer.distance is None, -(layer.distance or 0.0), -layer.work))


def _alone(
    pair: Pair, layer: str, samples: Sequence[Array], reference: Sequence[Array]
) -> tuple[float | None, float | None]:
    """Measure the answers with one layer in int8 and all others in float: their distance, and the ratio in dB."""
    got = answers(pair.alone(layer), samples)
    signal = sum(float(np.square(np.asarray(values, np.float64)).sum()) for values in reference)
    noise = sum(float(np.square(a.astype(np.float64) - b).sum()) for a, b in zip(reference, got, strict=True))
    return distance(pair.network, reference, got), signal_to_noise(signal, noise)


def _price(pair: Pair, layer: str, measured: tuple[float | None, float | None], work: float) -> LayerSensitivity:
    network, ops = pair.network, pair.layers[layer]
    weights = [product.weight for product in network.products if product.op in ops]
    held = sum(int(np.prod(network.shapes[weight])) for weight in weights)
    return LayerSensitivity(
        layer=layer,
        ops=tuple(network.ops[number].kind for number in ops),
        distance=measured[0],
        snr_db=measured[1],
        extra_bytes=(FLOAT_BYTES - INT8_BYTES) * held,
        work=work,
        kept=False,
    )


def _macs(network: Network, number: int) -> int:
    op = network.ops[number]
    if op.kind not in WEIGHTED:
        return 0
    weight = network.shapes[op.inputs[1]]
    if op.kind == "TRANSPOSE_CONV":
        return int(np.prod(network.shapes[op.inputs[2]])) * int(np.prod(weight[:3]))
    if op.kind == "DEPTHWISE_CONV_2D":
        return int(np.prod(network.shapes[op.outputs[0]])) * int(np.prod(weight[1:3]))
    return int(np.prod(network.shapes[op.outputs[0]])) * int(np.prod(weight[1:]))
