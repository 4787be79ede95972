"""The recipe of a conversion: targets, precisions and numbers, as data that is saved beside the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache

from edgecv_converters.authorship import Authorship
from edgecv_converters.target_options import TargetOptions, known_options
from edgecv_converters.targets import (
    REFINE_SECONDS,
    ConversionTarget,
    DenseScales,
    IoType,
    Quantizer,
    known_targets,
)
from edgecv_runtime import formats
from edgecv_runtime.errors import UsageError
from edgecv_runtime.heads.thresholds import threshold_value
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Activation, HeadKind, Precision, Target
from edgecv_runtime.text import one_of

from edgecv.given import words_of

DEFAULT_EPOCHS, MOST_EPOCHS = 5, 1000
LITERT_NUMBERS = formats.TFLITE.name
CALIBRATED: frozenset[Precision] = frozenset({"int8", "int16x8"})


@cache
def targets() -> Mapping[Target, ConversionTarget]:
    """All targets by name, in the order in which artifacts are listed; the first call imports their modules."""
    return {target.name: target for target in known_targets()}


@cache
def precisions() -> tuple[Precision, ...]:
    """The precisions of all targets, each once."""
    return tuple(dict.fromkeys(name for target in targets().values() for name in target.precisions))


class ArtifactSpec(Record, frozen=True, kw_only=True):
    """One artifact to make."""

    target: Target
    precision: Precision

    @property
    def file(self) -> str:
        """The artifact's path in the bundle."""
        return f"{self.target}/model.{self.precision}{formats.find(self.target).suffix}"

    @property
    def needs_calibration(self) -> bool:
        """Whether the ranges of its activations must be measured on calibration samples."""
        return self.precision in CALIBRATED

    @property
    def takes_io(self) -> bool:
        """Whether its inputs and outputs can be integers."""
        return targets()[self.target].takes_integers(self.precision)

    def __str__(self) -> str:
        return f"{self.target} {self.precision}"


class Recipe(Record, frozen=True, kw_only=True):
    """All that decides the bytes of the artifacts, besides the model and the data.

    `samples` is how many calibration samples are chosen (balanced by class, by `seed`); `io` is the dtype of the int8
    artifacts' inputs and outputs; `quantizer` makes the int8 artifacts, with `refine` by distillation that takes at
    most `refine_limit` seconds, or with quantization-aware training of `epochs`; with `max_drop` int8 artifacts keep
    layers in float until accuracy falls by no more points of 100, a search of at most `max_drop_limit` seconds; with
    `strict_int8` a layer that has no int8 form is an error in place of staying float;
    `numbers` is the target by whose runtime the int8 artifacts are judged while they are quantized; `dense_scales` is
    whether the weights of their dense layers have a scale for each channel, or one in all;
    `heads` are what outputs mean, such as "gender:binary"; `gates` are overrides such as "int8:agreement=0.97";
    `authorship` is what artifacts say of who made the model; `options` are, by target, what an app wants of the
    artifacts of that target alone.
    """

    steps: tuple[ArtifactSpec, ...]
    io: IoType = "float32"
    quantizer: Quantizer = "edgecv"
    refine: bool = False
    refine_limit: float = REFINE_SECONDS
    epochs: int | None = None
    max_drop: float | None = None
    max_drop_limit: float = 600.0
    strict_int8: bool = False
    numbers: Target = LITERT_NUMBERS
    dense_scales: DenseScales = "channel"
    samples: int = 200
    seed: int = 0
    golden: int = 8
    task: HeadKind | None = None
    heads: tuple[str, ...] = ()
    activation: Activation | None = None
    thresholds: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    authorship: Authorship = Authorship()
    options: Mapping[Target, TargetOptions] = {}

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= 100_000:
            raise UsageError(f"--samples must be 1 to 100000, got {self.samples}", "200 is enough for most models")
        for text in self.thresholds:
            threshold_value(text)
        if self.io != "float32" and not any(step.takes_io for step in self.steps):
            raise UsageError(f"--io {self.io} needs an int8 artifact for {_takers()}", "Add --quantize int8")
        self._check_refine()
        self._check_training()
        self._check_max_drop()
        self._check_numbers()
        if self.strict_int8 and not any(step.precision == "int8" for step in self.steps):
            raise UsageError("--strict-int8 needs an int8 artifact", "Add --quantize int8")
        for name, target in targets().items():
            target.check_options(self.options_of(name), [step.precision for step in self.steps if step.target == name])

    def _check_refine(self) -> None:
        if not self.refine_limit > 0:
            raise UsageError(f"--refine-limit must be positive, got {self.refine_limit:g}", "It is in seconds")
        if not self.refine:
            return
        if self.quantizer == "vendor":
            raise UsageError("--refine is a part of edgecv's own quantizer", "Leave --quantizer vendor out")
        if not any(step.precision == "int8" for step in self.steps):
            raise UsageError("--refine needs an int8 artifact", "Add --quantize int8")

    def _check_training(self) -> None:
        if self.epochs is None:
            return
        if not 1 <= self.epochs <= MOST_EPOCHS:
            raise UsageError(f"--epochs must be 1 to {MOST_EPOCHS}, got {self.epochs}", "5 is enough for most models")
        if self.quantizer == "vendor":
            raise UsageError("--qat is a part of edgecv's own quantizer", "Leave --quantizer vendor out")
        if not any(step.precision == "int8" for step in self.steps):
            raise UsageError("--qat needs an int8 artifact", "Add --quantize int8")
        if self.refine:
            raise UsageError("--qat and --refine exclude each other", "--qat distils as well: leave --refine out")
        if self.max_drop is not None:
            raise UsageError(
                "--qat and --max-drop exclude each other: a layer kept float has no trained weights",
                "Leave one of them out",
            )

    def _check_max_drop(self) -> None:
        if not self.max_drop_limit > 0:
            raise UsageError(f"--max-drop-limit must be positive, got {self.max_drop_limit:g}", "It is in seconds")
        if self.max_drop is None:
            return
        if not 0 <= self.max_drop <= 100:
            raise UsageError(
                f"--max-drop must be 0 to 100 points of accuracy, got {self.max_drop:g}", "For example --max-drop 0.5"
            )
        if not any(step.precision == "int8" for step in self.steps):
            raise UsageError("--max-drop needs an int8 artifact", "Add --quantize int8")

    def _check_numbers(self) -> None:
        judges = [name for name, target in targets().items() if target.kernels() is not None]
        if self.numbers not in judges:
            raise UsageError(
                f"--numbers must be {one_of(judges)}, got {self.numbers!r}", "The others have no numbers of their own"
            )
        own = self.numbers != LITERT_NUMBERS
        if (own or self.dense_scales == "tensor") and not any(step.precision == "int8" for step in self.steps):
            raise UsageError(f"--{'numbers' if own else 'dense-scales'} needs an int8 artifact", "Add --quantize int8")
        if own and not any(step.target == self.numbers for step in self.steps):
            raise UsageError(f"--numbers {self.numbers} needs artifacts of that target", f"Add --target {self.numbers}")
        if own and self.quantizer == "vendor":
            raise UsageError("--numbers is a part of edgecv's own quantizer", "Leave --quantizer vendor out")

    def options_of(self, target: Target) -> TargetOptions:
        """Return what an app wants of one target's artifacts: the defaults where nothing was said."""
        return self.options.get(target) or known_options().get(target, TargetOptions)()

    @property
    def needs_calibration(self) -> bool:
        """Whether any artifact needs calibration samples."""
        return any(step.needs_calibration for step in self.steps)


