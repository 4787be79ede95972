"""`edgecv bench`: measures a bundle here or on a device, and says what it is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from edgecv_converters.isolate import scratch_folder
from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.bench.measure import Inputs, measure_bundle
from edgecv_runtime.bench.result import Correct, Result
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import UsageError

from edgecv.bench.comparison import EVALUATION, BenchComparison, correct
from edgecv.bench.devices.answers import read_import
from edgecv.bench.devices.device import open_device
from edgecv.bench.recorded import Recorded, read_recorded
from edgecv.bench.recording import check_recordable, record
from edgecv.bench.reference import ReferenceOutputs, completed, from_file, gpus, without_file
from edgecv.bench.samples import Samples, prepare
from edgecv.terminal.observer import Observer, Silent


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest:
    """One call of `edgecv bench`.

    Attributes:
        bundle: NAME.edgecv or NAME.edgecv.zip; may be missing where `imported` is given.
        options: What is measured, and for how long.
        data: Labelled samples for accuracy; their pictures are what is measured with.
        reference: A file that `record` made elsewhere.
        record: Where to write this machine's own reference.
        model: The Keras model, to be the reference itself.
        devices: Where to measure, as "ssh:user@host" or "adb"; empty: on this machine.
        python: The interpreter on machines over ssh.
        imported: Results that an app shared.
        force: Replace files that are there.
        outputs: Other files that will be written.
    """

    bundle: Path | None
    options: Options = field(default_factory=Options)
    data: Path | None = None
    reference: Path | None = None
    record: Path | None = None
    model: Path | None = None
    devices: tuple[str, ...] = ()
    python: str = "python3"
    imported: tuple[Path, ...] = ()
    force: bool = False
    outputs: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Check what goes together, and that no file is in the way.

        Raises:
            UsageError: See the message.
        """
        if self.bundle is None and not self.imported:
            raise UsageError("no bundle was given", "edgecv bench NAME.edgecv; only --import goes without one")
        if self.bundle is None and self.devices:
            raise UsageError(
                "--device needs the bundle that is to be measured", "edgecv bench NAME.edgecv --device ..."
            )
        if self.devices and self.record is not None:
            raise UsageError("--record-reference is for this machine", "Leave out --device, or run it there")
        for name in self.devices:  # nothing is connected yet
            open_device(name, python=self.python)
        if self.imported and not self.devices:
            self._check_import()
        if self.reference is not None and self.model is not None:
            raise UsageError("--reference and --model are two references", "Give one of them")
        for path in filter(None, (*self.outputs, self.record)):
            if path.exists() and not self.force:
                raise UsageError(f"{path} exists", "Give another name, or --force to replace it")

    def _check_import(self) -> None:
        options = {"--data": self.data, "--record-reference": self.record}
        options |= {"--model": self.model, "--reference": self.reference}
        for name, value in options.items():
            if value is not None:
                raise UsageError(f"{name} has no use with --import, which measures nothing", f"Leave out {name}")


def benchmark(
    bundle: str | Path,
    *,
    data: str | Path | None = None,
    reference: str | Path | None = None,
    model: str | Path | None = None,
    options: Options | None = None,
) -> Result:
    """Measure every artifact of a bundle on this machine: latency, memory, accuracy, and how near it is to the limit.

    Args:
        bundle: NAME.edgecv or NAME.edgecv.zip.
        data: Labelled samples for accuracy, a folder or an .npz file.
        reference: A file that `edgecv bench --record-reference` made elsewhere.
        model: The Keras model that the bundle was made from, to be compared with.
        options: What to measure and for how long (`edgecv_runtime.bench.jobs.Options`).

    Raises:
        EdgecvError: What can be mended; see the message.
    """
    request = BenchRequest(
        bundle=Path(bundle),
        options=options or Options(),
        data=None if data is None else Path(data),
        reference=None if reference is None else Path(reference),
        model=None if model is None else Path(model),
    )
    return run(request)[0]


