"""What int8 keeps on ResNet8: TensorFlow's own numbers, edgecv's default, `--refine` and `--qat`, one after the other.

Usage: python -m benchmarks.int8_accuracy [vendor default refine qat]

500 calibration pictures without labels, 1,000 test pictures. Each way is one conversion to TFLite, ONNX and Core ML
with all its proof; the seconds are those of the int8 file alone. Of the trained file also: how often the simulation of
its integers, which training used, gives the file's answer. Writes `benchmarks/results/int8_accuracy.json`.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from edgecv_converters.quantize.execute import execute, rounded
from edgecv_converters.quantize.network import read_network
from edgecv_converters.quantize.scheme import read_scheme
from edgecv_runtime.preprocess import from_preset
from edgecv_runtime.records import Record

from benchmarks.shared import PICTURES, RESNET8, ROOT
from benchmarks.tflite_pair import File, time_pair
from benchmarks.zoo_shared import pictures
from edgecv.convert.pipeline import Outcome, convert
from edgecv.convert.recipe import Recipe, plan
from edgecv.convert.request import ConvertRequest
from edgecv.machine import machine_line, versions

WORK = ROOT / "build" / "int8_accuracy"
RESULTS = ROOT / "benchmarks" / "results" / "int8_accuracy.json"
STEPS = ("tflite:float32", "int8")
CALIBRATION, EPOCHS = 500, 5
WAYS: dict[str, dict[str, Any]] = {
    "vendor": {"quantizer": "vendor"},
    "default": {},
    "refine": {"refine": True},
    "qat": {"epochs": EPOCHS},
}


class Way(Record, frozen=True, kw_only=True):
    """One way; shares of the test pictures, `agreement` with the source, by target.

    `latency` is that of the int8 TFLite file over the vendor's, timed in turn on one thread.
    """

    seconds: float
    bytes: int
    accuracy: float
    source_accuracy: float
    agreement: dict[str, float]
    simulated: float | None = None
    latency: float | None = None


def measure(name: str) -> Way:
    """Convert in one way, and look at what came of it."""
    outcome = convert(
        ConvertRequest(
            model=RESNET8,
            out=WORK / f"{name}.edgecv",
            recipe=Recipe(steps=plan(STEPS, ()), samples=CALIBRATION, **WAYS[name]),
            preprocess=from_preset("none"),
            calibrate=PICTURES / "train",
            evaluate=PICTURES / "test",
            qat=PICTURES / "train" if name == "qat" else None,
            force=True,
            keep_failing=True,
        )
    )
    return _told(name, outcome)


def _told(name: str, outcome: Outcome) -> Way:
    report = outcome.report
    files = {artifact.file: artifact for artifact in report.artifacts if artifact.precision == "int8"}
    proofs = {files[parity.artifact].target: parity for parity in report.parity if parity.artifact in files}
    judged = proofs["tflite"].accuracy
    assert judged is not None
    vendor, own = (WORK / f"{way}.edgecv" / "tflite" / "model.int8.tflite" for way in ("vendor", name))
    return Way(
        seconds=round(report.seconds["convert tflite int8"], 1),
        bytes=own.stat().st_size,
        accuracy=judged.accuracy,
        source_accuracy=judged.reference_accuracy,
        agreement={target: proof.comparisons["evaluation"].agreement or 0.0 for target, proof in proofs.items()},
        simulated=simulated(own) if name == "qat" else None,
        latency=time_pair(own, vendor, amx=False, rounds=20, turn=20).ratio if vendor.exists() else None,
    )


def simulated(file: Path) -> float:
    """The share of test pictures for which the network of rounded numbers gives the file's answer."""
    data = file.read_bytes()
    network = read_network(data, file.with_name("model.float32.tflite").read_bytes(), plain=False)
    scheme = read_scheme(network, data)
    samples, tflite = pictures(1000, "test", 0)["samples"], File(data)
    ours = [
        execute(network, {network.inputs[0]: sample[None]}, scheme.constants(), rounded(scheme.grids))
        for sample in samples
    ]
    answers = [np.asarray(found[network.outputs[0]]).argmax() for found in ours]
    return float(
        np.mean([answer == tflite(sample[None]).argmax() for answer, sample in zip(answers, samples, strict=True)])
    )


def main() -> None:
    """Measure the named ways, or all, and keep what others there are."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ways", nargs="*", choices=[*WAYS, []], metavar="WAY", help=", ".join(WAYS))
    chosen = parser.parse_args().ways or list(WAYS)
    if not RESNET8.exists():
        raise SystemExit("ResNet8 and its pictures are not there: nothing to measure on")
    WORK.mkdir(parents=True, exist_ok=True)
    known = json.loads(RESULTS.read_text())["ways"] if RESULTS.exists() else {}
    for name in chosen:
        found = measure(name)
        known[name] = msgspec.to_builtins(found)
        print(name, found, flush=True)
        content = {"machine": machine_line(), "versions": versions(), "calibration": CALIBRATION, "ways": known}
        RESULTS.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
