"""Convert, prove and evaluate the zoo's detectors and others: `zoo_places.json` of the results, `docs/zoo_places.md`.

Usage: python -m benchmarks.zoo_places_table [NAME ...]     (named ones: their rows are replaced, the others kept)
`make zoo` does the same for all.

Each model goes through `edgecv.convert`, the code of the command line, with pictures in folders, its head's description
and labelled pictures; then `edgecv evaluate` measures every artifact. A model is trained in a process of its own.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import msgspec
from edgecv_converters.parity.parts import worst_head
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Parity

import edgecv
from benchmarks.shared import ROOT, machine_lines, names_given
from benchmarks.zoo_places import PLACES, PlaceFiles, files_of
from edgecv.convert.pipeline import Outcome
from edgecv.machine import machine_line
from edgecv.machine import versions as tool_versions
from edgecv.prove.evaluate import evaluate
from edgecv.terminal.observer import Silent

WORK: Final = ROOT / "build" / "zoo_places"
RESULTS: Final = ROOT / "benchmarks" / "results" / "zoo_places.json"
PAGE: Final = ROOT / "docs" / "zoo_places.md"
PRECISIONS: Final = ("float32", "int8")
TARGETS: Final = ("tflite", "onnx", "coreml")
POINTS: Final = 1.0  # of 100 that int8 may lose
AGREEMENT: Final = 0.97
SCORED: Final = ("detection", "segmentation")  # kinds whose metric has the bar
INTRODUCTION: Final = """# The zoo of places

Detectors, segmenters, key points, pictures, embeddings, clips and sounds, trained for a minute or two on drawn pictures
and synthesized sounds. Made by `python -m benchmarks.zoo_places_table` (part of `make zoo`), which calls
`edgecv.convert` with a folder of pictures, videos or WAV files, the [description of the head](heads.md) in
`benchmarks/zoo_heads/` and labelled ones; the numbers are in
`benchmarks/results/zoo_places.json`.

{machines}

A cell is an artifact's size and its metric, in points of 100, on labelled samples that nothing was trained or
calibrated on (of the embedder, of emblems that it never saw). "int8 loses" is the most that one of the three targets
loses against its own float32; "agreement" is the least of the three int8 files with the Keras model: the share of boxes
that are matched, of equal pixels, of near points or values, of equal classes, or the cosine. The bar: at most 1 point
of mAP or mIoU lost, and an agreement of 97 %.
"""
NOTES: Final = """## What the detectors needed

