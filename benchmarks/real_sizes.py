"""Wall time and memory of `edgecv convert` in int8 at real sizes, with the default quantizer and all the proof.

`python -m benchmarks.real_sizes [--networks NAME ...] [--targets one three] [--rounds N] [--out FILE]`: networks of
`keras.applications` at 224 x 224 with random weights, 200 calibration pictures, to TFLite alone and to three targets,
against `benchmarks/serial_convert.py`, which calls the same converters one after the other and proves nothing. Both are
whole processes that start from nothing, in turn; memory is the peak of the summed PSS of all processes
(`benchmarks/scaling/watch.py`). The networks are those of `benchmarks/scaling/networks.py`, so that their answers are
decisive. Rows are merged into what was measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.scaling.networks import application, save
from benchmarks.scaling.watch import watched
from edgecv import machine

SIDE, PICTURES = 224, 200
NETWORKS = ("MobileNetV2", "ResNet50", "VGG16")
TARGETS = {"one": ("tflite",), "three": ("tflite", "onnx", "coreml")}


def main() -> None:
    """Time both ways on each network, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--targets", nargs="+", default=tuple(TARGETS), choices=tuple(TARGETS))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/real_sizes.json"))
    options = parser.parse_args()
    rows = json.loads(options.out.read_text())["rows"] if options.out.exists() else {}
    for network in options.networks:
        with tempfile.TemporaryDirectory() as scratch:
            save(application(network, SIDE), PICTURES, Path(scratch))
            model = Path(scratch) / "model.keras"
            for targets in options.targets:
                name = f"{network}, {', '.join(TARGETS[targets])}"
                rows[name] = {"machine": machine.machine_line(), **measure(model, TARGETS[targets], options.rounds)}
                print(line(name, rows[name]), flush=True)
                result = {"versions": machine.versions(), "rows": rows}
                options.out.write_text(json.dumps(result, indent=2) + "\n")


def measure(model: Path, targets: Sequence[str], rounds: int) -> dict[str, Any]:
    """Seconds and peak bytes of both ways, round by round."""
    folder, pictures = model.parent, str(model.parent / "pictures")
    ours = [
        *(sys.executable, "-m", "edgecv", "convert", str(model), "--target", ",".join(targets), "--quantize", "int8"),
        *("--preprocess", "none", "--calibrate", pictures, "--samples", str(PICTURES)),
        *("--output", str(folder / "made.edgecv"), "--force", "--keep-failing"),
    ]
    theirs = [sys.executable, "-m", "benchmarks.serial_convert", str(model), pictures, str(folder / "serial")]
    if len(targets) == 1:
        theirs.append(*targets)
    found: dict[str, list[tuple[float, int]]] = {"edgecv": [], "serial": []}
    for _ in range(rounds):
        for key, command in (("serial", theirs), ("edgecv", ours)):
            seconds, peak, failed = watched(command)
            if failed is not None:
                sys.exit(f"{' '.join(command)} failed: {failed}")
            found[key].append((round(seconds, 2), peak))
    return {
        "seconds": {key: [seconds for seconds, _ in runs] for key, runs in found.items()},
        "peak_bytes": {key: [peak for _, peak in runs] for key, runs in found.items()},
        "time_ratio": ratio(found, 0),
        "memory_ratio": ratio(found, 1),
    }


def ratio(found: dict[str, list[tuple[float, int]]], place: int) -> dict[str, float]:
    """The median of edgecv's share of the serial script, and the spread."""
    ratios = [a[place] / b[place] for a, b in zip(found["edgecv"], found["serial"], strict=True)]
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}


def line(name: str, row: dict[str, Any]) -> str:
    """One row of the table."""
    time, memory = row["time_ratio"], row["memory_ratio"]
    ours, theirs = (statistics.median(row["seconds"][key]) for key in ("edgecv", "serial"))
    spread = f"{time['min']:.2f} to {time['max']:.2f}"
    return (
        f"{name:<32} edgecv {ours:6.1f} s   serial {theirs:6.1f} s   ratio {time['median']:.2f} ({spread})   "
        f"memory {memory['median']:.2f} ({memory['min']:.2f} to {memory['max']:.2f})"
    )


if __name__ == "__main__":
    main()
