"""Wall time and memory of `edgecv convert` in int8 at real sizes, with the default quantizer and all the proof.

`python -m benchmarks.real_sizes [--networks NAME ...] [--targets one three] [--rounds N] [--out FILE]`: networks of
`keras.applications` at 224 x 224 with random weights, 200 calibration pictures, to TFLite alone and to three targets,
against `benchmarks/serial_convert.py`, which calls the same converters one after the other and proves nothing. Both are
whole processes that start from nothing, in turn; memory is the peak of the summed PSS of all processes
(`benchmarks/scaling.py`). A network has the statistics of its batch norms from the pictures, and larger weights in its
last layer, so that its answers are decisive: an untrained network's are all about 1/1000, which no int8 softmax holds.
Rows are merged into what was measured.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import scaling, zoo_data, zoo_train
from edgecv import machine

SIDE, PICTURES, SETTLING, STRONGER = 224, 200, 48, 8
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
            model = alone(network, Path(scratch))
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
            seconds, peak, failed = scaling.watched(command)
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


def alone(network: str, folder: Path) -> Path:
    """Prepare in a process of its own, which gives back its memory."""
    process = multiprocessing.get_context("spawn").Process(target=prepare, args=(network, folder))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"{network} cannot be made")
    return folder / f"{network}.keras"


def prepare(network: str, folder: Path) -> None:
    """Save the network, and its pictures in a folder a class."""
    import keras

    samples, labels = zoo_data.textures(PICTURES, 1, size=SIDE)
    low, high = float(samples.min()), float(samples.max())
    pixels = ((samples - low) * (255 / (high - low))).round().astype(np.uint8)
    for number, (picture, label) in enumerate(zip(pixels, labels, strict=True)):
        place = folder / "pictures" / f"{int(label):03d}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{number:04d}.png")
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, network)(weights=None, input_shape=(SIDE, SIDE, 3))
    zoo_train.settle(model, pixels[:SETTLING].astype(np.float32))
    model.layers[-1].kernel.assign(np.asarray(model.layers[-1].kernel) * STRONGER)
    model.save(folder / f"{network}.keras")


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
