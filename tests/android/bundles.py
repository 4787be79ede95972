"""Make bundles for the Kotlin library's tests, and record Python's answers to their golden pictures.

Usage: python -m tests.android.bundles

Makes build/android anew: bundles by `edgecv.convert`, `answers.json` (by bundle and artifact, what `edgecv.load`
predicts for each golden case, and how the artifact is judged on them), `proofs.json` and `place_proofs.json` (see
`tests.android.proofs`), `colors.json` (the colours of classes), and for each bundle the samples of a benchmark.
ResNet8 is made where ../shared is.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from edgecv_converters.golden import read_golden
from edgecv_converters.parity.gates import GateConfig
from edgecv_converters.parity.golden import GoldenCheck, check_golden
from edgecv_runtime.bench.measure import write_golden_inputs
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.heads.answers import HeadAnswer
from edgecv_runtime.heads.kinds import heads_of
from edgecv_runtime.prediction import Prediction
from edgecv_runtime.predictor import load
from edgecv_runtime.schema import Artifact, Manifest, Parity, Target

import edgecv
from edgecv.run.colors import color_of
from tests import models
from tests.android.place_bundle import write_places
from tests.android.place_proofs import write_place_proofs
from tests.android.proofs import write_proofs
from tests.bundles import colour_head, onnx_artifact, write_bundle, write_onnx, write_two_outputs

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "build" / "android"
SHARED = REPOSITORY.parent / "shared"
RESNET8 = SHARED / "models" / "resnet8_cifar10.h5"
COLORS = 40  # more than the palette has
CIFAR10 = SHARED / "data" / "cifar10_jpeg" / "train"


def main() -> int:
    """Make everything beside its place, then move it there; prints what was made, and what was left out and why."""
    BUILD.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD.parent, prefix=".android-") as scratch:
        folder = Path(scratch) / BUILD.name
        folder.mkdir()
        make_all(folder)
        shutil.rmtree(BUILD, ignore_errors=True)
        folder.rename(BUILD)
    print(f"bundles: {', '.join(path.name for path in sorted(BUILD.glob('*.edgecv')))}")
    return 0


def make_all(folder: Path) -> None:
    """Make the bundles, Python's answers to them, and their samples."""
    make_trained(folder, "onnx")
    make_colours(folder)
    write_places(folder / "places.edgecv")
    write_expected(folder, "onnx")
    write_place_proofs(folder / "place_proofs.json")
    (folder / "colors.json").write_text(json.dumps([color_of(index) for index in range(COLORS)]) + "\n")


def make_trained(folder: Path, target: Target) -> None:
    """Convert trained models for the format that an app's library runs."""
    make_digits(folder, target)
    make_plane(folder, target)
    make_two_by_two(folder, target)
    make_people(folder)
    make_resnet8(folder, target)


def write_expected(folder: Path, target: Target) -> None:
    """Write Python's answers to the bundles in a folder, its judgement of planted faults, and the samples."""
    bundles = sorted(folder.glob("*.edgecv"))
    (folder / "answers.json").write_text(
        json.dumps([one for path in bundles for one in answers(path, target)], indent=1) + "\n"
    )
    write_proofs(folder / "proofs.json")
    for path in bundles:
        with Bundle.load(path) as bundle:
            write_golden_inputs(bundle, bundle.golden(), folder / f"{bundle.manifest.name}.samples")


def make_digits(folder: Path, target: Target) -> None:
    """Convert a CNN trained on scikit-learn's digits: with float and with int8 inputs."""
    models.write_digits(folder / "digits")
    model, pictures = models.trained_digits(), folder / "digits" / "train"
    edgecv.convert(
        model,
        folder / "digits.edgecv",
        targets=("onnx", "tflite"),
        quantize=("float32", "int8"),
        preprocess="rescale",
        calibrate=pictures,
    )
    edgecv.convert(
        model,
        folder / "digits_int8.edgecv",
        targets=(target,),
        quantize=("int8",),
        io="int8",
        preprocess="image_dataset+rescale",
        calibrate=pictures,
    )


def make_plane(folder: Path, target: Target) -> None:
    """Convert the same CNN behind an input of height x width, without a channel axis."""
    edgecv.convert(
        models.without_channels(models.trained_digits()),
        folder / "digits_plane.edgecv",
        targets=(target,),
        quantize=("float32", "int8"),
        preprocess="load_img+rescale",
        calibrate=folder / "digits" / "train",
    )