def plan(quantize: Sequence[str], wanted: Sequence[str]) -> tuple[ArtifactSpec, ...]:
    """The artifacts that `--quantize` and `--target` ask for, in a fixed order.

    A plain precision goes to every chosen target that knows it; `TARGET:PRECISION` to that one. Without any, each
    target gets its default: float32, and float16 for Core ML. What is experimental has to be named.

    Raises:
        UsageError: A name is unknown, or nothing is left to make.
    """
    known, chosen = targets(), _targets(wanted)
    asked = words_of(quantize)
    steps = [step for item in asked for step in _expand(item, chosen, explicit=bool(wanted))]
    if not asked:
        steps = [ArtifactSpec(target=name, precision=known[name].default_precision) for name in chosen]
    order = {(t, p): i for i, (t, p) in enumerate((t, p) for t in known for p in known[t].precisions)}
    return tuple(sorted(dict.fromkeys(steps), key=lambda step: order[step.target, step.precision]))


def _takers() -> str:
    """The titles of the targets whose int8 artifacts can have integer inputs and outputs."""
    return " or ".join(target.format.title for target in targets().values() if target.takes_integers("int8"))


def _targets(values: Sequence[str]) -> tuple[Target, ...]:
    names = words_of(values)
    for name in names:
        formats.find(name)
    return tuple(target for target in targets() if target in names) or tuple(
        name for name, target in targets().items() if not target.format.experimental
    )


def _expand(item: str, chosen: Sequence[Target], *, explicit: bool) -> list[ArtifactSpec]:
    prefix, colon, name = item.rpartition(":")
    if name == "mixed":
        raise UsageError("mixed is what int8 becomes where layers stay float", "Give --quantize int8 --max-drop POINTS")
    if name not in precisions():
        raise UsageError(f"unknown precision {name!r}", _nearest(name))
    wanted = _targets([prefix]) if colon else chosen
    able = [ArtifactSpec(target=t, precision=p) for t in wanted for p in targets()[t].precisions if p == name]
    if not able or (len(able) < len(wanted) and (colon or explicit)):
        unable = next(t for t in wanted if name not in targets()[t].precisions)
        words = [p for p in targets()[unable].precisions if p not in formats.find(unable).own_precisions]
        words += [known.own_words for known in (formats.find(unable),) if known.own_words]
        hint = f"{unable} knows {', '.join(words)}"
        raise UsageError(f"{unable} has no {name}", hint)
    return able


def _nearest(name: str) -> str:
    near = get_close_matches(name, precisions(), n=1)
    own = {precision for known in formats.KNOWN.values() for precision in known.own_precisions}
    plain = ", ".join(precision for precision in precisions() if precision not in own)
    listed = f"The precisions are {plain}{formats.own_precisions_in_words()}"
    return f"Did you mean {near[0]}? {listed}" if near else listed
