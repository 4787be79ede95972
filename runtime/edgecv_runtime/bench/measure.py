"""Measures a bundle on this machine: every artifact and backend in a process of its own, in turns."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from edgecv_runtime.artifact_choice import INTEGER
from edgecv_runtime.bench import peak, turns
from edgecv_runtime.bench.jobs import Options, check_any, rows
from edgecv_runtime.bench.machine import Jiffies, elsewhere, facts, hottest, load_average
from edgecv_runtime.bench.messages import Answered, Open, ProfileTaken, TakeProfile, WriteOutputs
from edgecv_runtime.bench.process import started
from edgecv_runtime.bench.result import (
    RESULT_VERSION,
    BenchRow,
    BenchSettings,
    DataSet,
    Machine,
    MeasuredOn,
    Peak,
    Profile,
    Result,
)
from edgecv_runtime.bench.stability import drift, reasons
from edgecv_runtime.bench.statistics import latency, tidy
from edgecv_runtime.bench.turns import Course, Nobody, Watcher
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import EdgecvError
from edgecv_runtime.golden import FOLDER, read_tensor
from edgecv_runtime.golden_schema import Golden
from edgecv_runtime.heads.kinds import kind_words

GOLDEN: DataSet = "golden"
MOST_INPUTS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The samples that a benchmark runs beside the golden cases, and where their outputs go.

    Attributes:
        pictures: Picture files to measure with; empty: the bundle's golden ones.
        samples: By data set, folders of preprocessed inputs, `N.npy` for the N-th input (as `messages.Open`).
        answers: Where every row's outputs go, `ROW/SET/N.npy` for the N-th output; None: nowhere.
        accelerators: The names of the GPUs of this machine.
        scratch: A folder for what is needed meanwhile; None: a temporary one.
    """

    pictures: tuple[Path, ...] = ()
    samples: Mapping[DataSet, Path] = field(default_factory=dict)
    answers: Path | None = None
    accelerators: tuple[str, ...] = ()
    scratch: Path | None = None


def measure_bundle(
    bundle: Bundle, options: Options, inputs: Inputs | None = None, watcher: Watcher | None = None
) -> Result:
    """Measure what was asked for, on this machine; a row that cannot run says why.

    Raises:
        BundleError: The bundle has no such artifact, or is damaged.
        BackendError: Nothing at all could be measured.
    """
    inputs, watcher = inputs or Inputs(), watcher or Nobody()
    wanted = rows(bundle.manifest, options)
    machine, clock = facts(inputs.accelerators), Jiffies.now()
    began = time.process_time()
    with ExitStack() as stack:
        scratch = inputs.scratch or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgecv-bench-")))
        samples = {GOLDEN: scratch / GOLDEN} | {name: at.absolute() for name, at in inputs.samples.items()}
        golden = bundle.golden()
        if GOLDEN not in inputs.samples:
            write_golden_inputs(bundle, golden, samples[GOLDEN])
        pictures = inputs.pictures or golden_pictures(bundle, golden)
        orders = [_order(bundle, row, pictures, samples) for row in wanted]
        peak_orders = peak.orders(wanted, scratch / "peak") if options.peaks else []
        courses = _courses(stack, wanted, orders)
        peak_courses = _peak_courses(stack, peak_orders)
        _take_turns(options, wanted, courses, peak_courses, watcher)
        machine = _after(machine, clock, time.process_time() - began, (*courses, *peak_courses))
        _answer(courses, samples, inputs.answers, watcher)
        profiles = _profiles(courses, options, watcher)
    peaks = peak.peaks([(c.order, c.times("inference")) for c in turns.running(peak_courses)])
    work = bundle.manifest.provenance.source.multiply_adds
    measured = tuple(
        msgspec.structs.replace(_measured(row, course, work, peaks), profile=profile)
        for row, course, profile in zip(wanted, courses, profiles, strict=True)
    )
    check_any(measured)
    return _result(bundle, options, measured, peaks, machine, _settings(options, inputs, pictures, courses))