`detector`, `detector_joined` and `detector_yolo` are one trained network with three endings: distances and logits in
two outputs; corners in pixels beside probabilities in one; and what YOLOv8 exports, channels first. Their distances are
a softplus, which TensorFlow's converter writes as log(1 + exp x): in int8 the exponential from 0.03 to 28 had steps of
0.11, and with ranges, weights and biases as they were mAP fell by 1.26 points. Exponentials after the last weights, and
the arithmetic with each cell's centre by which the other two place boxes in the picture, are float since then, as is
the concatenation with the scores ([what stays float](quantization.md#what-stays-float)): some hundred numbers.

`detector_finished` is the same network with what YOLOv10 and YOLO26 have inside: its best boxes, sorted, and those that
a better one overlaps with a score of 0, as rows of ONE output with the number of the class. In int8 as TensorFlow's
converter writes it, it lost 26.1 points of mAP (57 % of the boxes matched): the class numbers were rounded to the steps
of the boxes, and boxes that should suppress each other were compared by numbers of two scales. All that follows the
last weights is float since then, and ranges, weights and biases are chosen by what goes into the sorting: how far two
sorted lists are apart says nothing of them.

`ssd` lost a point while the probabilities of its boxes were int8, in steps of 1/256: near ones changed places. They are
float since then.

## Clips and sounds

`clips` is a CNN-LSTM over eight frames, which no single frame decides; `sounds` are convolutions of a log-mel
spectrogram. Both answer all samples right in every file, so that their rows tell that nothing is lost on the way from
a video or a WAV file, but not how near to its limit int8 is.
"""


class PlaceCell(Record, frozen=True):
    """What came of one artifact: its size, agreement with the source's answers and metric on labelled pictures."""

    status: str
    bytes: int
    agreement: float | None
    metric: float
    interval: tuple[float, float] | None
    others: dict[str, float]


class PlaceRow(Record, frozen=True):
    """One model; `cells` by "target:precision". `metric` is its name, `machine` is where it was measured."""

    name: str
    kind: str
    parameters: int
    multiply_adds: int | None
    pictures: int
    metric: str
    cells: dict[str, PlaceCell]
    notes: tuple[str, ...]
    machine: str
    seconds: float

    @property
    def lost(self) -> float:
        """The points of 100 that int8 loses against float32, of the worst target."""
        return max(
            100 * (self.cells[f"{target}:float32"].metric - self.cells[f"{target}:int8"].metric) for target in TARGETS
        )

    @property
    def agreement(self) -> float | None:
        """The share of answers of int8 that are the source's, of the worst target."""
        found = [self.cells[f"{target}:int8"].agreement for target in TARGETS]
        return min((share for share in found if share is not None), default=None)


class PlaceResults(Record, frozen=True):
    """All of `zoo_places.json`."""

    machine: str
    versions: dict[str, str]
    rows: tuple[PlaceRow, ...]


def main(arguments: Sequence[str]) -> int:
    """Convert the named models, or all; returns 1 if one misses its bar."""
    rows = []
    for name in names_given(arguments, PLACES, __doc__):
        row = convert_one(name)
        rows.append(row)
        print(f"{name}: {row.seconds:.0f} s, int8 loses {row.lost:.2f} points, agreement {row.agreement}", flush=True)
        known = kept() | {name: row}
        write(PlaceResults(machine=machine_line(), versions=tool_versions(),
                           rows=tuple(known[other] for other in PLACES if other in known)))  # fmt: skip
    return int(any(missed(row) for row in rows))


def convert_one(name: str) -> PlaceRow:
    """Train the model and draw its pictures if they are not there, convert it, and evaluate what came of it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        files = pool.submit(files_of, name, WORK).result()
    began, bundle = time.monotonic(), WORK / f"{name}.edgecv"
    outcome = edgecv.convert(
        files.model,
        bundle,
        quantize=list(PRECISIONS),
        targets=list(TARGETS),
        preprocess=PLACES[name].preprocess,
        calibrate=files.calibration,
        evaluate=files.evaluation,
        heads=[files.head],
        force=True,
        keep_failing=True,
    )
    return _row(name, outcome, measured(bundle, files), began)


def measured(bundle: Path, files: PlaceFiles) -> Mapping[str, object]:
    """The metrics of every artifact on the labelled pictures, by its file."""
    return {
        one.artifact: one.metrics
        for target in TARGETS
        for one in evaluate(bundle, files.evaluation, target=target, precision=None, threads=1, observer=Silent())
    }


def _row(name: str, outcome: Outcome, metrics: Mapping[str, object], began: float) -> PlaceRow:
    manifest, source = outcome.manifest, outcome.report.source
    parities = {parity.artifact: parity for parity in manifest.parity}
    cells, named = {}, ""
    for artifact in manifest.artifacts:
        found = metrics[artifact.file]
        named, value = found.headline()  # type: ignore[attr-defined]
        plain = msgspec.to_builtins(found)
        cells[f"{artifact.target}:{artifact.precision}"] = PlaceCell(
            status=parities[artifact.file].status,
            bytes=artifact.bytes,
            agreement=_agreement(parities[artifact.file]),
            metric=value,
            interval=plain.get("interval"),
            others={key: value for key, value in plain.items() if isinstance(value, float)},
        )
    count = next(iter(metrics.values())).count  # type: ignore[attr-defined]
    return PlaceRow(
        name=name,
        kind=PLACES[name].head,
        parameters=source.parameters,
        multiply_adds=source.multiply_adds,
        pictures=count,
        metric=named,
        cells=cells,
        notes=tuple(outcome.report.notes),
        machine=machine_line(),
        seconds=round(time.monotonic() - began, 1),
    )


def _agreement(parity: Parity) -> float | None:
    compared = parity.comparisons.get("evaluation")
    head = worst_head(compared.heads) if compared else None
    return head.agreement if head else None


def missed(row: PlaceRow) -> bool:
    """Tell whether int8 is farther from float32 than the bar allows."""
    scored = row.kind in SCORED and row.lost > POINTS
    return scored or (row.agreement is not None and row.agreement < AGREEMENT)


def kept() -> dict[str, PlaceRow]:
    """The rows of the runs before."""
    if not RESULTS.exists():
        return {}
    found = msgspec.json.decode(RESULTS.read_bytes(), type=PlaceResults)
    return {row.name: row for row in found.rows}


def write(results: PlaceResults) -> None:
    """Write the JSON file and the page."""
    RESULTS.write_text(json.dumps(msgspec.to_builtins(results), indent=1) + "\n")
    PAGE.write_text(page(results))


def page(results: PlaceResults) -> str:
    """The page of documentation, in Markdown."""
    steps = [f"{target}:{precision}" for target in TARGETS for precision in PRECISIONS]
    head = ["model", "kind", "parameters", "multiply-adds", "metric", *steps, "int8 loses", "agreement"]
    table = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(_line(row, steps) for row in results.rows)]
    machines = {row.name: row.machine for row in results.rows}
    return "\n".join([INTRODUCTION.format(machines=machine_lines(machines)), *table, "", NOTES])


def _line(row: PlaceRow, steps: Sequence[str]) -> str:
    macs = "" if row.multiply_adds is None else f"{row.multiply_adds / 1e6:,.1f} M"
    cells = [f"{row.cells[step].bytes / 1024:,.0f} KiB, {100 * row.cells[step].metric:.1f}" for step in steps]
    agreed = "" if row.agreement is None else f"{row.agreement:.2%}"
    flag = " (missed)" if missed(row) else ""
    first = [row.name, row.kind, f"{row.parameters:,}", macs, f"{row.metric}, {row.pictures}"]
    return f"| {' | '.join([*first, *cells, f'{row.lost:.2f}{flag}', agreed])} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
