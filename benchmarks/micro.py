"""What TensorFlow Lite Micro's numbers cost: small models, with LiteRT's numbers (the default) and `--numbers micro`.

Usage: python -m benchmarks.micro [MODEL ...]

200 calibration samples, 500 of ResNet8; judged on up to 2,000 others, each run in TFLM: agreement with the source and
with LiteRT on the same file, arena and flash. ResNet8 and the keyword spotter are MLPerf Tiny's trained ones; the
person detector is a MobileNet of the size of TFLM's own, trained here on drawn figures, since no photographs of people
are at hand. Writes `benchmarks/results/micro.json`, and prints the table of docs/micro.md.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from edgecv_converters.micro.target import ARENA
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Preprocess
from PIL import Image, ImageDraw

from benchmarks import zoo, zoo_shared
from benchmarks.shared import ROOT
from benchmarks.zoo_table import named
from edgecv.convert.pipeline import convert
from edgecv.convert.recipe import Recipe, plan
from edgecv.convert.request import ConvertRequest
from edgecv.machine import machine_line, versions

WORK = ROOT / "build" / "micro"
RESULTS = ROOT / "benchmarks" / "results" / "micro.json"
WAYS = ("tflite", "micro")
JUDGED = 2000
SIDE = 96
TRAINING, BATCH, EPOCHS = 3200, 32, 14
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A trained model, its samples (count, part of the data), and how many calibrate it."""

    model: Callable[[], Path]
    samples: Callable[[int, str], Arrays]
    calibration: int = 200


class Measured(Record, frozen=True, kw_only=True):
    """One way of one model; `agreement` and `litert` are the shares of equal answers with the source and with LiteRT.

    `accuracy` is that of TFLM's answers, `on_litert` the agreement of the same quantization with the source in LiteRT.
    """

    accuracy: float | None
    agreement: float
    on_litert: float
    litert: float
    arena: int
    flash: int
    judged: int
    seconds: float


def _zoo(name: str) -> Subject:
    return Subject(
        model=partial(zoo.path_of, name, ROOT / "build" / "zoo"),
        samples=lambda count, part: zoo.sample_arrays(name, count, len(part)),
    )


def _shared(name: str, calibration: int) -> Subject:
    found = zoo_shared.ALL[name]
    return Subject(
        model=lambda: found.path,
        samples=lambda count, part: found.samples(count, part, 0),
        calibration=calibration,
    )


def figures(count: int, part: str) -> Arrays:
    """Drawn scenes, (count, 96, 96, 1) in -1..1: half of them have a figure with a head, a body, arms and legs.

    All have boxes and discs of some gray; the others have more of them, black or white as figures are, so that neither
    a shape nor its ink alone tells.
    """
    rng = np.random.default_rng([count, len(part)])
    labels = rng.permutation(count) % 2
    pixels = np.stack([_scene(bool(label), rng) for label in labels])
    return {"samples": (pixels / np.float32(127.5) - 1)[..., None], "labels": labels.astype(np.int64)}