def write_golden_inputs(bundle: Bundle, golden: Golden, folder: Path) -> None:
    """The preprocessed inputs of the golden cases, as the workers read them."""
    folder.mkdir(parents=True)
    for number, spec in enumerate(bundle.manifest.inputs):
        values = [read_tensor(bundle.root, case.inputs[spec.name]) for case in golden.cases]
        np.save(folder / f"{number}.npy", np.concatenate(values).astype(np.float32))


def golden_pictures(bundle: Bundle, golden: Golden) -> tuple[Path, ...]:
    """The golden cases' pictures; empty where the model takes tensors."""
    return tuple(bundle.file(f"{FOLDER}/{case.image}") for case in golden.cases if case.image is not None)


def _order(bundle: Bundle, row: BenchRow, pictures: Sequence[Path], samples: Mapping[DataSet, Path]) -> Open:
    return Open(
        bundle=str(bundle.root.absolute()),
        artifact=row.artifact,
        backend=row.backend,
        threads=row.threads,
        samples=str(samples.get("evaluation", samples[GOLDEN])),
        pictures=tuple(str(picture.absolute()) for picture in pictures[:MOST_INPUTS]),
        most=MOST_INPUTS,
    )


def _courses(stack: ExitStack, wanted: Sequence[BenchRow], orders: Sequence[Open]) -> list[Course]:
    return [Course(row.title, order, started(stack)) for row, order in zip(wanted, orders, strict=True)]


def _peak_courses(stack: ExitStack, orders: Sequence[Open]) -> list[Course]:
    """One process for each backend: their memory is not measured, and small machines have little."""
    workers = {name: started(stack) for name in dict.fromkeys(order.backend for order in orders)}
    return [Course(f"peak of {order.backend}", order, workers[order.backend], share=peak.SHARE) for order in orders]


def _take_turns(
    options: Options, wanted: Sequence[BenchRow], courses: list[Course], peak_courses: list[Course], watcher: Watcher
) -> None:
    everything = [*courses, *peak_courses]
    turns.load(everything, watcher)
    turns.warm_up(everything, options.turn_seconds, options.warm_up_seconds, watcher)
    turns.measure(everything, options.rounds, options.turn_seconds, watcher)
    if options.sustained_seconds:
        for course in _to_sustain(options, wanted, courses):
            turns.sustain(course, options.sustained_seconds, watcher)


def _to_sustain(options: Options, wanted: Sequence[BenchRow], courses: list[Course]) -> list[Course]:
    """All rows, or the fastest int8 row; the fastest of any precision where there is no int8."""
    ran = [(row, course) for row, course in zip(wanted, courses, strict=True) if course.failed is None]
    if options.sustain_all:
        return [course for _, course in ran]
    integer = [course for row, course in ran if row.precision in INTEGER]
    ranked = sorted(integer or (course for _, course in ran), key=lambda course: latency(course.times("total")).p50_us)
    return ranked[:1]


def _after(machine: Machine, clock: Jiffies | None, own: float, courses: Sequence[Course]) -> Machine:
    used: dict[int, float] = {}
    for course in courses:
        used[course.worker.pid] = max(course.cpu_seconds, used.get(course.worker.pid, 0.0))
    others, stolen = elsewhere(clock, Jiffies.now(), own + sum(used.values()))
    return msgspec.structs.replace(
        machine, load_after=load_average(), celsius_after=hottest(), busy_elsewhere=others, stolen=stolen
    )


def _answer(courses: Sequence[Course], samples: Mapping[DataSet, Path], answers: Path | None, watcher: Watcher) -> None:
    """Let every row give its outputs; one that fails at it has failed."""
    if answers is None:
        return
    for number, course in enumerate(courses):
        if course.failed is not None:
            continue
        watcher.turn("answer", course.title, number, len(courses))
        try:
            for name, folder in samples.items():
                out = answers.absolute() / str(number) / name
                course.worker.ask(WriteOutputs(samples=str(folder), out=str(out)), Answered)
        except EdgecvError as error:
            course.failed = error


