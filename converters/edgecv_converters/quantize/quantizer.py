"""The whole quantizer: from the converter's plain int8 file to one that keeps more of the model's answers.

Every step is tried on the calibration samples with the real file, and only what brings it nearer to the float file is
kept: where nothing helps, the plain file stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from edgecv_converters.quantize.behind import read_grids, readings
from edgecv_converters.quantize.bias import corrected
from edgecv_converters.quantize.compensate import compensable
from edgecv_converters.quantize.execute import execute, mixing, unwatched
from edgecv_converters.quantize.floats import FloatValues, float_values
from edgecv_converters.quantize.held import HeldFiles
from edgecv_converters.quantize.kernels import unknown
from edgecv_converters.quantize.logits import Logits, find_logits, least_divergence_grid, logit_tensors
from edgecv_converters.quantize.network import MismatchError, Network, read_network
from edgecv_converters.quantize.observed import NotFiniteError, Observed
from edgecv_converters.quantize.qat import TrainingJob, score, trained
from edgecv_converters.quantize.race import Distances, Steps, nearest, race, side_by_side
from edgecv_converters.quantize.refine import Refinement, refined
from edgecv_converters.quantize.scheme import BiasRoomError, Scheme, read_scheme, write_scheme
from edgecv_converters.quantize.score import answers
from edgecv_converters.quantize.shared import Group, groups
from edgecv_converters.quantize.trunk import trunk_files
from edgecv_converters.quantize.watched import UnusableFileError
from edgecv_converters.quantize.weights import least_error_weights
from edgecv_converters.tflite.reader import Array, Grid

Progress = Callable[[float, float | None], None]

RANGES, SCALES, BIASES = "least-error activation ranges", "least-error weight scales", "bias correction"
BEHIND = "ranges judged behind activation functions"
LOGITS = "least-divergence logit ranges"
ROUNDING = "error-compensated weight rounding"
BEFORE_TRAINING = 0.1  # of what progress shows, where it is refined or trained
SHARES = 1000  # parts in which the progress of one correction is counted
SAME_FLOAT = 1e-3  # of the largest output: how near the simulated float network must be to the float file


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeSettings:
    """The settings of the quantizer.

    Attributes:
        seed: Of every draw.
        refine: Whether to distil on the calibration samples afterwards, and how; None leaves it out.
        train: Labelled samples to train on afterwards, and how; None leaves it out.
        steps: Exactly these, whether they help or not: for measurements. None chooses.
    """

    seed: int = 0
    refine: Refinement | None = None
    train: TrainingJob | None = None
    steps: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantized:
    """The better file.

    Attributes:
        data: The .tflite file, its inputs and outputs float32.
        steps: What was done to it and helped; empty where it is the plain file.
        notes: What a person should know.
        distances: How far the answers to the calibration samples were from the float file's, by what was done.
    """

    data: bytes
    steps: tuple[str, ...]
    notes: tuple[str, ...]
    distances: Mapping[str, float]


def quantize(
    plain: bytes,
    float32: bytes,
    samples: Sequence[Array],
    settings: QuantizeSettings,
    on_progress: Progress = lambda _share, _seconds: None,
    known: FloatValues | None = None,
) -> Quantized:
    """Make the plain int8 file better, if that is possible.

    Args:
        plain: The converter's int8 file with float32 inputs and outputs.
        float32: The converter's float32 file of the same graph.
        samples: Calibration samples for each input in the file's order, (count, ...) float32.
        settings: How.
        on_progress: Told the share that is done, 0 to 1, and how many seconds are left where that was measured.
        known: What the float file computes for these samples, where that is known already; computed anew where it is of
            another int8 file and does not cover this one.
    """
    try:
        network = read_network(plain, float32)
        check_known(network)
        if known is not None and not known.cover(network):
            known = None
        cut = trunk_files(network, plain, float32)
        if cut is None:
            return _Search(network, plain, float32, samples, settings, on_progress, known).run()
        return _Search(read_network(*cut), *cut, samples, settings, on_progress, None, whole=plain).run()
    except MismatchError as error:
        note = f"The int8 file is the converter's plain one: {error.message}"
        return Quantized(data=plain, steps=(), notes=(note,), distances={})


def check_known(network: Network) -> None:
    """Check that every operation up to the last weights can be computed here.

    Raises:
        MismatchError: One cannot; the message names its layer.
    """
    missing = unknown(up_to_weights(network))
    if missing:
        op = missing[0]
        raise MismatchError(f"{op.kind} of layer {network.layer(op.outputs[0])} cannot be simulated")


def up_to_weights(network: Network) -> Network:
    """The network without what follows the last weights: no bias and no rounding of weights depends on that."""
    last = max((product.op for product in network.products), default=len(network.ops) - 1)
    return replace(network, ops=network.ops[: last + 1])


@dataclass(frozen=True, slots=True)
class _Grids:
    """The grids of least error for all activations, those of least error of what is read, and those of logits."""

    least_error: Mapping[int, Grid]
    read: Mapping[int, Grid]
    logits: Mapping[int, Grid]


@dataclass(slots=True)
class _Search:
    """The state of one quantization.

    `plain` and `float32` are the files that are compared; `whole` is the one that is made, where they are parts of it.
    """

    network: Network
    plain: bytes
    float32: bytes
    samples: Sequence[Array]
    settings: QuantizeSettings
    on_progress: Progress
    known: FloatValues | None
    whole: bytes | None = None
    distances: dict[str, float] = field(default_factory=dict)

    def run(self) -> Quantized:
        """Try the steps, keep what helps."""
        plain = read_scheme(self.network, self.plain)
        schemes: dict[Steps, Scheme] = {(): plain, **dict(self._candidates(plain))}
        if self.settings.steps is not None:
            schemes = {steps: scheme for steps, scheme in schemes.items() if steps in {(), self.settings.steps}}
        files = HeldFiles[Steps]()
        for steps, scheme in schemes.items():
            if (made := self._file(steps, scheme)) is not None:
                files.add(steps, made)
        found = self._race(files)
        wanted = self.settings.steps
        steps = wanted if wanted is not None and wanted in found else nearest(found)
        best, notes = schemes[steps], self._notes(steps)
        if self.settings.refine is not None:
            best, steps, notes = self._refine(best, steps, notes, files[steps])
        if self.settings.train is not None:
            best, steps, notes = self._train(self.settings.train, best, steps, notes)
        whole = self.whole or self.plain
        data = write_scheme(self.network, whole, best) if steps else whole
        return Quantized(data=data, steps=steps, notes=notes, distances=self.distances)

    def _race(self, files: Mapping[Steps, bytes]) -> Distances:
        few = [values[: self.float_values.counts.scores] for values in self.samples]
        found = race(self.network, files, self.float_values.answers, few)
        self.distances |= {", ".join(steps) or "plain": float(far.mean()) for steps, far in found.items()}
        return found

    def _candidates(self, plain: Scheme) -> Iterator[tuple[Steps, Scheme]]:
        """Every scheme that is tried; those with corrected biases begin with ranges that were yielded before."""
        found = self._grids()
        clear = (LOGITS,) if found.logits else ()
        ways: dict[Steps, Scheme] = {(RANGES,): plain.with_grids(found.least_error)}
        if found.read:
            ways[RANGES, BEHIND] = ways[RANGES,].with_grids(found.read)
        yield from ways.items()
        if found.logits:
            ways = {(*steps, LOGITS): scheme.with_grids(found.logits) for steps, scheme in ways.items()}
            yield from ways.items()
        scaled = least_error_weights(self.network, [*ways.values()])
        self._part(0.5, 0.6)(1, 1)
        if mixing(up_to_weights(self.network)) is not None:
            yield from zip(((*steps, SCALES) for steps in ways), scaled, strict=True)
            return
        weights = (SCALES, ROUNDING) if compensable(self.network) else (SCALES,)
        chosen = [list(ways.items())[-1], *zip(((*steps, *weights) for steps in ways), scaled, strict=True)]
        chosen.append((clear, plain.with_grids(found.logits)))
        schemes = side_by_side(self._correct(len(chosen)), chosen)
        yield from (((*steps, BIASES), scheme) for (steps, _), scheme in zip(chosen, schemes, strict=True) if scheme)

    def _grids(self) -> _Grids:
        free = [group for group in groups(self.network) if group.free]
        logits = find_logits(self.network, free)
        seen, pairs = self.float_values.seen, self.float_values.pairs
        judged = {tensor for found in logits for tensor in found.group.tensors}
        chosen = [reading for reading in readings(self.network, free) if reading.tensor not in judged]
        with ThreadPoolExecutor(1) as beside:  # logits are many at once: NumPy goes through them without Python's lock
            clear = beside.submit(self._logit_grids, logits, seen)
            least_error = self._least_error_grids(seen, free)
            read = read_grids(self.network, chosen, seen, pairs)
            return _Grids(least_error, read, clear.result())

    def _logit_grids(self, logits: Sequence[Logits], seen: Observed) -> dict[int, Grid]:
        grids: dict[int, Grid] = {}
        for found in logits:
            rows = seen.rows(self.network.twins[found.tensor])
            grids |= dict.fromkeys(found.group.tensors, least_divergence_grid(rows, found.op))
        return grids

    def _least_error_grids(self, seen: Observed, free: Sequence[Group]) -> dict[int, Grid]:
        grids: dict[int, Grid] = {}
        for number, group in enumerate(free):
            grids |= dict.fromkeys(group.tensors, seen.grid(self.network.twins[tensor] for tensor in group.tensors))
            self._part(0.3, 0.5)(number + 1, len(free))
        return grids

    @property
    def float_values(self) -> FloatValues:
        """Run the float file on the samples, once."""
        if self.known is None:
            self.known = float_values(self.network, self.float32, self.samples, self._part(0.0, 0.3))
        return self.known

    def _correct(self, count: int) -> Callable[[tuple[Steps, Scheme]], Scheme | None]:
        """Make a function that corrects one of so many schemes; None where a bias has no room, or LiteRT refuses it."""
        known = self.float_values
        few = [values[: known.counts.biases] for values in self.samples]
        show, done = self._part(0.6, 0.9), dict[Steps, float]()

        def correct(candidate: tuple[Steps, Scheme]) -> Scheme | None:
            steps, scheme = candidate

            def on_progress(products: int, total: int) -> None:
                done[steps] = products / total
                show(round(SHARES * sum(list(done.values()))), SHARES * count)

            compensate = ROUNDING in steps
            try:
                return corrected(self.network, self.plain, scheme, few, known.means, on_progress, compensate=compensate)
            except (BiasRoomError, UnusableFileError):
                return None

        return correct

    def _refine(
        self, scheme: Scheme, steps: tuple[str, ...], notes: tuple[str, ...], before: bytes
    ) -> tuple[Scheme, tuple[str, ...], tuple[str, ...]]:
        assert self.settings.refine is not None
        hindrance = self._hindrance()
        if hindrance is not None:
            return scheme, steps, (*notes, f"No refinement: {hindrance}")
        feeds = dict(zip(self.network.inputs, self.samples, strict=True))
        show = self._later
        try:
            done, taken = refined(self.network, scheme, feeds, self.settings.refine, self.settings.seed, show)
        except NotFiniteError:
            return scheme, steps, (*notes, "The refinement diverged and was left out")
        tried = (*self._with_logits(steps), f"distillation of {taken:,} steps")
        made = self._file(tried, done)
        if made is not None and nearest(self._race({steps: before, tried: made})) == tried:
            return done, tried, notes
        return scheme, steps, (*notes, "The refinement brought nothing on the calibration samples and was left out")

    def _train(
        self, how: TrainingJob, scheme: Scheme, steps: tuple[str, ...], notes: tuple[str, ...]
    ) -> tuple[Scheme, tuple[str, ...], tuple[str, ...]]:
        hindrance = self._hindrance()
        if hindrance is not None:
            return scheme, steps, (*notes, f"No training: {hindrance}")
        before = score(write_scheme(self.network, self.plain, scheme) if steps else self.plain, how)
        found = trained(self.network, self.plain, scheme, how, self.settings.seed, self._later)
        count = len(how.held_out.labels)
        figures = f"{found.score.right:,} of {count:,} held-out samples right at best, {before.right:,} before"
        if found.score.right <= before.right:
            left_out = f"The training brought nothing and was left out: {figures}"
            return scheme, steps, (*notes, left_out)
        kept = f"Quantization-aware training: {figures}; epoch {found.epoch} of {how.epochs} was the best"
        tried = (
            *self._with_logits(steps),
            f"quantization-aware training of {how.epochs:,} epoch{'s' if how.epochs > 1 else ''}",
        )
        return found.scheme, tried, (*(notes if steps else ()), kept)

    def _with_logits(self, steps: tuple[str, ...]) -> tuple[str, ...]:
        """Training ranges logits anew, whether or not that was a step before it."""
        return steps if LOGITS in steps or not logit_tensors(self.network) else (*steps, LOGITS)

    def _file(self, steps: Steps, scheme: Scheme) -> bytes | None:
        """The file of a scheme; None where a bias has no room, as a narrower range may make it too large."""
        try:
            return write_scheme(self.network, self.plain, scheme) if steps else self.plain
        except BiasRoomError:
            return None

    def _notes(self, steps: tuple[str, ...]) -> tuple[str, ...]:
        if not steps:
            return ("The int8 file has plain ranges: no step brought it nearer to the float model",)
        op = mixing(up_to_weights(self.network))
        return () if op is None else (f"No bias correction: {op.kind} of a sequence mixes samples in one batch",)

    def _hindrance(self) -> str | None:
        """Tell why the network cannot be trained on, if it cannot: batches mix, or it is not the float file here."""
        missing, op = unknown(self.network), mixing(self.network)
        if missing:
            return f"{missing[0].kind} of layer {self.network.layer(missing[0].outputs[0])} cannot be simulated"
        if op is not None:
            return f"{op.kind} mixes samples, so batches cannot be trained on"
        few = [values[:4] for values in self.samples]
        feeds = dict(zip(self.network.inputs, few, strict=True))
        found = execute(self.network, feeds, self.network.constants, unwatched)
        for number, expected in zip(self.network.outputs, answers(self.float32, few), strict=True):
            got = np.asarray(found[number]).reshape(expected.shape)
            if not np.abs(got - expected).max() <= SAME_FLOAT * max(float(np.abs(expected).max()), 1e-6):
                return "the simulated network does not give the float file's answers"
        return None

    def _part(self, start: float, end: float) -> Callable[[int, int], None]:
        alone = self.settings.refine is None and self.settings.train is None
        share = 1.0 if alone else BEFORE_TRAINING
        return lambda done, total: self.on_progress(share * (start + (end - start) * done / total), None)

    def _later(self, share: float, seconds: float | None) -> None:
        self.on_progress(BEFORE_TRAINING + (1 - BEFORE_TRAINING) * share, seconds)
