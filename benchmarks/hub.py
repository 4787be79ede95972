"""Convert KerasHub's and KerasCV's networks, small and briefly trained: `hub.json` of the results, `docs/hub.md`.

Usage: python -m benchmarks.hub [NAME ...]     (named ones: their rows are replaced, the others kept)
`make bench-hub` does the same for all, in an environment of its own.

Each goes through `edgecv.convert` twice: as the `.keras` file in float32 and int8, and in float32 as the SavedModel of
`model.export`. No option says what its outputs mean.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Final

import msgspec
from edgecv_converters.parity.parts import worst_head
from edgecv_runtime.errors import EdgecvError
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Parity

import edgecv
from benchmarks.hub_boxes import compare
from benchmarks.hub_train import MODELS, HubFiles, files_of
from benchmarks.shared import ROOT, machine_lines, names_given
from edgecv.convert.pipeline import Outcome
from edgecv.machine import machine_line
from edgecv.machine import versions as tool_versions

WORK: Final = ROOT / "build" / "hub" / "models"
RESULTS: Final = ROOT / "benchmarks" / "results" / "hub.json"
PAGE: Final = ROOT / "docs" / "hub.md"
PRECISIONS: Final[Mapping[str, tuple[str, ...]]] = {"keras": ("float32", "int8"), "saved_model": ("float32",)}
TARGETS: Final = ("tflite", "onnx", "coreml")
BOUNDS: Final = {"detection": "mAP", "segmentation": "mIoU", "classification": "accuracy"}
METRICS: Final = ("map", "mean_iou")  # of detection and of segmentation, as reports have them
INTRODUCTION: Final = """# KerasHub and KerasCV

Networks of KerasHub and KerasCV, built small by their own classes (no weights are fetched), most of them trained for up
to a minute on drawn pictures of shapes. Made by `make bench-hub`, in an environment of its own; the numbers, notes and
messages are in `benchmarks/results/hub.json`.

{machines}

Each is converted as the `.keras` file that Keras writes, with `--custom-objects keras_hub` (or `keras_cv`), in float32
and int8, and in float32 as the SavedModel of `model.export`. No option says what the outputs mean, and of KerasHub's
files none how pictures are prepared. A cell is the verdict, the metric in points of 100 on 60 labelled pictures
(mAP@[.5:.95], mIoU, accuracy), and the share of answers that are the source model's; the last column has the verdicts
of the SavedModel's three artifacts.
"""
NOTES: Final = """## The library's own boxes

A detector's boxes are decoded outside of the model. "own" in the column of the source counts the boxes from a score of
0.5 on that the library's own decoding finds in the labelled pictures, and how many of them edgecv's float32 TFLite file
finds: the same label, a score within 0.01 and an overlap of 0.95. The library's boxes reach over the picture's borders,
and some lie outside; a bundle's end there, so the library's are cut for this.

## What it showed

* A RetinaNet's logits had no sigmoid where its levels are joined in the graph, and scores of 5 passed: the ends of all
  that is joined are looked at now, and scores over 1 make a proof weak.
* A RetinaNet whose anchors are not KerasHub's usual ones would have been decoded with these, and nothing compares that.
  A `.keras` file and a live model say their anchors; a SavedModel does not, so its proof is weak.
* A RetinaNet's `.keras` file was refused: KerasHub does not register all of its classes.
* Probabilities of many boxes were 0 in int8, and YOLOv8 failed for it; they stay float.
* Every D-FINE splits channels into parts of which one has no values, which XNNPACK does not take, and a pass of
  coremltools ended with an error on it. Its eight outputs, of which six are for training, are two.
* What prepares pictures stood in the file and had to be said again.
* The variance of a flat patch is 0 in int8 where the epsilon of a layer normalization is less than a step. Its root was
  infinite in the Core ML package of a SegFormer, which failed; it is the largest value now, as in LiteRT's kernel.

## What does not pass, and why

* `d_fine`, float32: the scores agree (117 dB), of the boxes 97 %, the gate is 99.5 %. With random weights many queries
  are nearly equal, and the last digits of a float decide which are the thirty best. A trained one was not tried.
* `d_fine`, int8: a third of the boxes agree: int8 finds other queries the best. No file was made while the weights that
  begin at zero were left so: what gives only zeros had steps of 8e-9, the largest rescaling was by 740,000, and XNNPACK
  refused the file. Training moves such weights; here they are small random values.