def _scene(person: bool, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    canvas = Image.fromarray(rng.normal(rng.uniform(60, 200), 12, (SIDE, SIDE)).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(canvas)
    ink = int(rng.choice([0, 255]))
    for number, shape in enumerate((draw.rectangle, draw.ellipse, draw.rectangle, draw.ellipse)):
        x, y, width, height = rng.uniform(0, SIDE - 10), rng.uniform(0, SIDE - 10), *rng.uniform(8, 34, 2)
        shape((x, y, x + width, y + height), fill=ink if number > 1 and not person else int(rng.integers(60, 200)))
    if person:
        _figure(draw, ink, rng)
    noisy = np.asarray(canvas, np.float32) + rng.normal(0, 6, (SIDE, SIDE))
    return noisy.clip(0, 255).astype(np.float32)


def _figure(draw: ImageDraw.ImageDraw, ink: int, rng: np.random.Generator) -> None:
    size = rng.uniform(5, 9)
    x, y = rng.uniform(3 * size, SIDE - 3 * size), rng.uniform(size, SIDE - 9 * size)
    width = max(int(size * 0.7), 2)
    draw.ellipse((x - size, y - size, x + size, y + size), fill=ink)
    draw.rectangle((x - size, y + size, x + size, y + 5 * size), fill=ink)
    for side in (-1, 1):
        reach = rng.uniform(1, 2.5) * size
        draw.line((x + side * size, y + 1.5 * size, x + side * (size + reach), y + 4 * size), fill=ink, width=width)
        draw.line((x + side * size / 2, y + 5 * size, x + side * size, y + 8.5 * size), fill=ink, width=width)


def _person() -> Path:
    import keras

    path = WORK / "person.keras"
    if not path.exists():
        keras.utils.set_random_seed(0)
        model = keras.applications.MobileNet((SIDE, SIDE, 1), alpha=0.25, weights=None, classes=2, dropout=0.1)
        data = figures(TRAINING, "train")
        steps = EPOCHS * TRAINING // BATCH
        rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
        model.fit(data["samples"], data["labels"], batch_size=BATCH, epochs=EPOCHS, verbose=0)
        model.save(path)
    return path


SUBJECTS: Mapping[str, Subject] = {
    "resnet8": _shared("resnet8", 500),
    "kws_dscnn": _shared("kws_dscnn", 200),
    "mnist_cnn": _zoo("mnist_cnn"),
    "mnist_cnn_small": _zoo("mnist_cnn_small"),
    "person": Subject(model=_person, samples=figures),
}


def measure(name: str, numbers: str) -> Measured:
    """Convert one model in one way, and look at what came of it."""
    subject = SUBJECTS[name]
    files = {part: WORK / f"{name}.{part}.npz" for part in ("train", "judged")}
    for (part, file), count in zip(files.items(), (subject.calibration, JUDGED), strict=True):
        if not file.exists():
            arrays = subject.samples(count, "train" if part == "train" else "test")
            np.savez(file, allow_pickle=False, **named(subject.model(), arrays))
    out = WORK / f"{name}.{numbers}.edgecv"
    outcome = convert(
        ConvertRequest(
            model=subject.model(),
            out=out,
            recipe=Recipe(steps=plan(["int8"], ["tflite", "micro"]), samples=subject.calibration, numbers=numbers),
            preprocess=Preprocess(kind="tensor"),
            calibrate=files["train"],
            evaluate=files["judged"],
            force=True,
            keep_failing=True,
        )
    )
    (micro,) = (artifact for artifact in outcome.report.artifacts if artifact.target == "micro")
    proofs = {parity.artifact.partition("/")[0]: parity for parity in outcome.report.parity}
    twin = proofs["micro"].twin
    assert twin is not None
    return Measured(
        accuracy=proofs["micro"].accuracy.accuracy if proofs["micro"].accuracy else None,
        agreement=proofs["micro"].comparisons["evaluation"].agreement or 0.0,
        on_litert=proofs["tflite"].comparisons["evaluation"].agreement or 0.0,
        litert=twin.agreement,
        arena=int(micro.requires[ARENA]),
        flash=micro.bytes,
        judged=proofs["micro"].comparisons["evaluation"].count,
        seconds=round(outcome.report.seconds["convert tflite int8"], 1),
    )


def row(name: str, ways: Mapping[str, Measured]) -> str:
    """One line of the table."""
    plain, own = (ways[way] for way in WAYS)
    cells = [f"{100 * one.agreement:.2f} %" for one in (plain, own)]
    cells += [f"{100 * plain.on_litert:.2f} %", f"{100 * plain.litert:.2f} %", f"{own.arena:,}", f"{own.flash:,}"]
    return f"| {name} | {' | '.join(cells)} | {plain.seconds:.0f} s, {own.seconds:.0f} s |"


def main() -> None:
    """Measure the named models, or all, and keep what others there are."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", choices=[*SUBJECTS, []], metavar="MODEL", help=", ".join(SUBJECTS))
    WORK.mkdir(parents=True, exist_ok=True)
    known = json.loads(RESULTS.read_text())["models"] if RESULTS.exists() else {}
    for name in parser.parse_args().models or list(SUBJECTS):
        ways = {way: measure(name, way) for way in WAYS}
        known[name] = msgspec.to_builtins(ways)
        print(row(name, ways), flush=True)
        content = {"machine": machine_line(), "versions": versions(), "models": known}
        RESULTS.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
