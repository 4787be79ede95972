"""The file of `--record-reference`: outputs and latencies of this machine's ONNX float32, on its GPU if it has one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.bench.result import BenchRow, Correct, Result
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BackendError, DataError, UsageError

from edgecv.bench.comparison import EVALUATION, read_outputs
from edgecv.bench.recorded import RECORDED_VERSION, Recorded, pack, write_recorded
from edgecv.bench.reference import GPU, GPU_FORMAT
from edgecv.bench.samples import Samples
from edgecv.terminal.observer import Observer


def check_recordable(bundle: Bundle, options: Options) -> None:
    """See that ONNX float32 is among what will be measured.

    Raises:
        DataError: The bundle has none.
        UsageError: It was not asked for.
    """
    if not any((a.target, a.precision) == (GPU_FORMAT.name, "float32") for a in bundle.manifest.artifacts):
        raise DataError(
            f"a reference is recorded of {GPU_FORMAT.title} float32, which the bundle {bundle.manifest.name} has not",
            f"Convert again with --target {GPU_FORMAT.name} --quantize float32 among the others",
        )
    asked = (
        (not options.targets or GPU_FORMAT.name in options.targets)
        and (not options.precisions or "float32" in options.precisions)
        and (not options.backends or any(record.name in options.backends for record in GPU_FORMAT.backends))
    )
    if not asked:
        raise UsageError(
            f"a reference is recorded of {GPU_FORMAT.title} float32, which is not among what is measured",
            "Leave out --target, --precision and --backend, or add it",
        )


def recordable(rows: Sequence[BenchRow]) -> tuple[int, BenchRow]:
    """The row that becomes the reference, and its place: ONNX float32 on CUDA; on the CPU only where no CUDA was meant.

    Raises:
        BackendError: It did not run.
    """
    floats = [(n, row) for n, row in enumerate(rows) if (row.target, row.precision) == (GPU_FORMAT.name, "float32")]
    chosen = [(n, row) for n, row in floats if row.backend == GPU.name] or floats
    ran = [(n, row) for n, row in chosen if row.not_run is None]
    if not ran:
        row = chosen[0][1]
        raise BackendError(
            f"the reference was not recorded, {row.title} did not run: {row.not_run}",
            f"For a reference on the CPU, and one that says so, give --backend {GPU_FORMAT.backends[0].name}",
        )
    return min(ran, key=lambda pair: pair[1].inference.p50_us if pair[1].inference else 0.0)


def record(result: Result, bundle: Bundle, samples: Samples, answers: Path, path: Path, observer: Observer) -> None:
    """Write the reference; `answers` is the folder of all rows' outputs.

    Raises:
        BackendError: ONNX float32 did not run.
        DataError: The file cannot be written.
    """
    place, row = recordable(result.rows)
    if row.backend != GPU.name:
        providers = ", ".join(row.library.providers) if row.library else row.backend
        observer.note(f"There is no {GPU.title} here: the recorded reference ran on {providers}, and says so")
    sets = {}
    for name in samples.spools:
        outputs = read_outputs(answers / str(place) / name, bundle.manifest)
        sets[name] = pack(samples, name, outputs, _alone(row.correct) if name == EVALUATION else None)
    recorded = Recorded(
        schema_version=RECORDED_VERSION,
        name=result.name,
        identity=result.identity,
        created=result.created,
        machine=result.machine,
        row=msgspec.structs.replace(row, comparisons={}, correct=None, classes=()),
        sets=sets,
    )
    write_recorded(recorded, path)


def _alone(correct: Correct | None) -> Correct | None:
    """Without what it was compared with."""
    if correct is None:
        return None
    return Correct(count=correct.count, accuracy=correct.accuracy, interval=correct.interval)
