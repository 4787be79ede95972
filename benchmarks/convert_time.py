"""Wall time of `edgecv convert` to three targets in int8, all proof included, against a plain serial script.

`python -m benchmarks.convert_time [--rounds N] [--out FILE]`. Both are whole processes that start from nothing, in turn
(A B A B). The serial script (`benchmarks/serial_convert.py`) calls the same converters one after the other and proves
nothing; edgecv also runs each artifact on golden, calibration and 200 labelled evaluation images and writes the report.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edgecv import machine

MODELS = ("mnist_cnn", "cifar_cnn", "MobileNetV2", "ResNet50V2")
CALIBRATION, EVALUATION = 200, 200


def main() -> None:
    """Time both ways on each model and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/convert_time.json"))
    options = parser.parse_args()
    rows = []
    for name in options.models:
        with tempfile.TemporaryDirectory() as scratch:
            rows.append(measure(name, Path(scratch), options.rounds))
        print(line(rows[-1]), flush=True)
    result = {
        "machine": machine.machine_line(),
        "versions": machine.versions(),
        "rounds": options.rounds,
        "models": rows,
    }
    options.out.write_text(json.dumps(result, indent=2) + "\n")


def measure(name: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds of both ways, round by round, after one round of each that is not counted."""
    model = prepare(name, folder)
    ours = [
        *(sys.executable, "-m", "edgecv", "convert", str(model), "--quantize", "int8", "--preprocess", "none"),
        *("--quantizer", "vendor"),  # the serial script has the converter's own numbers
        *("--calibrate", str(folder / "train"), "--samples", str(CALIBRATION), "--evaluate", str(folder / "test")),
        *("--output", str(folder / "made.edgecv"), "--force", "--gate", "drop=off", "--gate", "snr=off"),
        *("--gate", "agreement=off", "--keep-failing"),
    ]
    images, out = folder / "train", folder / "serial"
    theirs = [sys.executable, "-m", "benchmarks.serial_convert", str(model), str(images), str(out)]
    times: dict[str, list[float]] = {"edgecv": [], "serial": []}
    for number in range(rounds + 1):
        for key, command in (("edgecv", ours), ("serial", theirs)):
            seconds = run(command)
            if number:
                times[key].append(round(seconds, 3))
    ratios = [a / b for a, b in zip(times["edgecv"], times["serial"], strict=True)]
    return {
        "model": name,
        **times,
        "ratio": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
    }


def run(command: list[str]) -> float:
    """Seconds of one process; one that fails ends the benchmark with its own words."""
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode not in {0, 3}:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return seconds


def prepare(name: str, folder: Path) -> Path:
    """Save the model, and its data as pictures in a folder a class; scaled to bytes, because only time counts here."""
    from benchmarks import zoo

    model = folder / f"{name}.keras"
    shutil.copy(zoo.path_of(name), model)
    for part, count, seed in (("train", CALIBRATION, 1), ("test", EVALUATION, 2)):
        samples, labels = zoo.sample_inputs(name, count, seed)
        low, high = float(samples.min()), float(samples.max())
        pixels = ((samples - low) * (255 / (high - low))).round().astype(np.uint8)
        for number, (picture, label) in enumerate(zip(pixels, labels, strict=True)):
            place = folder / part / f"{int(label):03d}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture.squeeze()).save(place / f"{number:04d}.png")
    return model


def line(row: dict[str, Any]) -> str:
    """One row of the table."""
    ours, theirs = (statistics.median(row[key]) for key in ("edgecv", "serial"))
    ratio = row["ratio"]
    spread = f"{ratio['min']:.2f} to {ratio['max']:.2f}"
    return f"{row['model']:<14} edgecv {ours:6.2f} s   serial {theirs:6.2f} s   ratio {ratio['median']:.2f} ({spread})"


if __name__ == "__main__":
    main()
