"""Phase 3 of a conversion: every artifact, each made by a worker of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edgecv_converters.isolate import Job
from edgecv_converters.measured import Failure, Mixed
from edgecv_converters.targets import Budget, ConversionJob, Converted, Quantizing, carrier, find
from edgecv_converters.workers import convert_artifact, kept_layers
from edgecv_runtime.errors import ConversionError, EdgecvError
from edgecv_runtime.schema import Artifact, Precision

from edgecv.convert.recipe import ArtifactSpec, Recipe
from edgecv.convert.request import ConvertRequest
from edgecv.convert.staging import Staging
from edgecv.convert.workers import Workers

CARRIER: Final = ArtifactSpec(target=carrier()[0], precision=carrier()[1])
"""The artifact whose quantization is that of every int8 artifact."""


def is_carried(spec: ArtifactSpec) -> bool:
    """Tell whether an artifact is made of the one that carries the quantization, in place of the frozen graph."""
    return spec.precision in find(spec.target).carried


def needed(steps: Sequence[ArtifactSpec]) -> tuple[ArtifactSpec, ...]:
    """Return what is converted for some artifacts: these, and what carries the quantization of any of them."""
    return (*steps, CARRIER) if any(map(is_carried, steps)) and CARRIER not in steps else tuple(steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionPhase:
    """The artifacts.

    Attributes:
        artifacts: Those that go into the bundle.
        converted: What the workers say of each, and of the one that carries the quantization, in the bundle or not.
        failures: What did not convert.
    """

    artifacts: Mapping[ArtifactSpec, Artifact]
    converted: Mapping[ArtifactSpec, Converted]
    failures: tuple[Failure, ...]

    @property
    def quantized(self) -> Converted | None:
        """The artifact that carries the one quantization, in the bundle or not; None where nothing is in int8."""
        return self.converted.get(CARRIER)

    @property
    def mixed(self) -> Mixed | None:
        """The layers that stay float; None where no accuracy budget was given."""
        return None if self.quantized is None else self.quantized.mixed

    @property
    def float_layers(self) -> tuple[str, ...]:
        """The layers that stay float in the int8 and mixed artifacts, for accuracy or for want of a right int8 form."""
        lacking = () if self.quantized is None else self.quantized.float_layers
        return tuple(dict.fromkeys((*kept_layers(self.mixed), *lacking)))

    @property
    def carrier(self) -> ArtifactSpec:
        """The artifact that answers for the one quantization: `CARRIER` itself where it is in the bundle."""
        found = [spec for spec in self.artifacts if is_carried(spec)]
        return CARRIER if CARRIER in self.artifacts or not found else found[0]


@dataclass(slots=True)
class Conversions:
    """The artifacts of one recipe while they are made.

    Attributes:
        recipe: What is to be made.
        workers: Where it is made.
        staging: Where the files go.
        on_made: Called with each artifact of the bundle as soon as it is there.
        artifacts, converted, failures: As in `ConversionPhase`, so far.
    """

    recipe: Recipe
    workers: Workers
    staging: Staging
    on_made: Callable[[ArtifactSpec], None]
    artifacts: dict[ArtifactSpec, Artifact] = field(default_factory=dict)
    converted: dict[ArtifactSpec, Converted] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def start(self) -> None:
        """Start what is made of the frozen graph; what is made of the quantized file starts once that is there."""
        for spec in sorted(needed(self.recipe.steps), key=_start_order):
            if not is_carried(spec):
                self._convert(spec, hidden=spec not in self.recipe.steps)

    def result(self) -> ConversionPhase:
        """The record of what was made, once the workers have ended."""
        return ConversionPhase(artifacts=self.artifacts, converted=self.converted, failures=tuple(self.failures))

    def _followers(self) -> list[ArtifactSpec]:
        """The artifacts that are made of the file that carries the quantization."""
        return [spec for spec in self.recipe.steps if is_carried(spec)]

    def _convert(
        self,
        spec: ArtifactSpec,
        *,
        hidden: bool = False,
        quantized: Path | None = None,
        precision: Precision | None = None,
    ) -> None:
        """Convert, to another `precision` than asked for where layers stay float in what carries the quantization."""
        made = ArtifactSpec(target=spec.target, precision=precision or spec.precision)
        job = ConversionJob(
            target=made.target,
            precision=made.precision,
            root=self.staging.work / "hidden" if hidden else self.staging.bundle,
            file=made.file,
            io=self.recipe.io,
            options=self.recipe.options_of(made.target),
            quantized=quantized,
            how=quantizing(self.recipe),
        )
        self.workers.submit(
            f"convert {spec}",
            lambda done: self._converted(spec, job.root, done, hidden=hidden),
            convert_artifact,
            times=find(made.target).memory,
            job=job,
            store=self.workers.store,
        )

    def _converted(self, spec: ArtifactSpec, root: Path, job: Job, *, hidden: bool) -> None:
        followers = self._followers() if spec == CARRIER else []
        try:
            converted: Converted = job.result()
        except EdgecvError as error:
            self._fail(followers[0] if hidden else spec, error, job)
            for late in followers[1:] if hidden else followers:
                self._fail(late, ConversionError(f"{late} needs {spec}, which did not convert"), job)
            return
        self.converted[spec] = converted
        precision = "mixed" if kept_layers(converted.mixed) else None
        for late in followers:
            self._convert(late, quantized=root / converted.artifact.file, precision=precision)
        if not hidden:
            self.artifacts[spec] = converted.artifact
            self.on_made(spec)

    def _fail(self, spec: ArtifactSpec, error: EdgecvError, job: Job) -> None:
        self.failures.append(
            Failure(
                target=spec.target,
                precision=spec.precision,
                message=error.message,
                hint=error.hint,
                log_tail=job.log_tail(),
                refused=not job.died,
            )
        )


def _start_order(spec: ArtifactSpec) -> tuple[bool, int]:
    """Put what others wait for first, then the slowest, so that the last worker to end started early."""
    return spec != CARRIER, -find(spec.target).slowness


def quantizing(recipe: Recipe) -> Quantizing:
    """Read from the recipe how its int8 files are quantized."""
    budget = None if recipe.max_drop is None else Budget(points=recipe.max_drop, seconds=recipe.max_drop_limit)
    return Quantizing(
        quantizer=recipe.quantizer,
        seed=recipe.seed,
        refine_seconds=recipe.refine_limit if recipe.refine else None,
        epochs=recipe.epochs,
        budget=budget,
        strict=recipe.strict_int8,
        numbers=recipe.numbers,
        dense_scales=recipe.dense_scales,
    )


def may_go_on(failures: Sequence[Failure], request: ConvertRequest) -> bool:
    """Tell whether a bundle is wanted without what failed.

    It is with --keep-going, and where the targets that failed were not asked for by name: what one target's converter
    refuses does not take the others down. A converter that crashed or was stopped is an error all the same.
    """
    return request.keep_going or all(failure.refused and failure.target not in request.named for failure in failures)


def check_failures(phase: ConversionPhase, request: ConvertRequest) -> None:
    """Refuse a conversion in which something did not convert, unless the rest is wanted.

    Without --keep-going every precision that was asked for by name must be there for some target.

    Raises:
        ConversionError: Something did not convert; the message names all of it.
    """
    whole = request.keep_going or request.named_precisions <= {spec.precision for spec in phase.artifacts}
    if not phase.failures or (phase.artifacts and whole and may_go_on(phase.failures, request)):
        return
    first, *others = phase.failures
    message = "; ".join([first.message, *(f"{one.target} {one.precision}: {one.message}" for one in others)])
    hint = first.hint
    if phase.artifacts:
        worked = ", ".join(str(spec) for spec in phase.artifacts)
        keep = f"--keep-going writes the bundle with what worked ({worked})"
        hint = f"{hint}. {keep}" if hint else keep
    raise ConversionError(message, hint)
