"""Makes the bundle that `edgecv bench` measures a machine's peak with: one large convolution, in float32 and in int8.

3 x 3, 128 to 128 channels, on 32 x 32 pixels: 151 million multiply-adds on 0.6 MB of weights, which no runtime
memory-bounds. It is converted as every model is, so its kernels are those that edgecv's artifacts use. The weights
repeat a short random vector, because their values do not change the speed and the file should pack well. Golden cases
and reports are left out: nobody asks for this model's answers.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

import edgecv

PLACE = Path(__file__).resolve().parents[1] / "runtime" / "edgecv_runtime" / "bench" / "peak"
SIDE, CHANNELS, KERNEL, PERIOD = 32, 128, 3, 61
KEPT = {"bundle.json", "model.float32.tflite", "model.int8.tflite", "model.float32.onnx", "model.int8.onnx"}


def main() -> None:
    """Convert, and put the files into the package."""
    import keras

    rng = np.random.default_rng(0)
    pattern = rng.normal(scale=0.05, size=PERIOD).astype(np.float32)
    weights = np.resize(pattern, (CHANNELS, KERNEL, KERNEL, CHANNELS)).transpose(1, 2, 3, 0)
    inputs = keras.Input((SIDE, SIDE, CHANNELS), name="image")
    layer = keras.layers.Conv2D(CHANNELS, KERNEL, padding="same", name="peak")
    model = keras.Model(inputs, layer(inputs), name="peak")
    layer.set_weights([np.ascontiguousarray(weights), np.zeros(CHANNELS, np.float32)])
    with tempfile.TemporaryDirectory() as scratch:
        data, made = Path(scratch, "calibration.npz"), Path(scratch, "peak.edgecv")
        np.savez(data, image=rng.normal(size=(16, SIDE, SIDE, CHANNELS)).astype(np.float32))
        edgecv.convert(
            model,
            made,
            quantize=["float32", "int8"],
            targets=["tflite", "onnx"],
            calibrate=data,
            task="regression",
            io="int8",
        )
        shutil.rmtree(PLACE, ignore_errors=True)
        for file in (path for path in made.rglob("*") if path.name in KEPT):
            (PLACE / file.relative_to(made)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, PLACE / file.relative_to(made))


if __name__ == "__main__":
    main()
