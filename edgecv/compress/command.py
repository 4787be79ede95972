"""`edgecv.prune` and the command: files in, files out, and everything that can be wrong with them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import msgspec
from edgecv_converters.data.inputs import preprocessing, read_input_shapes, read_labels
from edgecv_converters.source.custom import custom_objects_of, import_last
from edgecv_converters.source.keras_model import input_ports, loaded_of
from edgecv_converters.source.preparation import own_preprocessing
from edgecv_runtime.digest import sha256_file
from edgecv_runtime.errors import EdgecvError, UsageError
from edgecv_runtime.preprocess import parse
from edgecv_runtime.schema import Preprocess, TensorSpec

from edgecv.compress.checkpoint import FILE, model_bytes, replace_file
from edgecv.compress.data import Reading, TrainingData, read_datasets, read_files
from edgecv.compress.head import TrainingHead, head_of
from edgecv.compress.load import flat, load_flat
from edgecv.compress.options import PruneOptions, Removal, TrainingOptions, removal_of, training_of
from edgecv.compress.page import render
from edgecv.compress.prune import PruningRun
from edgecv.compress.result import Pruned, PruneReport, Untouched, count_multiply_adds, rows_of, size_of
from edgecv.compress.walk import walk
from edgecv.extras import LOADING, require
from edgecv.inspect.quiet import quiet_stderr
from edgecv.machine import machine_line, versions
from edgecv.terminal.observer import Observer, Silent

if TYPE_CHECKING:
    import keras

SUFFIX = ".keras"
REQUEST = "request.json"


@dataclass(frozen=True, slots=True)
class _Inputs:
    """The model's inputs, and whether it scales pixels itself, as `datasets.preprocessing` wants them."""

    inputs: tuple[TensorSpec, ...]
    has_preprocessing: bool


def prune(
    model: str | Path | keras.Model,
    data: Any = None,
    out: str | Path = "pruned.keras",
    *,
    observer: Observer | None = None,
    **options: Unpack[PruneOptions],
) -> Pruned:
    """Make a trained model smaller, train it again, and write it with a report beside it.

    Args:
        model: A `.keras` or `.h5` file, or a live `keras.Model`; it stays as it is.
        data: A labelled folder or .npz file; a pair (training, validation) of `tf.data.Dataset`s of tensors that are
            prepared as the model takes them; or None, to remove by the weights alone and train nothing.
        out: The model to make, NAME.keras; NAME.report.html and NAME.report.json come beside it.
        observer: Is told what happens.
        **options: See `PruneOptions`.

    Raises:
        GateError: The budget cannot be met; nothing is written.
        UsageError: An option is wrong, the output exists, or --resume does not fit what was begun.
        DataError: The data has no samples, no labels, one class, or labels that do not fit the model.
        SourceError: The model cannot be read, or has nothing to prune.
    """
    began = time.monotonic()
    watcher = observer or Silent()
    place = Path(out)
    removal, training = removal_of(options, with_data=data is not None), training_of(options)
    _check_out(place, force=options.get("force", False) or options.get("resume", False))
    keras = _keras()
    custom = options.get("custom_objects")
    if custom is not None:
        import_last(Path.cwd())
    own = custom_objects_of(custom)
    with keras.saving.custom_object_scope(own):
        keras.utils.set_random_seed(training.seed)
        original, name, digest = _original(model, options)
        if removal.method != "channel" and removal.importance == "taylor":
            removal = msgspec.structs.replace(removal, importance="l2")
        with _work_folder(place, data is not None, _fingerprint(removal, training, digest, data), options) as work:
            found, head = _data(original, data, options, training, work, watcher)
            run = PruningRun(
                original=original,
                removal=removal,
                training=training,
                data=found,
                head=head,
                work=work,
                observer=watcher,
                allow_code=options.get("allow_code", False),
                custom_objects=custom,
            )
            made = run.everything(resume=options.get("resume", False))
            report = _report(run, made, name, digest, data, time.monotonic() - began)
            return _write(place, made, report)


def _keras() -> Any:
    """Keras, with TensorFlow loaded and started without its greetings."""
    require(LOADING, "convert")
    with quiet_stderr():
        import keras
        import tensorflow as tf
        import tf_keras  # noqa: F401  # it greets as well, where a Keras 2 file needs it

        tf.zeros(1)
    return keras


def _original(model: Any, options: PruneOptions) -> tuple[Any, str, str]:
    """The model of one level of layers, its name, and its digest."""
    shapes = options.get("input_shapes", ())
    given = shapes if isinstance(shapes, Mapping) else read_input_shapes(shapes)
    if not isinstance(model, str | Path):
        return flat(model, given), str(model.name), "a live model"
    path = Path(model)
    made = load_flat(
        path,
        input_shapes=given,
        allow_code=options.get("allow_code", False),
        custom_objects=options.get("custom_objects"),
    )
    return made, path.name, sha256_file(path)


def _check_out(out: Path, *, force: bool) -> None:
    if out.suffix != SUFFIX or out.name == SUFFIX:
        raise UsageError(
            f"the output must end in {SUFFIX}, got {out}", f"For example -o {out.stem or 'pruned'}{SUFFIX}"
        )
    if out.exists() and not force:
        raise UsageError(f"{out} exists", "Give --force to replace it, or another --output")
    if out.is_dir():
        raise UsageError(f"{out} is a folder", "Give another --output")


