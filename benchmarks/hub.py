"""Convert KerasHub's and KerasCV's networks, small and briefly trained: `hub.json` of the results, `docs/hub.md`.

Usage: python -m benchmarks.hub [NAME ...]     (named ones: their rows are replaced, the others kept)
`make bench-hub` does the same for all, in an environment of its own.

Each goes through `edgecv.convert` twice: as the `.keras` file in float32 and int8, and in float32 as the SavedModel of
`model.export`. No option says what its outputs mean.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import msgspec
from edgecv_converters.parity.parts import worst_head
from edgecv_runtime.errors import EdgecvError
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Parity

import edgecv
from benchmarks.hub_train import MODELS, HubFiles, files_of
from benchmarks.shared import ROOT
from edgecv.convert.pipeline import Outcome
from edgecv.machine import machine_line
from edgecv.machine import versions as tool_versions

WORK: Final = ROOT / "build" / "hub" / "models"
RESULTS: Final = ROOT / "benchmarks" / "results" / "hub.json"
PAGE: Final = ROOT / "docs" / "hub.md"
PRECISIONS: Final[Mapping[str, tuple[str, ...]]] = {"keras": ("float32", "int8"), "saved_model": ("float32",)}
TARGETS: Final = ("tflite", "onnx", "coreml")
METRICS: Final = ("map", "mean_iou")  # of detection and of segmentation, as reports have them


class HubCell(Record, frozen=True):
    """What came of one artifact: the verdict, agreement with the source's answers, and the metric of both."""

    status: str
    bytes: int
    agreement: float | None
    metric: float | None
    reference_metric: float | None


class HubForm(Record, frozen=True):
    """What came of one form of a model; `cells` by "target:precision". `error` is the message where there is no bundle."""

    kinds: tuple[str, ...]
    cells: dict[str, HubCell]
    notes: tuple[str, ...]
    error: str | None
    seconds: float


class HubRow(Record, frozen=True):
    """One network: the head that it should have, and what came of its two forms."""

    name: str
    kind: str
    trained: bool
    parameters: int
    forms: dict[str, HubForm]


class HubResults(Record, frozen=True):
    """All of `hub.json`."""

    machine: str
    versions: dict[str, str]
    rows: tuple[HubRow, ...]


def main(arguments: Sequence[str]) -> int:
    """Convert the named networks, or all; returns 1 if one was refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(MODELS)}")
    names = parser.parse_args(arguments).names or list(MODELS)
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        parser.error(f"unknown network {unknown[0]!r}; the networks are {', '.join(MODELS)}")
    rows = []
    for name in names:
        row = convert_one(name)
        rows.append(row)
        print(f"{name}: {summary(row)}", flush=True)
        known = kept() | {name: row}
        write(HubResults(machine=machine_line(), versions=tool_versions(),
                         rows=tuple(known[other] for other in MODELS if other in known)))  # fmt: skip
    return int(any(form.error is not None for row in rows for form in row.forms.values()))


def convert_one(name: str) -> HubRow:
    """Train the network if it is not there, and convert both of its forms."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        files = pool.submit(files_of, name, WORK).result()
    made = {form: _form(name, form, files) for form in PRECISIONS}
    parameters = max(count for _, count in made.values())
    forms = {form: result for form, (result, _) in made.items()}
    chosen = MODELS[name]
    return HubRow(
        name=name, kind=chosen.kind, trained=chosen.training > 0, parameters=parameters, forms=forms
    )


def _form(name: str, form: str, files: HubFiles) -> tuple[HubForm, int]:
    """What came of one form, and its number of parameters (0 where it was refused)."""
    began, chosen = time.monotonic(), MODELS[name]
    options: dict[str, Any] = {"custom_objects": chosen.module} if form == "keras" else {}
    if chosen.training:
        options["evaluate"] = files.evaluation
    try:
        outcome = edgecv.convert(
            getattr(files, form),
            WORK / name / f"{form}.edgecv",
            quantize=list(PRECISIONS[form]),
            targets=list(TARGETS),
            preprocess=chosen.preprocess,
            calibrate=files.calibration,
            force=True,
            keep_failing=True,
            keep_going=True,
            **options,
        )
    except EdgecvError as error:
        return HubForm((), {}, (), f"{error} ({error.hint})", round(time.monotonic() - began, 1)), 0
    except Exception:  # a bug of edgecv's is a result too
        return HubForm((), {}, (), traceback.format_exc(), round(time.monotonic() - began, 1)), 0
    return _made(outcome, began), outcome.report.source.parameters


def _made(outcome: Outcome, began: float) -> HubForm:
    report, manifest = outcome.report, outcome.manifest
    parities = {parity.artifact: parity for parity in manifest.parity}
    measured = {row.artifact: row for row in report.heads}
    cells = {}
    for artifact in manifest.artifacts:
        parity, row = parities[artifact.file], measured.get(artifact.file)
        accuracy = parity.accuracy
        values = (
            (_metric(row.metrics), _metric(row.reference_metrics))
            if row is not None
            else (accuracy.accuracy, accuracy.reference_accuracy)
            if accuracy is not None
            else (None, None)
        )
        cells[f"{artifact.target}:{artifact.precision}"] = HubCell(
            parity.status, artifact.bytes, _agreement(parity), *values
        )
    failed = tuple(f"{failure.target}: {failure.message}" for failure in report.failures)
    return HubForm(
        kinds=tuple(head.kind for head in manifest.heads),
        cells=cells,
        notes=(*failed, *report.notes),
        error=None,
        seconds=round(time.monotonic() - began, 1),
    )


def _metric(metrics: Mapping[str, Any]) -> float | None:
    return next((float(metrics[name]) for name in METRICS if name in metrics), None)


def _agreement(parity: Parity) -> float | None:
    compared = parity.comparisons.get("evaluation") or parity.comparisons.get("calibration")
    head = worst_head(compared.heads) if compared else None
    return head.agreement if head else None


def summary(row: HubRow) -> str:
    """One line of what came of a network."""
    parts = []
    for form, result in row.forms.items():
        told = result.error.strip().splitlines()[-1] if result.error else ", ".join(
            f"{step} {cell.status}" for step, cell in result.cells.items()
        )
        parts.append(f"{form} ({', '.join(result.kinds)}; {result.seconds:.0f} s): {told}")
    return "; ".join(parts)


def kept() -> dict[str, HubRow]:
    """The rows of the runs before."""
    if not RESULTS.exists():
        return {}
    found = msgspec.json.decode(RESULTS.read_bytes(), type=HubResults)
    return {row.name: row for row in found.rows}


def write(results: HubResults) -> None:
    """Write the JSON file."""
    RESULTS.write_text(json.dumps(msgspec.to_builtins(results), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
