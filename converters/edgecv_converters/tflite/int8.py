"""Makes the int8 TFLite file, which carries the one quantization of all targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice

import numpy as np
from edgecv_runtime.errors import ConversionError
from edgecv_runtime.schema import TensorIO

from edgecv_converters.data import Spool
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.passes import integer_casts, square
from edgecv_converters.graph.passes.runner import canonical
from edgecv_converters.isolate.child import give_back, progress, wait_for
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.measured import LayerError, Mixed
from edgecv_converters.quantize import LOGITS, Quantized, QuantizeSettings, Refinement, quantize
from edgecv_converters.quantize.floats import FloatValues, float_values
from edgecv_converters.quantize.layers import measure_layers
from edgecv_converters.quantize.network import MismatchError, read_network
from edgecv_converters.quantize.quantizer import check_known
from edgecv_converters.quantize.repair import RepairSearch, beyond_scales, broken_outputs
from edgecv_converters.quantize.scheme import BiasRoomError
from edgecv_converters.quantize.watched import UnusableFileError
from edgecv_converters.quantize.whole_range import FEW, with_whole_ranges, without_empty_ranges
from edgecv_converters.targets import IoType, Quantizing
from edgecv_converters.tflite.compact import compact
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import describe, input_names
from edgecv_converters.tflite.ends import with_io
from edgecv_converters.tflite.integers import check_integers, float_operations
from edgecv_converters.tflite.reader import Array
from edgecv_converters.workers.exchange import CALIBRATION, PICTURES, TRAINING
from edgecv_converters.workers.mixed import keep_within
from edgecv_converters.workers.training import training_job

SHOWN = 1000  # progress is shown as so many parts
PLAIN_SHARE = 0.2
MIXED_BEGINS = 0.3


PASSES = (square.rewrite, integer_casts.rewrite)
NO_KERNEL = "TFLite has no int8 kernel for it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8:
    """An int8 file.

    Attributes:
        data: The .tflite file.
        steps: What edgecv's quantizer did that helped.
        notes: What a person should know.
        layers: How far each result inside is from the float file's.
        float32_bytes: The size of that file.
        float_layers: The layers that stay float because they have no right int8 form.
        mixed: Which layers stay float for an accuracy budget; None where none was given.
    """

    data: bytes
    steps: tuple[str, ...]
    notes: tuple[str, ...]
    layers: tuple[LayerError, ...]
    float32_bytes: int
    float_layers: tuple[str, ...] = ()
    mixed: Mixed | None = None


@dataclass(frozen=True, slots=True)
class _Given:
    """The float file, the calibration samples, and these as an array for each input in the file's order."""

    float32: bytes
    spool: Spool
    names: list[str]
    arrays: list[Array]


@dataclass(frozen=True, slots=True)
class _Made:
    """An int8 file with float32 inputs and outputs; `islands` are float: kinds and layers, and why."""

    data: bytes
    steps: tuple[str, ...]
    notes: tuple[str, ...]
    islands: tuple[tuple[str, str, str], ...]
    mixed: Mixed | None


@dataclass(slots=True)
class _Making:
    """An int8 file while it is made of the converter's plain one, with float32 inputs and outputs.

    Attributes:
        plain, float32: The converter's two files of one graph.
        samples: Calibration samples for each input in the file's order.
        quantized: Makes the plain file better.
        repairs: Finds what is to stay float.
        data: The file so far; `steps` and `notes` are of it.
        kept: Operations that are float although TFLite has an int8 kernel: their kinds and layers, and why.
    """

    plain: bytes
    float32: bytes
    samples: list[Array]
    quantized: Callable[[bytes], Quantized]
    repairs: RepairSearch
    data: bytes = b""
    steps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    kept: tuple[tuple[str, str, str], ...] = ()

    def quantize(self, *, strict: bool) -> None:
        """Quantize the plain file; where that ruins an output, or must, once more with what does it in float."""
        if not strict and self._is_beyond_scales() and self._repairs_at_once():
            return
        self._take_plain(strict=strict)
        ruined = 0 if strict else self._ruined()
        for statistics in () if strict else (False, True):
            if statistics and not ruined:
                return
            found = self.repairs.repaired(broken=ruined > 0, statistics=statistics)
            if found is None or (statistics and found.kept == self.kept):
                continue
            before = replace(self)
            self._take(self.quantized(found.data))
            self.kept = found.kept
            left = self._ruined()
            if ruined and left >= ruined:
                self.data, self.steps, self.notes, self.kept = before.data, before.steps, before.notes, before.kept
            else:
                ruined = left

    def _take_plain(self, *, strict: bool) -> None:
        """Quantize the plain file, but for what keeps it from being run at all."""
        found = None if strict else self.repairs.runnable()
        try:
            self._take(self.quantized(self.plain if found is None else found.data))
        except UnusableFileError as error:
            hint = "Leave --strict-int8 out: what int8 cannot compute stays float then"
            raise ConversionError(error.message, hint if strict else error.hint) from error
        self.kept = () if found is None else found.kept

    def _is_beyond_scales(self) -> bool:
        try:
            return beyond_scales(self.plain, self.float32, self.samples)
        except MismatchError:
            return False

    def _repairs_at_once(self) -> bool:
        """Quantize the repaired file without the plain one, which cannot become sound, where that saves all outputs."""
        found = self.repairs.repaired(broken=True)
        if found is None:
            return False
        self._take(self.quantized(found.data))
        self.kept = found.kept
        return not self._ruined()

    def _take(self, made: Quantized) -> None:
        self.data, self.steps, self.notes = made.data, made.steps, made.notes

    def _ruined(self) -> int:
        try:
            return broken_outputs(self.data, self.float32, self.samples)
        except MismatchError:
            return 0