def _fingerprint(removal: Removal, training: TrainingOptions, digest: str, data: Any) -> dict[str, Any]:
    """List what must be the same for a run to be resumed."""
    asked = {**msgspec.to_builtins(removal), **msgspec.to_builtins(training)}
    where = str(Path(data).absolute()) if isinstance(data, str | Path) else "datasets"
    return {**asked, "model": digest, "data": where}


@contextmanager
def _work_folder(out: Path, trains: bool, asked: dict[str, Any], options: PruneOptions) -> Iterator[Path | None]:
    """The folder of a run beside its output: kept where the run is cut short, removed where it ends."""
    if not trains:
        yield None
        return
    work = out.with_name(f"{out.name}.work")
    _enter(work, asked, resume=options.get("resume", False), force=options.get("force", False))
    try:
        yield work
    except (EdgecvError, KeyboardInterrupt):
        if not (work / FILE).exists():
            shutil.rmtree(work, ignore_errors=True)
        raise
    shutil.rmtree(work, ignore_errors=True)


def _enter(work: Path, asked: dict[str, Any], *, resume: bool, force: bool) -> None:
    request = work / REQUEST
    if resume:
        if not request.exists():
            raise UsageError(f"there is no run to go on with: {work} is not there", "Leave out --resume")
        before = msgspec.json.decode(request.read_bytes())
        same = msgspec.json.decode(msgspec.json.encode(asked))
        changed = sorted(key for key in same if before.get(key) != same[key])
        if changed:
            raise UsageError(
                f"the run in {work} was begun with another {changed[0].replace('_', '-')}",
                "Give the same options to go on with it, or --force without --resume to begin anew",
            )
        return
    if work.exists() and not force:
        raise UsageError(f"{work} holds a run that was cut short", "--resume goes on with it, --force begins anew")
    shutil.rmtree(work, ignore_errors=True)
    try:
        work.mkdir(parents=True)
        replace_file(request, msgspec.json.encode(asked))
    except OSError as error:
        raise EdgecvError(f"cannot write to {work.parent}: {error.strerror}", "Choose another --output") from error


def _data(
    model: Any, data: Any, options: PruneOptions, training: TrainingOptions, work: Path | None, observer: Observer
) -> tuple[TrainingData | None, TrainingHead | None]:
    if data is None or work is None:
        return None, None
    head = head_of(walk(model))
    inputs = tuple(
        TensorSpec(name=port.name, shape=(1, *(size or 1 for size in port.shape[1:])), dtype=port.dtype)
        for port in input_ports(model)
    )
    if not isinstance(data, str | Path):
        return read_datasets(data, head, inputs, training.batch), head
    described = _Inputs(inputs, bool(loaded_of(model, file_format="keras3", loader="keras").has_preprocessing))
    given = options.get("preprocess")
    chosen: Preprocess | None = parse(given) if isinstance(given, str) else given
    how = Reading(
        head=head,
        inputs=inputs,
        specs=preprocessing(chosen, described, observer.note, own_preprocessing(model)),
        labels=_labels(options.get("labels")),
        share=training.validation,
        seed=training.seed,
    )
    return read_files(Path(data), work / "data", how, observer), head


def _labels(given: str | Path | Sequence[str] | None) -> tuple[str, ...] | None:
    if isinstance(given, str | Path):
        return read_labels(Path(given))
    return None if given is None else tuple(given)


def _report(run: PruningRun, made: Any, name: str, digest: str, data: Any, seconds: float) -> PruneReport:
    after = run.judge(made)
    return PruneReport(
        name=made.name,
        source=name,
        source_sha256=digest,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine_line(),
        versions=versions(),
        removal=run.removal,
        training=run.training,
        data=None if data is None else Path(data).name if isinstance(data, str | Path) else "datasets",
        train_samples=run.data.train.count if run.data else 0,
        validation_samples=run.data.validation.count if run.data else 0,
        before=size_of(run.original, run.counted, run.progress.before),
        after=size_of(made, count_multiply_adds(made), after),
        pruned_accuracy=run.progress.pruned[1] if run.progress.pruned else None,
        rows=rows_of(run.original, made),
        dropped=tuple(run.progress.dropped),
        untouched=tuple(Untouched.of(item) for item in run.untouched),
        history=tuple(run.progress.history),
        notes=_notes(run),
        seconds=round(seconds, 1),
    )


def _notes(run: PruningRun) -> tuple[str, ...]:
    notes = []
    if run.removal.method != "channel":
        notes.append(
            "Zeros make the file smaller once it is zipped. They do not make it faster: the dense kernels of TFLite, "
            "ONNX Runtime and Core ML multiply zeros as well. --method channel makes a model faster"
        )
    if run.data is None:
        notes.append("Nothing was trained: without --data the accuracy is not known, and is most likely much lower")
    return tuple(notes)


def _write(out: Path, model: Any, report: PruneReport) -> Pruned:
    """The reports first, the model last: where the model is, its report is."""
    page = out.with_suffix(".report.html")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        replace_file(out.with_suffix(".report.json"), msgspec.json.format(msgspec.json.encode(report), indent=2))
        replace_file(page, render(report).encode())
        replace_file(out, model_bytes(model))
    except OSError as error:
        raise EdgecvError(f"cannot write {out}: {error.strerror}", "Choose another --output") from error
    return Pruned(path=out, report_path=page, report=report)
