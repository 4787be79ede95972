"""The networks that people start with, through everything: trained here, pruned, quantized, converted, evaluated.

A digit CNN on scikit-learn's scans (each scan is in one part only), cifar_cnn on CIFAR-10 images, as
`benchmarks.compression` trains and prunes it, and a shapes CNN on drawn circles, triangles and squares. Accuracy is
that of the converted files on test images that nothing was chosen by; Core ML's by reference evaluation where there is
no Core ML. The table of the README is written from it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_runtime.heads.metrics import ClassMetrics
from PIL import Image

import edgecv
from benchmarks import compression, zoo_data, zoo_models
from benchmarks.shared import PICTURES, ROOT
from edgecv.compress.options import PruneOptions
from edgecv.machine import machine_line, versions
from edgecv.prove.evaluate import evaluate
from edgecv.terminal.observer import Silent

WORK = ROOT / "build" / "starters"
RESULTS = ROOT / "benchmarks" / "results" / "starters.json"
TARGETS = ("tflite", "onnx", "coreml")
CALIBRATION = 200
Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """One starter: the trained model, the pruned one, images to calibrate and to test on, and how they are read."""

    original: Path
    pruned: Path
    train: Path
    test: Path
    preprocess: str


def digits() -> Files:
    """mnist_cnn on 1,347 scans, upscaled to 28 x 28; tested on the other 450."""
    from sklearn.datasets import load_digits

    found = load_digits()
    scans = (found.images * 255 / 16).astype(np.uint8)
    large = np.stack([np.asarray(Image.fromarray(scan).resize((28, 28), Image.Resampling.BILINEAR)) for scan in scans])
    order = np.random.default_rng(0).permutation(len(large))
    parts = {"train": order[450:], "test": order[:450]}
    images = {name: (large[rows], found.target[rows].astype(np.int64)) for name, rows in parts.items()}
    return _made("digits_cnn", zoo_models.mnist_cnn, images, "rescale", epochs=20)


def shapes() -> Files:
    """shapes_cnn, which scales pixels itself, on 3,000 drawn shapes; tested on 1,000 others."""
    images = {name: _drawn(count, seed) for name, count, seed in (("train", 3000, 1), ("test", 1000, 2))}
    return _made("shapes_cnn", zoo_models.shapes_cnn, images, "none", epochs=10)


def cifar() -> Files:
    """cifar_cnn on CIFAR-10 as JPEG: 8,000 images; tested on 1,000 others."""
    case = next(case for case in compression.CASES if case.name == "cifar_cnn")
    compression.WORK.mkdir(parents=True, exist_ok=True)
    compression.base(case)
    source = compression.WORK / f"{case.network}.trained.keras"
    compression.pruned(case, source)
    return Files(
        original=source,
        pruned=compression.WORK / f"{case.name}.pruned.keras",
        train=PICTURES / "train",
        test=test_images("cifar_cnn"),
        preprocess=case.preset,
    )


STARTERS: Mapping[str, Callable[[], Files]] = {"digits_cnn": digits, "cifar_cnn": cifar, "shapes_cnn": shapes}


def test_images(name: str) -> Path:
    """Where a starter's test images lie once it was made."""
    return PICTURES / "test" if name == "cifar_cnn" else WORK / name / "test"


def _drawn(count: int, seed: int) -> tuple[Pixels, Labels]:
    pixels, labels = zoo_data.shapes(count, seed)
    return pixels[..., 0].astype(np.uint8), labels


def _made(
    name: str,
    architecture: Callable[[], Any],
    images: Mapping[str, tuple[Pixels, Labels]],
    preset: str,
    *,
    epochs: int,
) -> Files:
    """Images as PNG files, the network trained on them, and `edgecv.prune` of it."""
    folder = WORK / name
    files = Files(
        original=folder / f"{name}.keras",
        pruned=folder / f"{name}.pruned.keras",
        train=folder / "train",
        test=test_images(name),
        preprocess=preset,
    )
    if not files.train.exists():
        for part, (pixels, labels) in images.items():
            _write(folder / part, pixels, labels)
    if not files.original.exists():
        _train(architecture, *images["train"], 1 / 255 if preset == "rescale" else 1.0, epochs).save(files.original)
    if not files.pruned.exists():
        options: PruneOptions = {
            "target_macs": 0.4,
            "scope": "layer",
            "round_to": 16,
            "epochs": epochs,
            "distill": 0.5,
            "preprocess": preset,
            "resume": files.pruned.with_name(f"{files.pruned.name}.work").exists(),
        }
        edgecv.prune(files.original, files.train, files.pruned, observer=compression.Teller(), **options)
    return files


