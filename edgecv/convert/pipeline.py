"""From a trained model and a recipe to a proven bundle: the only orchestration there is."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgecv_converters.coreml import check_fit
from edgecv_converters.isolate import Job, Workshop
from edgecv_converters.measured import Failure, Report
from edgecv_converters.parity.methods import Way, most_samples, ways
from edgecv_converters.source import save_live
from edgecv_converters.source.detect import detect
from edgecv_converters.source.request import SourceRequest
from edgecv_converters.workers import (
    Budget,
    Converted,
    DataSet,
    Lessons,
    Proof,
    Quantizing,
    SourceSummary,
    Subject,
    Validation,
    Wish,
    answer_source,
    convert_artifact,
    kept_layers,
    prove_artifact,
)
from edgecv_runtime.errors import ConversionError, EdgecvError, UsageError
from edgecv_runtime.postprocess import Head
from edgecv_runtime.schema import Artifact, Manifest, Parity, Precision

from edgecv.convert.assemble import Material, assemble
from edgecv.convert.datasets import (
    HELD_OUT,
    TRAINING,
    golden_samples,
    open_sets,
    preprocessing,
    spool_sets,
    validation_words,
)
from edgecv.convert.heads import head_of
from edgecv.convert.metadata import card_of, labels_of
from edgecv.convert.recipe import Step
from edgecv.convert.request import Request
from edgecv.convert.staging import Staging
from edgecv.extras import require_for
from edgecv.terminal.observer import Observer, Silent

PRELOAD = ("tensorflow", "keras")
QUANTIZED = Step(target="tflite", precision="int8")
VALIDATION = "validation"
LESSONS = (TRAINING, HELD_OUT)
UNPROVEN = frozenset({VALIDATION, *LESSONS})
SLOWEST_FIRST = ("coreml", "onnx", "tflite")  # so that the last worker to end started early
PROOF_THREADS = 1
LABELLED_TASKS = ("classification", "binary")  # those whose answer is one class index


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a conversion made.

    Attributes:
        path: The bundle, or None where a gate failed and it was not kept.
        manifest: What the bundle says of itself.
        report: Everything that was measured.
        failed: The artifacts over a gate.
        failures: The targets that did not convert (with `keep_going`).
    """

    path: Path | None
    manifest: Manifest
    report: Report

    @property
    def failed(self) -> tuple[Parity, ...]:
        """The proofs that failed."""
        return tuple(parity for parity in self.manifest.parity if parity.status == "failed")

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The targets that did not convert."""
        return self.report.failures


def convert(request: Request, observer: Observer | None = None, *, live: Any = None) -> Outcome:
    """Convert, prove, and move the bundle into place if every gate holds.

    Args:
        request: What is converted, where to, and how.
        observer: Is told what happens.
        live: A `keras.Model` in memory, which is converted in place of `request.model`.

    Raises:
        EdgecvError: The model, the data or a converter; nothing is left behind.
    """
    require_for(step.target for step in request.recipe.steps)
    if live is None:
        detect(request.model)
    sets = open_sets(request)
    with Staging(request.out, force=request.force) as staging:
        if live is not None:
            request = replace(request, model=save_live(live, staging.work))
        with Workshop(staging.work, litter=staging.root, preload=PRELOAD, jobs=request.jobs) as shop:
            run = Run(request, shop, staging, observer or Silent())
            material = run.everything(sets)
        manifest, report = assemble(request, material, staging.bundle)
        outcome = Outcome(path=request.out, manifest=manifest, report=report)
        if outcome.failed and not request.keep_failing:
            return Outcome(path=None, manifest=manifest, report=report)
        staging.commit()
    return outcome


@dataclass(slots=True)
class Run:
    """The state of one conversion while its workers run."""

    request: Request
    shop: Workshop
    staging: Staging
    observer: Observer
    artifacts: dict[Step, Artifact] = field(default_factory=dict)
    proofs: dict[tuple[Step, Way], Proof | EdgecvError] = field(default_factory=dict)
    multiply_adds: int | None = None
    converted: dict[Step, Converted] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    sets: tuple[DataSet, ...] = ()
    head: Head = field(default_factory=Head)
    _pending: dict[Future[Any], Callable[[Job], None]] = field(default_factory=dict)
    _jobs: dict[Future[Any], Job] = field(default_factory=dict)

    def everything(self, sets: dict[str, Any]) -> Material:
        """Start the workers, feed them, and gather what they make."""
        began = time.monotonic()
        recipe, work = self.request.recipe, self.staging.work
        source = self._submit("source model", self._source_done, answer_source, **self._source_arguments())
        self._start_conversions()
        summary: SourceSummary = self._letter("source", source)
        self.multiply_adds = summary.info.multiply_adds
        for note in summary.notes:
            self.observer.note(note)
        specs = preprocessing(self.request.preprocess, summary, self.observer)
        pictures = frozenset(name for name, spec in specs.items() if spec.kind == "image")
        self.shop.mail.put("pictures", pictures)
        spools = {}
        for name, made in spool_sets(sets, specs, summary, self.request, work / "spools", self.observer):
            spools[name] = made
            if name == "calibration":
                self.shop.mail.put("calibration", made[0])
        readable = {name: samples.without(spools[name][1].skipped) for name, samples in sets.items()}
        golden = golden_samples(readable, specs, summary.inputs, recipe.golden, recipe.seed, work)
        all_sets = {**sets, "golden": golden}
        spools |= spool_sets({"golden": golden}, specs, summary, self.request, work / "spools", self.observer)
        self.head = head_of(self.request, summary)
        labels = labels_of(self.request, summary, self.head, sets)
        card = card_of(self.request, summary, self.head, specs, labels)
        if any(step.target == "coreml" for step in recipe.steps):
            check_fit(recipe.coreml, card, summary.inputs, summary.outputs)
        self.shop.mail.put("card", card)
        judged = self.head.task in LABELLED_TASKS
        self.sets = tuple(
            DataSet(name=name, ids=info.ids, inputs=spool, labels=info.labels if judged else None)
            for name, (spool, info) in spools.items()
            if name not in UNPROVEN
        )
        self._put_validation(sets, spools, judged=judged)
        self._put_lessons(spools, judged=judged)
        self.shop.mail.put("spools", {name: made[0] for name, made in spools.items() if name not in LESSONS})
        self._start_proofs()
        self._drain()
        self._check_failures()
        self.seconds["total"] = time.monotonic() - began
        return Material(
            summary=summary,
            head=self.head,
            specs=specs,
            golden=golden,
            sets=all_sets,
            spools=spools,
            references=self._letter("references", source),
            artifacts=self.artifacts,
            converted=self.converted,
            labels=labels,
            identity=card.identity,
            proofs=self.proofs,
            failures=tuple(self.failures),
            seconds=self.seconds,
        )

    def _put_validation(self, sets: dict[str, Any], spools: dict[str, Any], *, judged: bool) -> None:
        """Hand over the samples that decide which layers stay float; nothing is proven on them."""
        if VALIDATION not in sets:
            return
        if not judged:
            raise UsageError(
                f"--max-drop needs answers that are one class each, and this model's task is {self.head.task}",
                "Leave it out, or say --task where the model does not show its task",
            )
        spool, info = spools[VALIDATION]
        data = DataSet(name=VALIDATION, ids=info.ids, inputs=spool, labels=info.labels)
        on = validation_words(sets, len(info.ids))
        self.shop.mail.put(VALIDATION, Validation(data=data, on=on, head=self.head))

    def _put_lessons(self, spools: dict[str, Any], *, judged: bool) -> None:
        """Hand over the samples that the int8 model is trained on."""
        if TRAINING not in spools:
            return
        if not judged:
            raise UsageError(
                f"--qat needs labels that are one class each, and this model's task is {self.head.task}",
                "Give --refine, which needs none, or say --task where the model does not show its task",
            )
        train, held_out = (
            DataSet(name=name, ids=info.ids, inputs=spool, labels=info.labels)
            for name, (spool, info) in ((name, spools[name]) for name in LESSONS)
        )
        self.shop.mail.put("lessons", Lessons(train=train, held_out=held_out, head=self.head))

    def _source_arguments(self) -> dict[str, Any]:
        request = SourceRequest(
            path=self.request.model.absolute(),
            input_shapes=self.request.input_shapes,
            allow_code=self.request.allow_code,
            custom_objects=self.request.custom_objects,
            modules=None if self.request.custom_objects is None else Path.cwd(),
        )
        return {"request": request, "mail": self.shop.mail.folder, "work": self.staging.work}

    def _submit(self, name: str, done: Callable[[Job], None], function: Callable[..., Any], **arguments: Any) -> Job:
        job = self.shop.submit(name, function, self.request.limits, **arguments)
        self._pending[job.future] = done
        self._jobs[job.future] = job
        self.observer.job(job)
        return job

    def _letter(self, name: str, job: Job) -> Any:
        """Wait for a letter that `job` puts into the mailbox; its error is raised if it ends without."""
        path = self.shop.mail.folder / f"{name}.pickle"
        while not path.exists():
            if job.future.done():
                job.result()
                if not path.exists():
                    raise ConversionError(f"{job.name} ended without its {name}")
            time.sleep(0.005)
        return self.shop.mail.get(name)

    def _source_done(self, job: Job) -> None:
        job.result()

    def _start_conversions(self) -> None:
        steps = self.request.recipe.steps
        waiting = self._waiting()
        if waiting and QUANTIZED not in steps:
            self._start_conversion(QUANTIZED, hidden=True)
        for step in sorted(steps, key=lambda step: (step != QUANTIZED, SLOWEST_FIRST.index(step.target))):
            if step not in waiting:
                self._start_conversion(step)

    def _waiting(self) -> list[Step]:
        """What is made of the int8 TFLite file."""
        steps = self.request.recipe.steps
        return [step for step in steps if step.target in {"onnx", "coreml"} and step.precision == "int8"]

    def _start_conversion(
        self, step: Step, *, hidden: bool = False, quantized: Path | None = None, precision: Precision | None = None
    ) -> None:
        """Convert, to another `precision` than asked for where layers stay float in what carries the quantization."""
        recipe = self.request.recipe
        made = Step(target=step.target, precision=precision or step.precision)
        wish = Wish(
            target=made.target,
            precision=made.precision,
            root=self.staging.work / "hidden" if hidden else self.staging.bundle,
            file=made.file,
            io=recipe.io,
            interface=recipe.coreml,
            quantized=quantized,
            how=Quantizing(
                quantizer=recipe.quantizer,
                seed=recipe.seed,
                refine_seconds=recipe.refine_limit if recipe.refine else None,
                epochs=recipe.epochs,
                budget=None
                if recipe.max_drop is None
                else Budget(points=recipe.max_drop, seconds=recipe.max_drop_limit),
            ),
        )
        self._submit(
            f"convert {step}",
            lambda job: self._converted(step, wish.root, job, hidden=hidden),
            convert_artifact,
            wish=wish,
            mail=self.shop.mail.folder,
        )

    def _converted(self, step: Step, root: Path, job: Job, *, hidden: bool) -> None:
        waiting = self._waiting() if step == QUANTIZED else []
        try:
            converted: Converted = job.result()
        except EdgecvError as error:
            self._fail(waiting[0] if hidden else step, error, job)
            for late in waiting[1:] if hidden else waiting:
                self._fail(late, ConversionError(f"{late} needs {step}, which did not convert"), job)
            return
        self.converted[step] = converted
        precision = "mixed" if kept_layers(converted.mixed) else None
        for late in waiting:
            self._start_conversion(late, quantized=root / converted.artifact.file, precision=precision)
        if not hidden:
            self.artifacts[step] = converted.artifact
            self._start_proofs()

    def _fail(self, step: Step, error: EdgecvError, job: Job) -> None:
        self.failures.append(
            Failure(
                target=step.target,
                precision=step.precision,
                message=error.message,
                hint=error.hint,
                log_tail=job.log_tail(),
            )
        )

    def _start_proofs(self) -> None:
        """Prove what is converted, once the data sets are known."""
        if not self.sets or (self.failures and not self.request.keep_going):
            return
        for step, artifact in self.artifacts.items():
            for way in ways(step.target):
                if (step, way) not in self.proofs:
                    self._start_proof(step, artifact, way)

    def _start_proof(self, step: Step, artifact: Artifact, way: Way) -> None:
        self.proofs[step, way] = ConversionError(f"{step} was not proven")
        self._submit(
            f"prove {step}" if way == "runtime" else f"evaluate {step}",
            lambda job: self._proven(step, way, job),
            prove_artifact,
            subject=Subject(
                artifact=artifact,
                root=self.staging.bundle,
                head=self.head,
                way=way,
                most=most_samples(way, self.multiply_adds),
                threads=PROOF_THREADS,
                sketches=self.converted[step].sketches,
            ),
            sets=self.sets,
            mail=self.shop.mail.folder,
        )

    def _proven(self, step: Step, way: Way, job: Job) -> None:
        try:
            self.proofs[step, way] = job.result()
        except EdgecvError as error:
            self.proofs[step, way] = error

    def _drain(self) -> None:
        while self._pending:
            done, _ = wait(self._pending, return_when=FIRST_COMPLETED)
            for future in done:
                job = self._jobs[future]
                self._pending.pop(future)(job)
                self.seconds[job.name] = round(job.seconds, 3)

    def _check_failures(self) -> None:
        if not self.failures or (self.request.keep_going and self.artifacts):
            return
        first = self.failures[0]
        others = [f"{failure.target} {failure.precision}: {failure.message}" for failure in self.failures[1:]]
        message = "; ".join([first.message, *others])
        hint = first.hint
        if self.artifacts:
            worked = ", ".join(str(step) for step in self.artifacts)
            keep = f"--keep-going writes the bundle with what worked ({worked})"
            hint = f"{hint}. {keep}" if hint else keep
        raise ConversionError(message, hint)
