"""The references of a benchmark: a GPU, a recorded GPU, the Keras model, or what the bundle itself holds.

In this order: `--reference FILE`; `--model MODEL` (Keras on CPU); ONNX float32 on CUDA where that really runs; else the
source's answers to the golden cases, which lie in the bundle, and for labelled samples a float32 artifact. Which one it
was is said in every result.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from edgecv_converters.golden import read_golden
from edgecv_runtime.bench.messages import Answered, Open, Opened, WriteOutputs
from edgecv_runtime.bench.process import Worker
from edgecv_runtime.bench.result import BenchRow, Correct, DataSet, Library, Reference
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BackendError, MissingDependencyError
from edgecv_runtime.formats import BACKENDS, KNOWN, FileFormat, format_of
from edgecv_runtime.schema import Artifact

from edgecv.bench.comparison import EVALUATION, Outputs, read_outputs
from edgecv.bench.recorded import Recorded, unpack
from edgecv.bench.samples import Samples
from edgecv.terminal.observer import Observer

GPU: Final = next(record for record in BACKENDS.values() if record.processor == "gpu")
GPU_FORMAT: Final = format_of(GPU.name)
ON_CPU: Final = tuple(record.name for record in BACKENDS.values() if record.processor == "cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceOutputs:
    """The reference's outputs, and what it is, for some data sets."""

    outputs: dict[DataSet, Outputs] = field(default_factory=dict)
    records: tuple[Reference, ...] = ()

    def __or__(self, other: ReferenceOutputs) -> ReferenceOutputs:
        """Both; what `other` says of a data set that this one has, too, is left out."""
        return ReferenceOutputs(
            outputs=other.outputs | self.outputs,
            records=(*self.records, *(r for r in other.records if r.on not in self.outputs)),
        )


def gpus() -> tuple[str, ...]:
    """The names of the NVIDIA GPUs, as their driver's tool gives them."""
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(line.strip() for line in done.stdout.splitlines() if line.strip()) if done.returncode == 0 else ()


def from_file(recorded: Recorded, samples: Samples) -> ReferenceOutputs:
    """Take the reference that was recorded on another machine.

    Raises:
        DataError: It does not hold the answers to these samples.
    """
    row, library = recorded.row, recorded.row.library
    ran = f"{library.name} {library.version} ({', '.join(library.providers)})" if library else row.backend
    place = ", ".join(recorded.machine.accelerators) or recorded.machine.cpu
    text = f"{row.artifact} on {ran}, {place}, recorded {recorded.created}"
    return ReferenceOutputs(
        outputs={name: unpack(recorded, name, samples) for name in samples.spools},
        records=tuple(
            Reference(
                on=name,
                kind="recorded",
                description=text,
                artifact=row.artifact,
                library=library,
                machine=recorded.machine,
                created=recorded.created,
                count=spool.count,
                inference=row.inference,
                total=row.total,
                correct=recorded.sets[name].correct,
            )
            for name, spool in samples.spools.items()
        ),
    )


def without_file(
    bundle: Bundle, samples: Samples, names: Sequence[str], work: Path, observer: Observer
) -> ReferenceOutputs:
    """A GPU where there is one, else the bundle's own answers and a float32 artifact; `names` are the GPUs' names."""
    if GPU.may_run:
        try:
            return _on_gpu(bundle, samples, names, work / "gpu")
        except (BackendError, MissingDependencyError) as error:
            observer.note(f"The GPU is not the reference: {error.message}")
    return _golden(bundle, samples) | _float_artifact(bundle, samples, work / "float")


def _on_gpu(bundle: Bundle, samples: Samples, names: Sequence[str], work: Path) -> ReferenceOutputs:
    artifact = _artifact(bundle, GPU_FORMAT)
    if artifact is None:
        raise BackendError(f"the bundle has no {GPU_FORMAT.title} float32 artifact")
    outputs, library = _answers(bundle, artifact, GPU.name, samples, work)
    text = f"{GPU_FORMAT.title} float32 on {GPU.title}: {', '.join(names) or 'a GPU'}, {library.name} {library.version}"
    return ReferenceOutputs(
        outputs=outputs,
        records=tuple(
            Reference(
                on=name, kind="cuda", description=text, artifact=artifact.file, library=library, count=spool.count
            )
            for name, spool in samples.spools.items()
        ),
    )


def _golden(bundle: Bundle, samples: Samples) -> ReferenceOutputs:
    cases = list(read_golden(bundle.root, bundle.manifest.golden))
    outputs = {
        spec.name: np.concatenate([case.outputs[spec.name] for case in cases]).astype(np.float32)
        for spec in bundle.manifest.outputs
    }
    record = Reference(
        on="golden",
        kind="golden",
        description="the source model's own answers (Keras on CPU), as the bundle recorded them when it was made",
        count=samples.spools["golden"].count,
    )
    return ReferenceOutputs(outputs={"golden": outputs}, records=(record,))


def _float_artifact(bundle: Bundle, samples: Samples, work: Path) -> ReferenceOutputs:
    """The labelled samples, answered by the first float32 artifact that runs here; nothing where there is none."""
    if EVALUATION not in samples.spools:
        return ReferenceOutputs()
    only = replace(samples, spools={EVALUATION: samples.spools[EVALUATION]})
    for known in sorted(KNOWN.values(), key=lambda one: one is not GPU_FORMAT):
        artifact, backend = _artifact(bundle, known), known.backends[0].name
        if artifact is None or backend not in ON_CPU:
            continue
        try:
            outputs, library = _answers(bundle, artifact, backend, only, work / known.name)
        except (BackendError, MissingDependencyError):
            continue
        text = f"float32 artifact {artifact.file}, run here on {library.name} {library.version}"
        record = Reference(
            on=EVALUATION,
            kind="artifact",
            description=f"{text} ({', '.join(library.providers)}), because there is no GPU and no recorded reference",
            artifact=artifact.file,
            library=library,
            count=only.spools[EVALUATION].count,
        )
        return ReferenceOutputs(outputs=outputs, records=(record,))
    return ReferenceOutputs()


def _artifact(bundle: Bundle, known: FileFormat) -> Artifact | None:
    fitting = (a for a in bundle.manifest.artifacts if (a.target, a.precision) == (known.name, "float32"))
    return next(fitting, None)


def _answers(
    bundle: Bundle, artifact: Artifact, backend: str, samples: Samples, work: Path
) -> tuple[dict[DataSet, Outputs], Library]:
    """An artifact's outputs for all samples, from a process of its own."""
    folder = next(iter(samples.spools.values())).folder
    root = str(bundle.root.absolute())
    order = Open(bundle=root, artifact=artifact.file, backend=backend, threads=1, samples=str(folder))
    outputs: dict[DataSet, Outputs] = {}
    with Worker() as worker:
        library = worker.ask(order, Opened).library
        for name, spool in samples.spools.items():
            worker.ask(WriteOutputs(samples=str(spool.folder), out=str(work / name)), Answered)
            outputs[name] = read_outputs(work / name, bundle.manifest)
    return outputs, library


def completed(record: Reference, rows: Sequence[BenchRow], correct: Correct | None) -> Reference:
    """The record with what was measured afterwards: its own row's latencies, and its accuracy."""
    backend = {"cuda": (GPU.name,), "artifact": ON_CPU}.get(record.kind, ())
    same = [
        row for row in rows if row.artifact == record.artifact and row.backend in backend and row.inference is not None
    ]
    if same:
        record = msgspec.structs.replace(record, inference=same[0].inference, total=same[0].total)
    if record.on == EVALUATION and correct is not None:
        record = msgspec.structs.replace(record, correct=correct)
    return record
