"""Convert and prove the whole zoo: `benchmarks/results/zoo.json` and the table in `docs/zoo.md`.

Usage: python -m benchmarks.zoo_table [NAME ...]     (named models only: their rows are replaced, the others kept)
`make zoo ONLY="NAME NAME"` does the same.

Each model goes through `edgecv.convert.pipeline.convert`, the code of the command line, to five artifacts with all
the proof.
Its samples come as .npz files of ready tensors. A model is built in a process of its own, whose memory goes with it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from textwrap import fill
from typing import Any

import msgspec
import numpy as np
from edgecv_converters.coreml.reference import ReferenceCoreML
from edgecv_converters.golden import read_golden
from edgecv_converters.measured import Failure
from edgecv_converters.parity.parts import worst_head, worst_part
from edgecv_runtime.backends import run_float
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import EdgecvError
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Parity, Preprocess
from threadpoolctl import threadpool_limits

from benchmarks import zoo_shared
from benchmarks.shared import ROOT, names_given
from benchmarks.zoo_shared import Arrays
from edgecv.convert.pipeline import Outcome, convert
from edgecv.convert.recipe import Recipe, plan
from edgecv.convert.request import ConvertRequest
from edgecv.machine import machine_line
from edgecv.machine import versions as tool_versions

WORK = ROOT / "build" / "zoo"
RESULTS = ROOT / "benchmarks" / "results" / "zoo.json"
TABLE = ROOT / "docs" / "zoo.md"
STEPS = ("tflite:float32", "tflite:int8", "onnx:float32", "onnx:int8", "coreml:float16", "coreml:int8")
CALIBRATION, EVALUATION, CALIBRATION_SEED = 100, 100, 50
TIMED = 5
PAGE_WIDTH = 120
# Samples where one takes megabytes or a second; and where the source is unsure of some, so that 100 say little.
COUNTS = {"cnn_lstm_clip": 48, "vgg16_transfer": 60, "two_head_mobilenet": 500}


class Cell(Record, frozen=True):
    """What came of one artifact: the share of evaluation samples with the source's own answer, and the SNR.

    Where there are several heads `agreement` is of the worst one, and `snr_db` of the worst output or group of columns.
    """

    status: str
    reason: str | None = None
    bytes: int | None = None
    agreement: float | None = None
    snr_db: float | None = None
    accuracy: float | None = None


class Row(Record, frozen=True):
    """One model; `cells` by "target:precision".

    `evaluator_ms` is what the reference evaluator takes for a sample of the float16 package, on one thread.
    `machine` is where it was measured.
    """

    name: str
    parameters: int
    multiply_adds: int | None
    reference_accuracy: float | None
    samples: int
    seconds: float
    cells: dict[str, Cell]
    evaluator_ms: float | None = None
    machine: str | None = None


class Results(Record, frozen=True):
    """All of `zoo.json`."""

    machine: str
    versions: dict[str, str]
    rows: tuple[Row, ...]


def main(arguments: Sequence[str]) -> int:
    """Convert the named models, or all; returns 1 if any artifact failed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from benchmarks.zoo import ZOO
    from benchmarks.zoo_kinds import KINDS

    known = (*ZOO, *KINDS, *zoo_shared.ALL)
    failed = False
    for name in names_given(arguments, (*ZOO, *KINDS, *zoo_shared.MODELS), "convert and prove the models of the zoo"):
        row = convert_one(name)
        _report(row)
        rows = _kept(known) | {name: row}  # read again: another run may have written its own meanwhile
        ordered = tuple(rows[other] for other in known if other in rows)
        write(Results(machine=machine_line(), versions=tool_versions(), rows=ordered))
        failed |= any(cell.status == "failed" for cell in row.cells.values())
    return int(failed)