def _profiles(courses: Sequence[Course], options: Options, watcher: Watcher) -> list[Profile | None]:
    """Profile every row that ran, in a process of its own that may die, once nothing else is measured any more."""
    if not options.profile:
        return [None] * len(courses)
    found: list[Profile | None] = []
    for number, course in enumerate(courses):
        watcher.turn("profile", course.title, number, len(courses))
        found.append(None if course.failed is not None else _profile(course.order, options.seconds))
    return found


def _profile(order: Open, seconds: float) -> Profile:
    with ExitStack() as stack:
        try:
            taken = started(stack).ask(TakeProfile(order=order, seconds=seconds), ProfileTaken, seconds=seconds)
        except EdgecvError as error:
            return Profile(not_profiled=f"{error.message}{f'. {error.hint}' if error.hint else ''}")
    return taken.profile


def _measured(row: BenchRow, course: Course, multiply_adds: int | None, peaks: Sequence[Peak]) -> BenchRow:
    if course.failed is not None or course.opened is None:
        hint = f". {course.failed.hint}" if course.failed and course.failed.hint else ""
        return msgspec.structs.replace(row, not_run=f"{course.failed.message if course.failed else 'not run'}{hint}")
    opened = course.opened
    stages = {stage: latency(course.times(stage)) for stage in turns.STAGES}
    medians = course.turn_medians()
    rate = multiply_adds and 1e6 * opened.batch * multiply_adds / max(stages["inference"].p50_us, 1e-3)
    return msgspec.structs.replace(
        row,
        library=opened.library,
        batch=opened.batch,
        load_us=opened.load_us,
        cold_us=opened.cold_us,
        **stages,
        per_second=tidy(1e6 * opened.batch / stages["total"].mean_us),
        inferences_per_second=tidy(1e6 * opened.batch / max(stages["inference"].mean_us, 1e-3)),
        memory_bytes=max(turn.memory for turn in course.turns),
        memory_before_bytes=opened.memory_before,
        warm_up=course.warm_up,
        drift=drift(medians),
        turn_p50_us=tuple(map(tidy, medians)),
        multiply_adds_per_second=tidy(rate) if rate else None,
        peak_share=peak.share(row, rate, peaks) if rate else None,
        sustained=tuple(course.sustained),
    )


def _settings(options: Options, inputs: Inputs, pictures: Sequence[Path], courses: Sequence[Course]) -> BenchSettings:
    return BenchSettings(
        rounds=options.rounds,
        seconds=options.seconds,
        warm_up_seconds=options.warm_up_seconds,
        sustained_seconds=options.sustained_seconds,
        threads=options.thread_counts(),
        input="pictures" if pictures else "tensors",
        data="evaluation" if inputs.pictures or (not pictures and "evaluation" in inputs.samples) else GOLDEN,
        inputs=max((course.opened.inputs for course in courses if course.opened), default=0),
    )


def _result(
    bundle: Bundle,
    options: Options,
    measured: tuple[BenchRow, ...],
    peaks: tuple[Peak, ...],
    machine: Machine,
    settings: BenchSettings,
) -> Result:
    against = reasons(measured, machine)
    return Result(
        schema_version=RESULT_VERSION,
        name=bundle.manifest.name,
        identity=bundle.manifest.identity,
        task=kind_words(bundle.manifest.heads),
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        place=MeasuredOn(),
        machine=machine,
        settings=settings,
        rows=measured,
        multiply_adds=bundle.manifest.provenance.source.multiply_adds,
        peaks=peaks,
        stable=not against,
        unstable=against,
        notes=_notes(bundle, options, measured),
    )


def _notes(bundle: Bundle, options: Options, measured: Sequence[BenchRow]) -> tuple[str, ...]:
    failed = [artifact.file for artifact in bundle.manifest.artifacts if artifact.parity == "failed"]
    notes = [f"{file} failed its proof when the bundle was made" for file in failed]
    if options.sustained_seconds and not options.sustain_all:
        chosen = [row.title for row in measured if row.sustained]
        notes += [f"Only {title} was run for {options.sustained_seconds:g} s without a pause" for title in chosen]
    return tuple(notes)
