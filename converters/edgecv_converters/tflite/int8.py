"""Makes the int8 TFLite file, which carries the one quantization of all targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from edgecv_runtime.schema import TensorIO

from edgecv_converters.data import Spool
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.isolate.child import progress, wait_for
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.measured import LayerError, Mixed
from edgecv_converters.quantize import LOGITS, QuantizeSettings, Refinement, quantize
from edgecv_converters.quantize.layers import measure_layers
from edgecv_converters.targets import IoType, Quantizing
from edgecv_converters.tflite import check_integers, describe, input_names, to_tflite, with_io
from edgecv_converters.workers.exchange import CALIBRATION, PICTURES, TRAINING
from edgecv_converters.workers.mixed import keep_within

SHOWN = 1000  # progress is shown as so many parts
PLAIN_SHARE = 0.2
MIXED_BEGINS = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8:
    """An int8 file.

    Attributes:
        data: The .tflite file.
        steps: What edgecv's quantizer did that helped.
        notes: What a person should know.
        layers: How far each result inside is from the float file's.
        mixed: Which layers stay float; None where no budget was given.
    """

    data: bytes
    steps: tuple[str, ...]
    notes: tuple[str, ...]
    layers: tuple[LayerError, ...]
    mixed: Mixed | None = None


def to_int8(frozen: FrozenGraph, store: ObjectStore, io: IoType, how: Quantizing) -> Int8:
    """Quantize by the calibration samples; the file's inputs and outputs are of the dtype `io`.

    Waits for the letters "calibration" and "pictures"; to train for "lessons"; with a budget for those of
    `keep_within`.

    Raises:
        ConversionError: The converter refused the graph, or an operation stays float.
    """
    spool = wait_for(store, CALIBRATION)
    whole = 1.0 if how.budget is None else MIXED_BEGINS
    plain = to_tflite(frozen, "int8", samples=streamed(spool, round(spool.count / (PLAIN_SHARE * whole))))
    check_integers(plain)
    float32 = to_tflite(frozen, "float32")
    names = _in_file_order(describe(plain, frozen.inputs, frozen.outputs)[0], input_names(plain))
    arrays = [np.load(spool.path(name), mmap_mode="r")[: spool.count] for name in names]
    data, steps, notes = plain, tuple[str, ...](), tuple[str, ...]()
    if how.quantizer == "edgecv":
        found = quantize(
            plain, float32, arrays, _settings(how, frozen, plain, names, store), part(PLAIN_SHARE * whole, whole)
        )
        data, steps, notes = found.data, found.steps, found.notes
    mixed = None
    if how.budget is not None:
        made, mixed = keep_within(how.budget, frozen, (data, float32), arrays, io, store, part(whole, 1.0))
        data = made.data
    layers = measure_layers(data, float32, arrays, by_answers=LOGITS in steps)
    return Int8(data=with_io(data, io), steps=steps, notes=notes, layers=layers, mixed=mixed)


def _settings(
    how: Quantizing, frozen: FrozenGraph, plain: bytes, names: list[str], store: ObjectStore
) -> QuantizeSettings:
    pictures = wait_for(store, PICTURES)
    if how.epochs is not None:
        lessons = wait_for(store, TRAINING)
        return QuantizeSettings(seed=how.seed, train=lessons.training(how.epochs, frozen, plain, names))
    if how.refine_seconds is None:
        return QuantizeSettings(seed=how.seed)
    places = frozenset(place for place, name in enumerate(names) if name in pictures)
    return QuantizeSettings(seed=how.seed, refine=Refinement(seconds=how.refine_seconds, pictures=places))


def _in_file_order(described: tuple[TensorIO, ...], tensors: list[str]) -> list[str]:
    """The source's input names in the order of the file's inputs."""
    source = {tensor.tensor: tensor.name for tensor in described}
    return [source[tensor] for tensor in tensors]


def part(start: float, end: float) -> Callable[[float, float | None], None]:
    """Shows the progress of one part of the work: 0 to 1 in it is `start` to `end` of all."""
    return lambda share, seconds: progress(round(SHOWN * (start + (end - start) * share)), SHOWN, seconds)


def streamed(spool: Spool, total: int) -> Callable[[], Iterator[Mapping[str, np.ndarray]]]:
    """The calibration samples one by one, as the converter takes them; `total` is what progress is shown of."""

    def generate() -> Iterator[Mapping[str, np.ndarray]]:
        for rows, batch in spool.batches(1):
            yield batch
            progress(rows.stop, total)

    return generate
