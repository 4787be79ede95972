"""Makes the bundles that `edgecv bench` measures a machine's peak with: one large convolution each, float32 and int8.

Two shapes, because no single one is the best for all kernels: 3 x 3 with 128 to 128 channels (38 million multiply-adds)
and 1 x 1 with 256 to 256 channels (17 million), on 16 x 16 pixels, so that all of it stays in a core's own cache. They
are converted as every model is: the kernels are those that edgecv's artifacts use. The weights repeat a short random
vector, because their values do not change the speed and the files should pack well. Golden cases and reports are left
out: nobody asks for these models' answers.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

import edgecv
from benchmarks.shared import ROOT

PLACE = ROOT / "runtime" / "edgecv_runtime" / "bench" / "peak"
SIDE, PERIOD = 16, 61
LAYERS = {"conv3": (3, 128), "conv1": (1, 256)}
KEPT = {"bundle.json", "model.float32.tflite", "model.int8.tflite", "model.float32.onnx", "model.int8.onnx"}


def make(name: str, kernel: int, channels: int) -> None:
    """Convert one layer, and put the files into the package."""
    import keras

    rng = np.random.default_rng(0)
    pattern = rng.normal(scale=0.05, size=PERIOD).astype(np.float32)
    weights = np.resize(pattern, (channels, kernel, kernel, channels)).transpose(1, 2, 3, 0)
    inputs = keras.Input((SIDE, SIDE, channels), name="image")
    layer = keras.layers.Conv2D(channels, kernel, padding="same", name="peak")
    model = keras.Model(inputs, layer(inputs), name=name)
    layer.set_weights([np.ascontiguousarray(weights), np.zeros(channels, np.float32)])
    with tempfile.TemporaryDirectory() as scratch:
        data, made = Path(scratch, "calibration.npz"), Path(scratch, f"{name}.edgecv")
        np.savez(data, image=rng.normal(size=(16, SIDE, SIDE, channels)).astype(np.float32))
        edgecv.convert(
            model,
            made,
            quantize=["float32", "int8"],
            targets=["tflite", "onnx"],
            calibrate=data,
            task="regression",
            io="int8",
        )
        for file in (path for path in made.rglob("*") if path.name in KEPT):
            place = PLACE / name / file.relative_to(made)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)


def main() -> None:
    """Make them all anew."""
    shutil.rmtree(PLACE, ignore_errors=True)
    for name, (kernel, channels) in LAYERS.items():
        make(name, kernel, channels)


if __name__ == "__main__":
    main()