def _write(folder: Path, pixels: Pixels, labels: Labels) -> None:
    for number, (picture, label) in enumerate(zip(pixels, labels, strict=True)):
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{number:05}.png")


def _train(architecture: Callable[[], Any], pixels: Pixels, labels: Labels, scale: float, epochs: int) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    model = architecture()
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    model.fit(pixels[..., None] * np.float32(scale), labels, batch_size=32, epochs=epochs, verbose=0)
    return model


def judged(model: Path, files: Files, bundle: Path) -> dict[str, Any]:
    """Every artifact of one model on all test images, and the model itself."""
    outcome = edgecv.convert(
        model,
        bundle,
        quantize=["float32", "int8"],
        preprocess=files.preprocess,
        calibrate=files.train,
        samples=CALIBRATION,
        evaluate=files.test,
        force=True,
    )
    found: dict[str, Any] = {"multiply_adds": outcome.report.source.multiply_adds}
    proven = next(parity.accuracy for parity in outcome.manifest.parity if parity.artifact.startswith("tflite/"))
    assert proven is not None
    found["keras"] = round(proven.reference_accuracy, 4)
    for artifact in outcome.manifest.artifacts:
        judge = partial(evaluate, bundle, files.test, threads=1, observer=Silent())
        (answer,) = judge(target=artifact.target, precision=artifact.precision)
        measured = answer.metrics
        assert isinstance(measured, ClassMetrics)
        found[f"{artifact.target} {artifact.precision}"] = {
            "accuracy": round(measured.accuracy, 4),
            "interval": [round(end, 4) for end in measured.interval],
            "images": measured.count,
            "bytes": artifact.bytes,
        }
    return found


def run(name: str) -> dict[str, Any]:
    """One starter: the original and the pruned model."""
    files = STARTERS[name]()
    rows = {
        "original": judged(files.original, files, WORK / f"{name}.edgecv"),
        "pruned": judged(files.pruned, files, WORK / f"{name}.pruned.edgecv"),
    }
    rows["pruned"]["share_of_multiply_adds"] = round(
        rows["pruned"]["multiply_adds"] / rows["original"]["multiply_adds"], 3
    )
    return rows


def table(networks: Mapping[str, Any]) -> str:
    """The rows as Markdown: accuracy in percent."""
    columns = [f"{target} {precision}" for precision in ("float32", "int8") for target in TARGETS]
    lines = ["| | Keras | " + " | ".join(columns) + " |", "|---|" + "---|" * (len(columns) + 1)]
    for name, rows in networks.items():
        for kind, row in rows.items():
            title = name if kind == "original" else f"pruned to {row['share_of_multiply_adds']:.2f}"
            cells = [f"{100 * row['keras']:.1f}", *(f"{100 * row[column]['accuracy']:.1f}" for column in columns)]
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run the chosen networks, write the results, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"{', '.join(STARTERS)}; all by default")
    chosen = parser.parse_args().names or list(STARTERS)
    if "cifar_cnn" in chosen and not PICTURES.is_dir():
        raise SystemExit("the shared CIFAR-10 images are not there: give the other names")
    known = json.loads(RESULTS.read_text())["networks"] if RESULTS.exists() else {}
    known |= {name: run(name) for name in chosen}
    networks = {name: known[name] for name in STARTERS if name in known}
    RESULTS.write_text(
        json.dumps({"machine": machine_line(), "versions": versions(), "networks": networks}, indent=1) + "\n"
    )
    print(table(networks))


if __name__ == "__main__":
    main()