def make_colours(folder: Path) -> None:
    """Write small bundles that name the strongest colour: each kind of head, two heads, a batch of two."""
    write_bundle(folder / "colours.edgecv")
    write_bundle(folder / "logits.edgecv", colour_head(activation="softmax"), name="logits")
    several = colour_head("multilabel", activation="sigmoid", thresholds=(0.6, 0.4, 0.7))
    write_bundle(folder / "multilabel.edgecv", several, name="multilabel")
    yes = colour_head("binary", activation="sigmoid", thresholds=(0.6,))
    write_bundle(folder / "binary.edgecv", yes, name="binary")
    write_bundle(folder / "regression.edgecv", colour_head("regression"), name="regression")
    write_two_outputs(folder / "two_heads.edgecv")
    write_onnx(folder / "batch.edgecv" / "onnx" / "pair.onnx", batch=2)
    pair = onnx_artifact(folder / "batch.edgecv" / "onnx" / "pair.onnx", "onnx/pair.onnx", batch=2)
    write_bundle(folder / "batch.edgecv", name="batch", artifacts=(pair,))


def make_two_by_two(folder: Path, target: Target) -> None:
    """Convert a model with two inputs that are no pictures, and two outputs."""
    edgecv.convert(
        models.two_by_two(), folder / "two_by_two.edgecv", targets=(target,), quantize=("float32",), preprocess="tensor"
    )


def make_people(folder: Path) -> None:
    """Convert a trained model with two heads, age by regression and gender by binary, to float32 and int8."""
    models.write_people(folder / "people")
    edgecv.convert(
        models.trained_people(),
        folder / "people.edgecv",
        targets=("onnx", "tflite"),
        quantize=("float32", "int8"),
        preprocess="rescale",
        calibrate=folder / "people" / "calibration.npz",
        heads=(f"gender:binary={folder / 'people' / 'labels.txt'}",),
    )


def make_resnet8(folder: Path, target: Target) -> None:
    """Convert MLPerf Tiny's ResNet8, where its weights are."""
    if not RESNET8.is_file():
        print("resnet8: left out, its weights are not here")
        return
    edgecv.convert(
        RESNET8,
        folder / "resnet8.edgecv",
        targets=(target,),
        quantize=("float32", "int8"),
        preprocess="none",
        calibrate=CIFAR10,
        samples=100,
    )


def answers(path: Path, target: Target) -> list[dict[str, Any]]:
    """Return Python's answers to the golden cases, by each artifact of a format: to pictures, else to tensors."""
    with Bundle.load(path) as bundle:
        manifest = bundle.manifest
    artifacts = [artifact for artifact in manifest.artifacts if artifact.target == target]
    samples = list(read_golden(path, manifest.golden))
    made = []
    for artifact in artifacts:
        with load(path, target=target, precision=artifact.precision) as predictor:
            cases = [
                {
                    "id": one.id,
                    **answer(predictor.predict(one.image) if one.image else predictor.predict_tensor(one.inputs)),
                }
                for one in samples
            ]
        proof = msgspec.to_builtins(proven(path, manifest, artifact))
        made.append({"bundle": path.name, "artifact": artifact.file, "cases": cases, "proof": proof})
    return made


def proven(path: Path, manifest: Manifest, artifact: Artifact) -> Parity:
    """Return how `edgecv verify` judges an artifact on the golden cases."""
    return check_golden(
        GoldenCheck(
            root=path,
            artifact=artifact,
            golden=manifest.golden,
            recorded=manifest.parity,
            heads=heads_of(manifest),
            method="runtime",
            gates=GateConfig.parse(),
            threads=1,
        )
    )


def answer(prediction: Prediction) -> dict[str, Any]:
    """Return a prediction as JSON; the numbers are float32 as decimals that give them back."""
    return {
        "answers": [
            {
                "head": one.head,
                "kind": one.kind,
                "label": one.label,
                "index": one.index,
                "labels": one.labels,
                "scores": numbers(one.scores),
                **places(one),
            }
            for one in prediction.answers
        ],
        "outputs": {name: numbers(values) for name, values in prediction.outputs.items()},
    }


def places(answer: HeadAnswer) -> dict[str, list[float]]:
    """Return the sides of boxes, x and y of points, or the pixels of a mask or picture; nothing of other answers."""
    names = [name for name in ("boxes", "points", "mask", "picture") if hasattr(answer, name)]
    return {"places": numbers(getattr(answer, names[0]))} if names else {}


def numbers(values: np.ndarray) -> list[float]:
    """Return the values as floats, in C order."""
    return [float(value) for value in values.ravel()]


if __name__ == "__main__":
    sys.exit(main())
