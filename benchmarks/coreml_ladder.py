"""How small a Core ML package may become: ResNet8 on CIFAR-10 pictures, from float16 down to palettes of 2 bits.

Usage: python -m benchmarks.coreml_ladder

One conversion makes all recipes and proves each by reference evaluation on the 1,000 test pictures; int8 is compared
with the int8 TFLite file, whose quantization it carries. Writes `benchmarks/results/coreml_ladder.json` and the plot
`docs/coreml_ladder.svg`, and prints the table of docs/coreml.md.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

import msgspec
from edgecv_converters.coreml.options import Interface
from edgecv_runtime.preprocess import from_preset
from edgecv_runtime.records import Record

from benchmarks.shared import PICTURES, RESNET8, ROOT
from edgecv.convert.pipeline import convert
from edgecv.convert.recipe import Recipe, plan
from edgecv.convert.request import ConvertRequest
from edgecv.machine import machine_line, versions

OUT = ROOT / "build" / "coreml_ladder.edgecv"
RESULTS = ROOT / "benchmarks" / "results" / "coreml_ladder.json"
PLOT = ROOT / "docs" / "coreml_ladder.svg"
RECIPES = (
    *("float16", "int8", "weights8", "palette8", "palette6", "palette6-group8", "palette4", "palette4-group16"),
    *("palette4-group8", "palette4-group4", "palette3", "palette3-group8", "palette2", "weights4", "weights4-block16"),
    *("sparse30-palette6", "sparse50-palette8", "sparse50-palette4"),
)
LADDER = ("palette8", "palette6", "palette4", "palette3", "palette2")
CALIBRATION = 500


class Rung(Record, frozen=True, kw_only=True):
    """One recipe: the whole package's bytes; shares of the pictures that are right and that equal the source's answer.

    `twin` is the share of answers that equal the int8 TFLite file's.
    """

    recipe: str
    bytes: int
    accuracy: float
    agreement: float
    snr_db: float
    status: str
    twin: float | None = None
    compute: str | None = None


class Ladder(Record, frozen=True, kw_only=True):
    """All of `coreml_ladder.json`."""

    machine: str
    versions: dict[str, str]
    pictures: int
    source_accuracy: float
    rungs: tuple[Rung, ...]


def measure() -> Ladder:
    """Convert and prove all recipes, int8 in both of its computations."""
    rungs: list[Rung] = []
    source = 0.0
    asked = [f"coreml:{name}" for name in RECIPES]
    for steps, interface in ((asked, Interface()), (["coreml:int8"], Interface(compute="float16"))):
        request = ConvertRequest(
            model=RESNET8,
            out=OUT,
            recipe=Recipe(steps=plan(["tflite:int8", *steps], ()), samples=CALIBRATION, options={"coreml": interface}),
            preprocess=from_preset("none"),
            calibrate=PICTURES / "train",
            evaluate=PICTURES / "test",
            force=True,
            keep_failing=True,
        )
        report = convert(request).report
        artifacts = {artifact.file: artifact for artifact in report.artifacts}
        for parity in report.parity:
            artifact, compared = artifacts[parity.artifact], parity.comparisons["evaluation"]
            if artifact.target != "coreml" or parity.accuracy is None or compared.agreement is None:
                continue
            source = parity.accuracy.reference_accuracy
            rungs.append(
                Rung(
                    recipe=artifact.precision,
                    bytes=artifact.bytes,
                    accuracy=parity.accuracy.accuracy,
                    agreement=compared.agreement,
                    snr_db=round(compared.snr_db or 0.0, 2),
                    status=parity.status,
                    twin=parity.twin.agreement if parity.twin else None,
                    compute=interface.compute if artifact.precision == "int8" else None,
                )
            )
    count = len(list((PICTURES / "test").glob("*/*")))
    return Ladder(machine=machine_line(), versions=versions(), pictures=count, source_accuracy=source, rungs=(*rungs,))


def table(ladder: Ladder) -> Iterator[str]:
    """In Markdown."""
    yield "| recipe | bytes | accuracy | agreement | SNR | gate |"
    yield "|---|---|---|---|---|---|"
    for rung in ladder.rungs:
        name = f"`{rung.recipe}`" + (f", computed in {rung.compute}" if rung.compute else "")
        measured = f"{rung.accuracy:.1%} | {rung.agreement:.1%} | {rung.snr_db:.1f} dB"
        yield f"| {name} | {rung.bytes:,} | {measured} | {rung.status} |"


WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 56, 20, 46, 52
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-size: 15px; font-weight: 600 }
.grid { stroke: #d0d7de } .accuracy { stroke: #0a58ca; fill: #0a58ca } .agreement { stroke: #b35900; fill: #b35900 }
.line { fill: none; stroke-width: 2 } .source { stroke: #57606a; stroke-dasharray: 5 4 } .end { text-anchor: end }
.middle { text-anchor: middle } .page { fill: #ffffff } text.accuracy, text.agreement { stroke: none }
@media (prefers-color-scheme: dark) {
 text { fill: #e6edf3 } .page { fill: #0d1117 } .grid { stroke: #30363d } .source { stroke: #8b949e }
 .accuracy { stroke: #6ea8fe; fill: #6ea8fe } .agreement { stroke: #ffb366; fill: #ffb366 }
}
"""