* `retinanet`, int8: 89.6 % of the boxes agree, the gate is 90 %. The network is weak (its source's mAP is 4.5), with
  many boxes near the threshold: with the float file's offsets 96.6 % agree, with its scores 92.2 %. Its offsets share
  one scale from -7 to 5, of which those of boxes use a part. Its SavedModel's proof is weak: nothing tells its anchors.
* `segformer`, `deeplab_v3`, SavedModel: refused. What follows a Keras `Resizing` layer is traced in training mode by
  `model.export`, and its batch normalization changes the model's variables. The `.keras` file is taken as it infers.
* `vit`, int8: 58 of 60 answers of the ONNX and Core ML files are the TFLite file's, the gate is 97 %. The network has
  57 % right, so many calls are close; the first suspect is the root in a layer normalization.
* Not run to the end: `depth_anything` and the other classifiers.
"""


class HubCell(Record, frozen=True):
    """What came of one artifact: the verdict, agreement with the source's answers, and the metric of both."""

    status: str
    bytes: int
    agreement: float | None
    metric: float | None
    reference_metric: float | None


class HubForm(Record, frozen=True):
    """What came of one form of a model, by "target:precision"; `error` is the message where there is no bundle."""

    kinds: tuple[str, ...]
    cells: dict[str, HubCell]
    notes: tuple[str, ...]
    error: str | None
    seconds: float


class HubRow(Record, frozen=True):
    """One network: the head that it should have, what came of its two forms, and where it was measured.

    `own_boxes` are how many of the boxes that the library's own decoding finds in the labelled pictures edgecv finds as
    well, and how many those are.
    """

    name: str
    kind: str
    trained: bool
    parameters: int
    own_boxes: tuple[int, int] | None
    forms: dict[str, HubForm]
    machine: str


class HubResults(Record, frozen=True):
    """All of `hub.json`."""

    machine: str
    versions: dict[str, str]
    rows: tuple[HubRow, ...]


def main(arguments: Sequence[str]) -> int:
    """Convert the named networks, or all; returns 1 if one was refused."""
    rows = []
    for name in names_given(arguments, MODELS, __doc__):
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
    comparable = files.boxes.exists() and "tflite:float32" in forms["keras"].cells
    chosen = MODELS[name]
    return HubRow(
        name=name,
        kind=chosen.kind,
        trained=chosen.training > 0,
        parameters=parameters,
        forms=forms,
        own_boxes=compare(WORK / name / "keras.edgecv", files.boxes, files.evaluation) if comparable else None,
        machine=machine_line(),
    )


def _form(name: str, form: str, files: HubFiles) -> tuple[HubForm, int]:
    """What came of one form, and its number of parameters (0 where it was refused)."""
    began, chosen = time.monotonic(), MODELS[name]
    options: dict[str, Any] = {"custom_objects": chosen.module} if form == "keras" else {}
    if form == "saved_model" or chosen.preprocess != "rescale":  # the file of the others says it
        options["preprocess"] = chosen.preprocess
    if chosen.training:
        options["evaluate"] = files.evaluation
    try:
        outcome = edgecv.convert(
            getattr(files, form),
            WORK / name / f"{form}.edgecv",
            quantize=list(PRECISIONS[form]),
            targets=list(TARGETS),
            calibrate=files.calibration,
            force=True,
            keep_failing=True,
            keep_going=True,
            **options,
        )
    except EdgecvError as error:
        return HubForm((), {}, (), f"{error} ({error.hint})", round(time.monotonic() - began, 1)), 0
    except Exception:  # noqa: BLE001  # a bug of edgecv's is a result too
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
        told = (
            result.error.strip().splitlines()[-1]
            if result.error
            else ", ".join(f"{step} {cell.status}" for step, cell in result.cells.items())
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
    """Write the JSON file and the page."""
    RESULTS.write_text(json.dumps(msgspec.to_builtins(results), indent=1) + "\n")
    PAGE.write_text(page(results))


def page(results: HubResults) -> str:
    """The page of documentation, in Markdown."""
    steps = [f"{target}:{precision}" for target in TARGETS for precision in PRECISIONS["keras"]]
    head = ["network", "head", "parameters", "source", *steps, "SavedModel"]
    table = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(_line(row, steps) for row in results.rows)]
    machines = {row.name: row.machine for row in results.rows}
    return "\n".join([INTRODUCTION.format(machines=machine_lines(machines)), *table, "", NOTES])


def _line(row: HubRow, steps: Sequence[str]) -> str:
    found = row.forms["keras"]
    source = next((_points(cell.reference_metric) for cell in found.cells.values()), "")
    cells = [_cell(found.cells.get(step)) for step in steps]
    saved = row.forms["saved_model"]
    other = "refused" if saved.error else _worst(saved)
    other += "" if saved.kinds == found.kinds or saved.error else f" ({', '.join(saved.kinds)})"
    head = ", ".join(found.kinds) or "refused"
    own = "" if row.own_boxes is None else f", own {row.own_boxes[0]} of {row.own_boxes[1]}"
    measured = f"{BOUNDS[row.kind]} {source}{own}" if row.trained else "random weights"
    return f"| {' | '.join([row.name, head, f'{row.parameters:,}', measured, *cells, other])} |"


def _cell(cell: HubCell | None) -> str:
    """An artifact's verdict, metric and agreement with the source."""
    if cell is None:
        return "not made"
    agreed = None if cell.agreement is None else f"{100 * cell.agreement:.1f} % agree"
    return ", ".join(part for part in (cell.status, _points(cell.metric), agreed) if part)


def _worst(form: HubForm) -> str:
    """The verdicts of a form's artifacts, each once; fewer artifacts than targets are said."""
    statuses = sorted({cell.status for cell in form.cells.values()})
    missing = len(TARGETS) * len(PRECISIONS["saved_model"]) - len(form.cells)
    return ", ".join([*statuses, *([f"{missing} not made"] if missing else [])])


def _points(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
