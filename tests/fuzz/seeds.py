"""Makes the good files that are mutated: a bundle, models of each format, pictures of each format."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tests.fuzz.fields import mutated_onnx, mutated_tflite
from tests.fuzz.harness import Subject
from tests.fuzz.mutate import mutated_json
from tests.fuzz.subjects import PICTURE, InBundle, Model, Pictures, Zipped, rewrite_archive, rewrite_hdf5

PRECISIONS = ("int8", "float32")
ENCODINGS = (
    ("JPEG", {"quality": 80, "exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"}),
    ("PNG", {}),
    ("GIF", {}),
    ("BMP", {}),
    ("WEBP", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("PPM", {}),
)


def subjects(folder: Path) -> dict[str, Subject]:
    """Every kind, by name; what they are made of is written to `folder` by a process of its own."""
    subprocess.run([sys.executable, "-m", "tests.fuzz.seeds", str(folder)], check=True)
    bundle = folder / "tiny.edgecv"
    made: list[Subject] = [
        InBundle("manifest", bundle, "bundle.json", mutate=mutated_json),
        InBundle("golden", bundle, "golden/golden.json", mutate=mutated_json),
        *(InBundle(f"tflite-{p}", bundle, f"tflite/model.{p}.tflite", alone=True) for p in PRECISIONS),
        *(
            InBundle(f"tflite-{p}-fields", bundle, f"tflite/model.{p}.tflite", alone=True, mutate=mutated_tflite)
            for p in PRECISIONS
        ),
        InBundle("onnx", bundle, "onnx/model.int8.onnx", alone=True),
        InBundle("onnx-fields", bundle, "onnx/model.int8.onnx", alone=True, mutate=mutated_onnx),
        Zipped(bundle),
        Model("h5", (folder / "keras2.h5", folder / "keras3.h5"), rewrite_hdf5),
        Model("keras", (folder / "model.keras",), rewrite_archive),
        Model("savedmodel", (folder / "exported", folder / "keras2_saved")),
        Pictures(tuple(_pictures())),
    ]
    return {subject.name: subject for subject in made}


def _pictures() -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 31, 3), np.uint8)
    made = []
    for name, options in ENCODINGS:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, name, **options)
        made.append(buffer.getvalue())
    return made


def write(folder: Path) -> None:
    """Write the seeds."""
    import keras
    import tf_keras

    keras.utils.set_random_seed(0)
    image = Image.fromarray(np.random.default_rng(1).integers(0, 255, (20, 20, 3), np.uint8))
    image.save(folder / PICTURE)
    inputs = keras.Input((16, 16, 3), name="image")
    hidden = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    hidden = keras.layers.BatchNormalization()(keras.layers.DepthwiseConv2D(3, strides=2, padding="same")(hidden))
    pooled = keras.layers.Concatenate()(
        [keras.layers.GlobalAveragePooling2D()(hidden), keras.layers.Flatten()(keras.layers.MaxPooling2D()(hidden))]
    )
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(pooled), name="tiny")
    model.save(folder / "model.keras")
    model.save(folder / "keras3.h5")
    model.export(folder / "exported", verbose=False)
    old = tf_keras.Input((16, 16, 3))
    flat = tf_keras.layers.GlobalAveragePooling2D()(tf_keras.layers.SeparableConv2D(4, 3)(old * 2.0 - 1.0))
    second = tf_keras.Model(old, tf_keras.layers.Dense(3, activation="softmax")(flat))
    second.save(folder / "keras2.h5")
    second.save(folder / "keras2_saved")
    _convert(folder)


def _convert(folder: Path) -> None:
    import edgecv

    samples = np.random.default_rng(2).integers(0, 255, (24, 20, 20, 3), np.uint8)
    (folder / "calibration").mkdir()
    for number, pixels in enumerate(samples):
        Image.fromarray(pixels).save(folder / "calibration" / f"{number}.png")
    edgecv.convert(
        folder / "model.keras",
        folder / "tiny.edgecv",
        quantize=("float32", "int8"),
        targets=("tflite", "onnx"),
        preprocess="rescale",
        calibrate=folder / "calibration",
        keep_failing=True,
    )


if __name__ == "__main__":
    write(Path(sys.argv[1]))