def to_int8(frozen: FrozenGraph, store: ObjectStore, io: IoType, how: Quantizing) -> Int8:
    """Quantize by the calibration samples; the file's inputs and outputs are of the dtype `io`, or integers anyway.

    Waits for the letters "calibration" and "pictures"; to train for "sets"; with a budget for those of
    `keep_within`.

    Raises:
        ConversionError: The converter refused the graph, or an operation stays float where that is an error.
    """
    frozen = canonical(frozen, PASSES)
    float32 = to_tflite(frozen, "float32")  # while the samples are still being prepared
    give_back()  # what the converter took
    spool = wait_for(store, CALIBRATION)
    names = _in_file_order(describe(float32, frozen.inputs, frozen.outputs)[0], input_names(float32))
    arrays = _arrays(spool, frozen, names)
    made = _made(frozen, store, io, how, _Given(float32, spool, names, arrays))
    give_back()  # what was held of the samples' values
    data = made.data
    layers = measure_layers(data, float32, arrays, by_answers=LOGITS in made.steps)
    if len(data) > len(float32):
        data = compact(data)
    return Int8(
        data=with_io(data, io),
        steps=made.steps,
        notes=(*made.notes, *_in_words(made.islands)),
        layers=layers,
        float32_bytes=len(float32),
        float_layers=tuple(dict.fromkeys(layer for _, layer, _ in made.islands)),
        mixed=made.mixed,
    )


def _made(frozen: FrozenGraph, store: ObjectStore, io: IoType, how: Quantizing, given: _Given) -> _Made:
    """Quantize, and with a budget keep layers float until it is kept to."""
    float32, arrays = given.float32, given.arrays
    whole = 1.0 if how.budget is None else MIXED_BEGINS
    plain, known = _plain(frozen, given.spool, float32, arrays, how, whole)
    give_back()  # what the converter took

    @cache
    def quantized(data: bytes) -> Quantized:
        if how.quantizer != "edgecv":
            return Quantized(data=data, steps=(), notes=(), distances={})
        settings = _settings(how, frozen, data, given.names, store)
        return quantize(data, float32, arrays, settings, part(PLAIN_SHARE * whole, whole), known)

    making = _Making(plain, float32, arrays, quantized, RepairSearch(plain, float32, arrays))
    making.quantize(strict=how.strict)
    data, mixed = making.data, None
    if how.budget is not None:
        made, mixed = keep_within(how.budget, frozen, (data, float32), arrays, io, store, part(whole, 1.0))
        data = made.data
    islands = (*making.kept, *_without_kernel(plain))
    return _Made(data, making.steps, making.notes, islands, mixed)


def _plain(
    frozen: FrozenGraph, spool: Spool, float32: bytes, arrays: list[Array], how: Quantizing, whole: float
) -> tuple[bytes, FloatValues | None]:
    """The plain int8 file, and what the float file computes for the samples where that was needed.

    The converter calibrates with a few samples, if the ranges of all of them can be put in afterwards.
    """
    total = round(spool.count / (PLAIN_SHARE * whole))

    def converted(count: int) -> bytes:
        data = to_tflite(frozen, "int8", samples=streamed(spool, total, count), dense_scales=how.dense_scales)
        if how.strict:
            check_integers(data)
        return data

    if how.quantizer != "edgecv" or spool.count <= FEW:
        return without_empty_ranges(converted(spool.count), float32), None
    few, known = converted(FEW), None
    give_back()  # what the converter took
    try:
        network = read_network(few, float32)
        check_known(network)
        known = float_values(network, float32, arrays, lambda done, _: progress(done, total))
        return with_whole_ranges(network, few, known), known
    except (BiasRoomError, MismatchError, UnusableFileError):  # the ranges of all samples cannot be put in
        return without_empty_ranges(converted(spool.count), float32), known


def _arrays(spool: Spool, frozen: FrozenGraph, names: list[str]) -> list[Array]:
    """The calibration samples of each input in the file's order, in the input's own dtype."""
    dtypes = {endpoint.name: np.dtype(endpoint.dtype) for endpoint in frozen.inputs}
    held = [(np.load(spool.path(name), mmap_mode="r")[: spool.count], dtypes[name]) for name in names]
    return [values if values.dtype == dtype else values.astype(dtype) for values, dtype in held]


def _without_kernel(plain: bytes) -> tuple[tuple[str, str, str], ...]:
    return tuple((kind, layer, NO_KERNEL) for kind, layer in float_operations(plain))


def _in_words(islands: tuple[tuple[str, str, str], ...]) -> Iterator[str]:
    """A note for each layer that stays float: which operations of it, and why."""
    found: dict[tuple[str, str], list[str]] = {}
    for kind, layer, reason in islands:
        found.setdefault((layer, reason), []).append(kind)
    for (layer, reason), kinds in found.items():
        yield f"{layer} stays float in the int8 files ({', '.join(dict.fromkeys(kinds))}): {reason}"


def _settings(
    how: Quantizing, frozen: FrozenGraph, plain: bytes, names: list[str], store: ObjectStore
) -> QuantizeSettings:
    pictures = wait_for(store, PICTURES)
    if how.epochs is not None:
        sets = wait_for(store, TRAINING)
        return QuantizeSettings(seed=how.seed, train=training_job(sets, how.epochs, frozen, plain, names))
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


def streamed(spool: Spool, total: int, most: int) -> Callable[[], Iterator[Mapping[str, np.ndarray]]]:
    """The first calibration samples one by one, as the converter takes them; progress is shown of `total`."""

    def generate() -> Iterator[Mapping[str, np.ndarray]]:
        for rows, batch in islice(spool.batches(1), most):
            yield batch
            progress(rows.stop, total)

    return generate