def run(request: BenchRequest, observer: Observer | None = None) -> tuple[Result, ...]:
    """Measure everywhere that was asked for: a result for each place.

    Raises:
        EdgecvError: What can be mended; see the message. Then nothing was written.
    """
    return tuple(_results(request, observer or Silent()))


def _results(request: BenchRequest, observer: Observer) -> Iterator[Result]:
    for path in request.imported:
        yield read_import(path, request.bundle)
    if request.bundle is None or (request.imported and not request.devices):
        return
    with scratch_folder() as work, Bundle.load(request.bundle, scratch=work) as bundle:
        for sentence in bundle.left_out:
            observer.note(sentence)
        if request.record is not None:
            check_recordable(bundle, request.options)
        recorded = None if request.reference is None else read_recorded(request.reference, bundle)
        names = gpus()
        samples = prepare(bundle, request.data, work / "samples", observer)
        found = _reference(request, bundle, samples, recorded, names, work, observer)
        for number, name in enumerate(request.devices):
            answers = work / f"answers-{number}"
            result = _there(request, name, bundle, samples, answers, observer)
            yield _judged(result, bundle, samples, found, answers)
        if not request.devices:
            result = _here(request, bundle, samples, names, work, observer)
            result = _judged(result, bundle, samples, found, work / "answers")
            if request.record is not None:
                record(result, bundle, samples, work / "answers", request.record, observer)
            yield result


class _Stages:
    """Shows turns as stages of the observer."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def turn(self, phase: str, title: str, done: int, total: int) -> None:  # noqa: ARG002 - titles change too fast
        """Show how far a phase is."""
        self._observer.stage(phase, done, max(done, total))


def _reference(
    request: BenchRequest,
    bundle: Bundle,
    samples: Samples,
    recorded: Recorded | None,
    names: tuple[str, ...],
    work: Path,
    observer: Observer,
) -> ReferenceOutputs:
    if recorded is not None:
        return from_file(recorded, samples)
    if request.model is not None:
        from edgecv.bench.keras import from_model

        return from_model(request.model, bundle, samples, work / "keras", observer)
    return without_file(bundle, samples, names, work / "reference", observer)


def _there(
    request: BenchRequest, name: str, bundle: Bundle, samples: Samples, answers: Path, observer: Observer
) -> Result:
    evaluation = samples.spools.get(EVALUATION)
    return open_device(name, python=request.python).bench(
        bundle.root,
        request.options,
        observer,
        samples=None if evaluation is None else evaluation.folder,
        answers=answers,
    )


def _here(
    request: BenchRequest, bundle: Bundle, samples: Samples, names: tuple[str, ...], work: Path, observer: Observer
) -> Result:
    inputs = Inputs(
        pictures=samples.pictures,
        samples={name: spool.folder for name, spool in samples.spools.items()},
        answers=work / "answers",
        accelerators=names,
        scratch=work,
    )
    return measure_bundle(bundle, request.options, inputs, _Stages(observer))


def _judged(result: Result, bundle: Bundle, samples: Samples, found: ReferenceOutputs, answers: Path) -> Result:
    judge = BenchComparison(bundle.manifest, samples, found.outputs)
    right: Correct | None = None
    theirs = judge.reference_decisions() if samples.labels is not None else None
    if samples.labels is not None and theirs is not None:
        right = correct(samples.labels, theirs, None)
    own = result.rows if result.place.kind == "here" else ()
    return msgspec.structs.replace(
        result,
        rows=tuple(judge.row(row, answers / str(number)) for number, row in enumerate(result.rows)),
        references=tuple(completed(item, own, right) for item in found.records),
        notes=(*result.notes, *_notes(samples, found)),
    )


def _notes(samples: Samples, found: ReferenceOutputs) -> Iterator[str]:
    if samples.skipped:
        yield f"pictures of --data that could not be read were left out: {samples.skipped}"
    if EVALUATION in samples.spools and EVALUATION not in found.outputs:
        yield "There is no reference for the samples of --data: the bundle has no float32 artifact that runs here"