def convert_one(name: str) -> Row:
    """Build the model and its samples if they are not there, convert it, and say what came of it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        model, calibration, evaluation, count = pool.submit(prepare, name).result()
    request = request_for(model, calibration, evaluation, f"{name}.edgecv", STEPS)
    began = time.monotonic()
    try:
        outcome = convert(request)
    except EdgecvError as error:
        cell = Cell(status="failed", reason=error.message)
        return _row(name, count, time.monotonic() - began, dict.fromkeys(STEPS, cell), None)
    return _row(name, count, time.monotonic() - began, _cells(outcome), outcome)


def request_for(model: Path, calibration: Path, evaluation: Path, out: str, steps: Sequence[str]) -> ConvertRequest:
    """Ask for some artifacts of a model of the zoo, in the bundle `out`, whatever fails."""
    return ConvertRequest(
        model=model,
        out=WORK / out,
        recipe=Recipe(steps=plan(steps, ()), samples=CALIBRATION),
        preprocess=Preprocess(kind="tensor"),
        calibrate=calibration,
        evaluate=evaluation,
        force=True,
        keep_failing=True,
        keep_going=True,
    )


def prepare(name: str) -> tuple[Path, Path, Path, int]:
    """The model's file, its calibration and evaluation samples, and how many the latter are."""
    WORK.mkdir(parents=True, exist_ok=True)
    model, samples = _subject(name)
    count = COUNTS.get(name, EVALUATION)
    paths = (WORK / f"{name}.calibration.npz", WORK / f"{name}.evaluation.npz")
    for path, part, seed in zip(paths, ("train", "test"), (CALIBRATION_SEED, 0), strict=True):
        np.savez(path, allow_pickle=False, **samples(min(count, CALIBRATION) if seed else count, part, seed))
    return model, *paths, count


def _subject(name: str) -> tuple[Path, Callable[[int, str, int], Arrays]]:
    """A model's file, and its samples with their truth for a count, a part of the data and a seed."""
    from benchmarks import zoo, zoo_kinds

    if name in zoo_kinds.KINDS:
        return zoo_kinds.path_of(name, WORK), lambda count, _, seed: zoo_kinds.sample_arrays(name, count, seed)
    if name in zoo_shared.MODELS:
        shared = zoo_shared.MODELS[name]
        return shared.path, lambda *wanted: named(shared.path, shared.samples(*wanted))
    model = zoo.path_of(name, WORK)
    return model, lambda count, _, seed: named(model, zoo.sample_arrays(name, count, seed))


def named(model: Path, arrays: Arrays) -> Arrays:
    """The arrays with the only input's name in place of "samples"."""
    from edgecv_converters.source import load_source

    return {load_source(model).inputs[0].name: arrays.pop("samples"), **arrays}


def _row(name: str, samples: int, seconds: float, cells: dict[str, Cell], outcome: Outcome | None) -> Row:
    source = outcome.report.source if outcome else None
    accuracies = [parity.accuracy for parity in outcome.report.parity if parity.accuracy] if outcome else []
    return Row(
        name=name,
        parameters=source.parameters if source else 0,
        multiply_adds=source.multiply_adds if source else None,
        reference_accuracy=accuracies[0].reference_accuracy if accuracies else None,
        samples=samples,
        seconds=round(seconds, 1),
        evaluator_ms=None if outcome is None or outcome.path is None else evaluator_ms(outcome.path),
        cells=cells,
        machine=machine_line(),
    )


def evaluator_ms(bundle: Path) -> float | None:
    """What one sample takes in the float16 package: the median of some, after the first."""
    package = bundle / "coreml" / "model.float16.mlpackage"
    if not package.exists():
        return None
    with Bundle.load(bundle) as loaded, threadpool_limits(1):
        case = next(iter(read_golden(loaded.root, loaded.manifest.golden)))
        artifact = loaded.artifact("coreml", "float16")
        with closing(ReferenceCoreML(package, artifact.inputs, artifact.outputs)) as backend:
            run_float(backend, artifact, case.inputs)
            taken = []
            for _ in range(TIMED):
                began = time.perf_counter()
                run_float(backend, artifact, case.inputs)
                taken.append(time.perf_counter() - began)
    return round(1e3 * float(np.median(taken)), 2)


def _cells(outcome: Outcome) -> dict[str, Cell]:
    sizes = {artifact.file: artifact for artifact in outcome.report.artifacts}
    cells = {f"{failure.target}:{failure.precision}": _failed(failure) for failure in outcome.failures}
    for parity in outcome.report.parity:
        artifact = sizes[parity.artifact]
        cells[f"{artifact.target}:{artifact.precision}"] = _proven(parity, artifact.bytes)
    return {step: cells[step] for step in STEPS if step in cells}