def plot(ladder: Ladder) -> str:
    """Accuracy (dots) and agreement (squares) of the palettes by size, as an SVG picture."""
    rungs = [rung for name in LADDER for rung in ladder.rungs if rung.recipe == name]
    sizes = [rung.bytes / 1000 for rung in rungs]
    low, high = 10 * (min(sizes) // 10), 10 * (max(sizes) // 10 + 1)

    def x(size: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (size - low) / (high - low)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    heading = f"ResNet8 in Core ML: palettes of 8 to 2 bits, {ladder.pictures:,} pictures"
    at = y(ladder.source_accuracy)
    parts = [
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="title" x="{LEFT}" y="22">{heading}</text>',
        *_axes(x, y, int(low), int(high)),
        f'<path class="source" d="M{LEFT},{at:.1f}H{WIDTH - RIGHT}"/>',
        f'<text x="{LEFT + 6}" y="{at - 6:.1f}">source: {ladder.source_accuracy:.1%} right</text>',
        *_series(rungs, "accuracy", x, y),
        *_series(rungs, "agreement", x, y),
        f'<text class="accuracy" x="{WIDTH - 300}" y="{HEIGHT - BOTTOM - 12}">● right</text>',
        f'<text class="agreement" x="{WIDTH - 220}" y="{HEIGHT - BOTTOM - 12}">■ same answer as the source</text>',
    ]
    for rung in rungs:
        place = max(y(rung.accuracy), y(rung.agreement)) + 20
        parts.append(
            f'<text class="middle" x="{x(rung.bytes / 1000):.1f}" y="{place:.1f}">{escape(rung.recipe)}</text>'
        )
    told = "; ".join(f"{r.recipe} {r.bytes:,} bytes, {r.accuracy:.1%} right, {r.agreement:.1%} agree" for r in rungs)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{told}">'
    return "\n".join([head, f"<style>{STYLE}</style>", *parts, "</svg>\n"])


def _axes(x: Any, y: Any, low: int, high: int) -> Iterator[str]:
    for step in range(0, 101, 20):
        yield f'<path class="grid" d="M{LEFT},{y(step / 100):.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text class="end" x="{LEFT - 8}" y="{y(step / 100) + 4:.1f}">{step} %</text>'
    for size in range(low, high + 1, 10):
        yield f'<text class="middle" x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 20}">{size}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text class="middle" x="{middle}" y="{HEIGHT - 10}">size of the package, kB</text>'


def _series(rungs: Sequence[Rung], name: str, x: Any, y: Any) -> Iterator[str]:
    points = [(x(rung.bytes / 1000), y(getattr(rung, name))) for rung in rungs]
    path = "L".join(f"{left:.1f},{top:.1f}" for left, top in points)
    yield f'<path class="line {name}" d="M{path}"/>'
    for left, top in points:
        if name == "accuracy":
            yield f'<circle class="{name}" cx="{left:.1f}" cy="{top:.1f}" r="5"/>'
        else:
            yield f'<rect class="{name}" x="{left - 4.5:.1f}" y="{top - 4.5:.1f}" width="9" height="9"/>'


def main() -> None:
    """Measure, or with --plot draw again what was measured."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", action="store_true", help="draw and print the committed results")
    if not parser.parse_args().plot:
        if not RESNET8.exists():
            raise SystemExit("ResNet8 and its pictures are not there: nothing to measure on")
        RESULTS.write_text(json.dumps(msgspec.to_builtins(measure()), indent=1) + "\n")
    ladder = msgspec.json.decode(RESULTS.read_bytes(), type=Ladder)
    PLOT.write_text(plot(ladder), encoding="utf-8")
    print("\n".join(table(ladder)))
    for rung in ladder.rungs:
        if rung.twin is not None:
            print(f"int8 in {rung.compute}: {rung.twin:.1%} of {ladder.pictures:,} answers are the int8 TFLite file's")


if __name__ == "__main__":
    main()
