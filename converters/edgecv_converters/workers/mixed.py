"""Chooses the layers that stay float, so that an int8 file's accuracy keeps to a budget on validation samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from edgecv_runtime.errors import ConversionError

from edgecv_converters.data import Spool
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.isolate.child import wait_for
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.measured import LayerSensitivity, Mixed
from edgecv_converters.quantize.fewest import FewestFloatLayers, fewest
from edgecv_converters.quantize.keep_float import MixedFile
from edgecv_converters.quantize.network import MismatchError, read_network
from edgecv_converters.quantize.score import answers
from edgecv_converters.quantize.sensitivity import Pair, ranked
from edgecv_converters.targets import Budget
from edgecv_converters.tflite.describe import describe, input_names, output_names
from edgecv_converters.tflite.integers import check_integers, float_results
from edgecv_converters.tflite.reader import Array
from edgecv_converters.workers.exchange import REFERENCES, VALIDATION
from edgecv_converters.workers.records import Validation

RANKING_SHARE = 0.5  # of the time limit
MOST = 0.75  # of the layers: with more in float the file is no int8 file
Progress = Callable[[float, float | None], None]


def keep_within(
    budget: Budget,
    frozen: FrozenGraph,
    files: tuple[bytes, bytes],
    samples: Sequence[Array],
    io: str,
    store: ObjectStore,
    on_progress: Progress,
) -> tuple[MixedFile, Mixed]:
    """The int8 file with as few layers in float as the budget needs, or the best that was reached.

    Waits for the letters "validation" and "references".

    Args:
        budget: What accuracy may lose, and how long the search may take.
        frozen: The graph.
        files: The int8 file with float32 inputs and outputs, and the float32 file.
        samples: Calibration samples for each input in the file's order; the layers are ranked on them.
        io: What the dtype of the file's inputs and outputs will be made.
        store: Where the letters come.
        on_progress: Told the share that is done and an estimate of the seconds that are left.

    Raises:
        ConversionError: The two files differ in their structure, or an operation that was not chosen is float.
    """
    try:
        pair = Pair(read_network(*files, plain=False), *files, io=io)
    except MismatchError as error:
        raise ConversionError(f"no layer can be kept float: {error.message}", "Leave --max-drop out") from error
    validation = wait_for(store, VALIDATION)
    judge = ValidationAccuracy(frozen, files[0], validation, wait_for(store, REFERENCES)["validation"])
    clock = _BudgetClock(budget.seconds, on_progress)
    sensitivities = ranked(pair, samples, lambda: clock.share() < RANKING_SHARE, clock.ranking)
    seen: dict[int, Judged] = {}

    def measure(count: int) -> float:
        seen[count] = judge(pair.keeping([layer.layer for layer in sensitivities[:count]], samples).data)
        clock.trying(len(seen))
        return seen[count].points

    found = fewest(int(MOST * len(sensitivities)), measure, budget.points, lambda: clock.share() < 1)
    chosen = [layer.layer for layer in sensitivities[: found.count]]
    made = pair.keeping(chosen, samples)
    check_integers(made.data, made.kept | float_results(files[0]))
    kept = tuple(msgspec.structs.replace(layer, kept=layer.layer in chosen) for layer in sensitivities)
    return made, _record(budget, validation, found, kept, seen[0], clock.elapsed())


def kept_layers(mixed: Mixed | None) -> tuple[str, ...]:
    """The layers that stay float, the costliest first."""
    return () if mixed is None else tuple(layer.layer for layer in mixed.layers if layer.kept)


@dataclass(frozen=True, slots=True)
class Judged:
    """The quality (0..1) of a file and of its source on `count` validation samples: accuracy, or the head's measure."""

    count: int
    own: float
    source: float

    @property
    def points(self) -> float:
        """The points of 100 by which it fell."""
        return 100 * (self.source - self.own)


def _record(
    budget: Budget,
    validation: Validation,
    found: FewestFloatLayers,
    sensitivities: tuple[LayerSensitivity, ...],
    plain: Judged,
    seconds: float,
) -> Mixed:
    return Mixed(
        budget=budget.points,
        drop=found.drop,
        on=validation.on,
        count=plain.count,
        source_accuracy=plain.source,
        layers=sensitivities,
        trials=found.trials,
        seconds=round(seconds, 3),
        reason=found.reason,
    )


class ValidationAccuracy:
    """Measures files on the validation samples against the source model."""

    def __init__(self, frozen: FrozenGraph, int8: bytes, validation: Validation, references: Spool) -> None:
        taken, given, _ = describe(int8, frozen.inputs, frozen.outputs)
        source = {tensor.tensor: tensor.name for tensor in taken}
        spool = validation.data.inputs
        self._inputs = [np.load(spool.path(source[name]), mmap_mode="r")[: spool.count] for name in input_names(int8)]
        self._head = validation.head
        tensors = {io.name: io.tensor for io in given}
        names = output_names(int8)
        self._places = {name: names.index(tensors[name]) for name in self._head.spec.outputs}
        self._truth = validation.data.truths[self._head.name]
        expected = {name: np.load(references.path(name), mmap_mode="r")[: spool.count] for name in self._places}
        self._source = self._quality(expected)

    def __call__(self, data: bytes) -> Judged:
        """Measure a file whose outputs are float32."""
        found = answers(data, self._inputs)
        outputs = {name: found[place] for name, place in self._places.items()}
        own = {name: values.reshape(len(values), *values.shape[2:]) for name, values in outputs.items()}
        return Judged(len(self._truth), self._quality(own), self._source)

    def _quality(self, outputs: Mapping[str, Array]) -> float:
        measured = self._head.measure(self._truth, self._head.answers(outputs)).headline()
        assert measured is not None, "a budget is of a head that has a measure"
        return measured[1]


class _BudgetClock:
    """The clock of a search with a time limit, which also tells its progress."""

    def __init__(self, limit: float, on_progress: Progress) -> None:
        self._limit, self._tell, self._began = limit, on_progress, time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def share(self) -> float:
        """The share of the time limit that is used, 0 to 1 and beyond."""
        return self.elapsed() / self._limit

    def ranking(self, done: int, total: int) -> None:
        """A layer was ranked: the rest takes as long each, unless the time ends it."""
        rest = self.elapsed() / done * (total - done)
        self._tell(0.7 * done / total, min(rest, RANKING_SHARE * self._limit))

    def trying(self, done: int) -> None:
        """A number of layers was tried; how many more will be is not known, so there is no estimate."""
        self._tell(1 - 0.3 / (1 + done), None)