def _failed(failure: Failure) -> Cell:
    return Cell(status="failed", reason=failure.message)


def _proven(parity: Parity, size: int) -> Cell:
    compared = parity.comparisons.get("evaluation")
    part = worst_part(compared.parts) if compared else None
    head = worst_head(compared.heads) if compared else None
    return Cell(
        status=parity.status,
        reason=parity.reason,
        bytes=size,
        agreement=head.agreement if head else None,
        snr_db=part.snr_db if part else None,
        accuracy=parity.accuracy.accuracy if parity.accuracy else None,
    )


def _kept(names: Sequence[str]) -> dict[str, Row]:
    if not RESULTS.exists():
        return {}
    found = msgspec.json.decode(RESULTS.read_bytes(), type=Results)
    return {row.name: row for row in found.rows if row.name in names}


def write(results: Results) -> None:
    """Write the JSON file and the table."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(msgspec.to_builtins(results), indent=1) + "\n")
    TABLE.write_text(table(results))


def table(results: Results) -> str:
    """The page of documentation, in Markdown."""
    head = ["model", "parameters", "multiply-adds", *STEPS, "evaluator, ms"]
    lines = [
        "# The zoo",
        "",
        "Made by `make zoo`, which calls `edgecv.convert`; the numbers are in `benchmarks/results/zoo.json`.",
        f"Machine: {results.machine}.",
        "",
        f"A cell gives an artifact's size and, on {EVALUATION} held-out samples ({_counts(results)}),",
        "the share of its answers that equal the Keras model's, and its signal-to-noise ratio: the worst head's,",
        "and the worst output's or group of columns.",
        "What decides nothing (a picture, numbers) has the ratio alone. Core ML's are from the",
        "[reference evaluation](coreml.md#how-it-is-proven) of the saved package; the last column is the time that",
        "this takes for one sample of the float16 package, on one thread. The models are made by `benchmarks/zoo.py`",
        "and, where inputs, answers or blocks are of other kinds, `benchmarks/zoo_kinds.py`, which trains them for",
        "minutes on data drawn by code (the DCGAN generator to draw digits from their principal components, without an",
        "adversary). ResNet8 and the keyword spotter are MLPerf Tiny's, the latter on drawn spectrograms.",
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(_line(row) for row in results.rows),
        "",
    ]
    notes = [
        f"* {row.name}, {step}: {cell.reason}"
        for row in results.rows
        for step, cell in row.cells.items()
        if cell.status == "failed" and cell.reason
    ]
    others = dict.fromkeys(row.machine for row in results.rows if row.machine not in {None, results.machine})
    elsewhere = [fill(_elsewhere(results, machine), PAGE_WIDTH) for machine in others]
    failed = ["## What failed, and why", "", *notes, ""] if notes else []
    return "\n".join([*lines, *elsewhere, *([""] if elsewhere else []), *failed])


def _counts(results: Results) -> str:
    return ", ".join(f"{row.name} {row.samples}" for row in results.rows if row.samples != EVALUATION)


def _elsewhere(results: Results, machine: str | None) -> str:
    names = [row.name for row in results.rows if row.machine == machine]
    return f"Measured on {machine}: {', '.join(names)}."


def _line(row: Row) -> str:
    macs = "" if row.multiply_adds is None else f"{row.multiply_adds / 1e6:,.1f} M"
    cells = [_text(row.cells[step]) if step in row.cells else "" for step in STEPS]
    taken = "" if row.evaluator_ms is None else f"{row.evaluator_ms:,.1f}"
    return f"| {' | '.join([row.name, f'{row.parameters:,}', macs, *cells, taken])} |"


def _text(cell: Cell) -> str:
    if cell.bytes is None:
        return "failed"
    parts = [f"{cell.bytes / 1024:,.0f} KiB"]
    if cell.agreement is not None:
        parts.append(f"{cell.agreement:.1%}")
    if cell.snr_db is not None:
        parts.append(f"{cell.snr_db:.0f} dB")
    return ", ".join([*parts, *([] if cell.status == "passed" else [cell.status.replace("_", " ")])])


def _report(row: Row) -> None:
    states: dict[str, Any] = {step: f"{cell.status} {cell.agreement}" for step, cell in row.cells.items()}
    print(f"{row.name}: {row.seconds:.0f} s, {states}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
