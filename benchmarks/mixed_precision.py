"""A swish and squeeze-excite network in int8: what the converter loses, what edgecv loses, what `--max-drop` pays.

The network is trained here, on images that calibration and the budget never see; the second is the same function, made
hard for int8 on purpose. The budget is judged on labelled images of the calibration folder, accuracy on test images.
Latency is TFLite's, one thread, the files in turn.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edgecv
from benchmarks.int8_latency import runner, timed_in_turn
from benchmarks.shared import PICTURES, ROOT
from edgecv.convert.request import ConvertOptions
from edgecv.machine import machine_line, versions

BUILD = ROOT / "build" / "mixed_precision"
RESULTS = Path(__file__).resolve().parent / "results" / "mixed_precision.json"
HELD_OUT = 120  # images of each class that are not trained on: for calibration and the budget
SAMPLES, SEED, BUDGET = 200, 0, 0.5
FACTOR = 200.0
ROWS: Mapping[str, ConvertOptions] = {
    "float32": {"quantize": "float32", "targets": ["tflite"]},
    "vendor int8": {"quantize": "int8", "quantizer": "vendor"},
    "edgecv int8": {"quantize": "int8"},
    f"--max-drop {BUDGET}": {"quantize": "int8", "max_drop": BUDGET},
}
Array = npt.NDArray[Any]


def swish_squeeze_excite() -> Any:
    """32 x 32 x 3 (0..255): a stem, five inverted bottlenecks with squeeze-and-excite, swish throughout."""
    import keras
    from keras import layers

    def block(x: Any, units: int, strides: int, expansion: int = 4) -> Any:
        width = x.shape[-1] * expansion
        y = layers.Conv2D(width, 1, use_bias=False)(x)
        y = layers.Activation("swish")(layers.BatchNormalization()(y))
        y = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(y)
        y = layers.Activation("swish")(layers.BatchNormalization()(y))
        gate = layers.GlobalAveragePooling2D(keepdims=True)(y)
        gate = layers.Conv2D(width, 1, activation="sigmoid")(layers.Conv2D(width // 16, 1, activation="swish")(gate))
        y = layers.Conv2D(units, 1, use_bias=False)(layers.Multiply()([y, gate]))
        y = layers.BatchNormalization()(y)
        return layers.Add()([x, y]) if strides == 1 and x.shape[-1] == units else y

    inputs = keras.Input((32, 32, 3), name="image")
    x = layers.Conv2D(16, 3, 2, padding="same", use_bias=False)(layers.Rescaling(1 / 127.5, offset=-1)(inputs))
    x = layers.Activation("swish")(layers.BatchNormalization()(x))
    for units, strides in ((16, 1), (24, 1), (40, 2), (40, 1), (64, 2)):
        x = block(x, units, strides)
    x = layers.Conv2D(160, 1, use_bias=False)(x)
    x = layers.Activation("swish")(layers.BatchNormalization()(x))
    outputs = layers.Dense(10, "softmax", name="label")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, outputs, name="swish_squeeze_excite")


def split() -> tuple[list[Path], list[Path]]:
    """The training images, and those that are held out of training."""
    files = [sorted(folder.glob("*.jpg")) for folder in sorted((PICTURES / "train").iterdir())]
    return [f for found in files for f in found[HELD_OUT:]], [f for found in files for f in found[:HELD_OUT]]


def held_out(folder: Path) -> Path:
    """A folder of links to the images that are held out, a subfolder for each class."""
    for file in split()[1]:
        link = folder / file.parent.name / file.name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(file)
    return folder


def pixels(files: list[Path]) -> tuple[Array, Array]:
    """Images as float32, and their class numbers."""
    from PIL import Image

    classes = sorted({file.parent.name for file in files})
    images = np.stack([np.asarray(Image.open(file).convert("RGB"), np.float32) for file in files])
    return images, np.array([classes.index(file.parent.name) for file in files])


def trained(path: Path, epochs: int) -> Path:
    """The network's file; trained if it is not there."""
    if path.exists():
        return path
    import keras

    keras.utils.set_random_seed(SEED)
    images, labels = pixels(split()[0])
    model = swish_squeeze_excite()
    steps = epochs * -(-len(images) // 64)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(SEED)
    for _ in range(epochs):
        mirrored = np.where(rng.random((len(images), 1, 1, 1)) < 0.5, images[:, :, ::-1], images)
        model.fit(mirrored, labels, batch_size=64, verbose=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return path


def uneven(path: Path, source: Path) -> Path:
    """The same function with two channels of one layer `FACTOR` times as large, which the next convolution takes back.

    One scale for all channels is then far too coarse for the others: what makes int8 hard for EfficientNets.
    """
    import keras

    model = keras.models.load_model(source)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    norm = next(layer for layer in norms if layer.gamma.shape == (24,))
    readers = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    reader = next(layer for layer in readers if layer.input is norm.output)
    gamma, beta, *rest = norm.get_weights()
    (kernel,) = reader.get_weights()
    gamma[:2], beta[:2], kernel[:, :, :2] = gamma[:2] * FACTOR, beta[:2] * FACTOR, kernel[:, :, :2] / FACTOR
    norm.set_weights([gamma, beta, *rest])
    reader.set_weights([kernel])
    model.save(path)
    return path


def row(name: str, outcome: edgecv.Outcome) -> dict[str, Any]:
    """What one bundle's report says: shares in percent, drops in points of 100."""
    report = outcome.report
    parity = {proof.artifact.partition("/")[0]: proof for proof in report.parity}
    accuracy, wide = parity["tflite"].accuracy, parity["tflite"].comparisons["evaluation"]
    assert accuracy is not None
    twin = parity["onnx"].twin if "onnx" in parity else None
    mixed = report.mixed
    found = {
        "row": name,
        "bytes": report.artifacts[0].bytes,
        "accuracy": round(100 * accuracy.accuracy, 2),
        "drop": round(100 * (accuracy.lost - accuracy.gained) / accuracy.count, 2),
        "agreement": None if wide.agreement is None else round(100 * wide.agreement, 2),
        "onnx_agrees_with_tflite": None if twin is None else round(100 * twin.agreement, 2),
        "seconds": round(report.seconds["total"], 1),
    }
    if mixed is None:
        return found
    return found | {
        "float_layers": [layer.layer for layer in mixed.layers if layer.kept],
        "layers": len(mixed.layers),
        "work_in_float": round(sum(layer.work for layer in mixed.layers if layer.kept), 4),
        "judged_on": mixed.on,
        "trials": [[trial.float_layers, round(trial.drop, 3)] for trial in mixed.trials],
        "ranking": [[layer.layer, layer.distance] for layer in mixed.layers],
    }


def rows_of(model: Path, rounds: int) -> list[dict[str, Any]]:
    """Convert each way, then time the files in turn."""
    rows, files = [], {}
    for name, options in ROWS.items():
        targets: ConvertOptions = {"targets": ["tflite", "onnx"], **options}
        data: ConvertOptions = {"calibrate": held_out(BUILD / "held_out"), "evaluate": PICTURES / "test"}
        common: ConvertOptions = {"preprocess": "none", "samples": SAMPLES, "seed": SEED, "force": True}
        out = BUILD / model.stem / f"{name.replace(' ', '_').lstrip('-')}.edgecv"
        out.parent.mkdir(exist_ok=True)
        outcome = edgecv.convert(model, out, **targets, **data, **common, keep_failing=True)  # type: ignore[misc]
        rows.append(row(name, outcome))
        files[name] = runner("tflite", (out / outcome.report.artifacts[0].file).read_bytes())
        print(json.dumps({key: value for key, value in rows[-1].items() if key != "ranking"}), flush=True)
    times = timed_in_turn(files, pixels(split()[1][:1])[0], rounds, 20)
    for found in rows:
        ratio = times[found["row"]] / times["edgecv int8"]
        found["median_ms"] = round(float(np.median(times[found["row"]])), 4)
        found["ratio_to_edgecv_int8"] = [round(float(np.percentile(ratio, q)), 3) for q in (50, 10, 90)]
        print(f"{found['row']:16s} {found['median_ms']:.4f} ms", flush=True)
    return rows


def main() -> None:
    """Make the networks, print and write their rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    if not PICTURES.is_dir():
        raise SystemExit("the shared images are absent: nothing was measured")
    model = trained(BUILD / "swish_squeeze_excite.keras", given.epochs)
    networks = {"swish_squeeze_excite": model, f"uneven by {FACTOR:g}": uneven(BUILD / "uneven.keras", model)}
    found = {name: rows_of(model, given.rounds) for name, model in networks.items()}
    result = {"machine": machine_line(), "versions": versions(), "budget": BUDGET, "samples": SAMPLES}
    result |= {"rounds": given.rounds, "networks": found}
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
