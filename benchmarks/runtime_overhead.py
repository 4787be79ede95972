"""What the runtime costs on top of what it calls: LiteRT's bare loop, Pillow, OpenCV, and Python's own imports.

Every figure is a ratio against a named alternative in the same run (see `interleave`).
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_runtime.predictor import Predictor, load
from edgecv_runtime.preprocess import Preprocessor, parse, resolve
from edgecv_runtime.schema import QuantParams, TensorIO
from PIL import Image

import edgecv
from benchmarks.interleave import Timing, Work, compare
from benchmarks.shared import PICTURES, RESNET8, ROOT
from edgecv.machine import machine_line, versions

RESULTS = ROOT / "benchmarks" / "results" / "runtime_overhead.json"
BUNDLE = ROOT / "build" / "resnet8.edgecv"
SIDE = 224
INT8 = QuantParams(scale=0.0078125, zero_point=0)
BARS = {
    "predict_tensor": "ratio <= 1.10",
    "predict": "difference <= 60 us",
    "jpeg": "ratio <= 1.05",
    "frame": "ratio <= 1.50",
    "import": "ratio <= 1.30",
}
BASE = ("numpy + PIL.Image", "import numpy, PIL.Image")
IMPORTS = {
    "import": ("edgecv_runtime", "import edgecv_runtime"),
    "import, with load": ("edgecv_runtime.load", "from edgecv_runtime import load"),
}


def resnet8_bundle() -> Path:
    """The int8 bundle of MLPerf Tiny's ResNet8, converted once."""
    if not BUNDLE.exists():
        edgecv.convert(
            RESNET8,
            BUNDLE,
            quantize="int8",
            targets=["tflite", "onnx"],
            preprocess="none",
            calibrate=PICTURES / "train",
        )
    return BUNDLE


def bare_loop(predictor: Predictor, tensor: npt.NDArray[Any]) -> Work:
    """Set, invoke, get, and nothing else."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(predictor.bundle.path(predictor.artifact)), num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]

    def work() -> object:
        interpreter.set_tensor(source, tensor)
        interpreter.invoke()
        return interpreter.get_tensor(result)

    return work


def predicting(rounds: int) -> dict[str, Timing]:
    """`predict_tensor` and `predict` of a 32 x 32 array against the bare loop, ResNet8 int8 on LiteRT."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    tensor = picture[None].astype(np.float32)
    with load(resnet8_bundle(), target="tflite") as predictor:
        bare = ("bare loop", bare_loop(predictor, tensor))
        return {
            "predict_tensor": compare(
                ("predict_tensor", lambda: predictor.predict_tensor(tensor)), bare, rounds=rounds, turn=200
            ),
            "predict": compare(("predict", lambda: predictor.predict(picture)), bare, rounds=rounds, turn=200),
        }


def scene(width: int, height: int) -> npt.NDArray[np.uint8]:
    """Smooth colours, edges and a little noise, as a photograph has."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (height // 40, width // 40, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.int16)
    noise = rng.integers(-6, 7, smooth.shape, dtype=np.int16)
    return (smooth + noise).clip(0, 255).astype(np.uint8)


def preprocessor(text: str, *, integers: bool) -> Preprocessor:
    """A preset for 224 x 224 x 3, to float32 or int8."""
    spec = resolve(parse(text), (1, SIDE, SIDE, 3))
    dtype = "int8" if integers else "float32"
    quantization = INT8 if integers else None
    tensor = TensorIO(
        name="image", tensor="image", shape=(1, SIDE, SIDE, 3), dtype=dtype, layout="NHWC", quantization=quantization
    )
    return Preprocessor(spec, tensor)


def by_hand(data: bytes) -> npt.NDArray[np.int8]:
    """Pillow's open and resize, then NumPy: what a person writes."""
    picture = Image.open(io.BytesIO(data)).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    values = np.asarray(picture, np.float32) / 127.5 - 1
    integers: npt.NDArray[np.int8] = np.clip(np.round(values / INT8.scale) + INT8.zero_point, -128, 127).astype(np.int8)
    return integers[None]


def photograph(rounds: int) -> Timing:
    """A 12-megapixel JPEG to a 224 x 224 int8 tensor."""
    buffer = io.BytesIO()
    Image.fromarray(scene(4000, 3000)).save(buffer, "JPEG", quality=90)
    run, data = preprocessor("tf", integers=True), buffer.getvalue()
    unlike = np.count_nonzero(run(data) != by_hand(data))
    assert unlike < 20, f"not the same work: {unlike} elements differ"
    return compare(
        ("edgecv", lambda: run(data)), ("Pillow + NumPy", lambda: by_hand(data)), rounds=max(5, rounds // 4), turn=1
    )


def frame(rounds: int) -> dict[str, Timing]:
    """A 1080p frame to a normalized 224 x 224 float32 tensor, bilinear as `tf.image.resize` does it.

    OpenCV gives the same numbers only from float32 pixels. Of bytes it makes rounded bytes, which is another function.
    """
    import cv2

    cv2.setNumThreads(1)
    pixels = scene(1920, 1080)
    run = preprocessor("image_dataset+tf", integers=False)
    out = np.empty((1, SIDE, SIDE, 3), np.float32)

    def finish(resized: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        values = resized.astype(np.float32, copy=False) * np.float32(1 / 127.5)
        values -= np.float32(1)
        return values[None]

    def same() -> npt.NDArray[np.float32]:
        return finish(cv2.resize(pixels.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR))

    def rounded() -> npt.NDArray[np.float32]:
        return finish(cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR))

    ours = ("edgecv", lambda: run(pixels, out))
    assert np.abs(run(pixels) - same()).max() < 1e-4
    return {
        "frame": compare(ours, ("OpenCV, same numbers", same), rounds=rounds, turn=5),
        "frame, rounded bytes": compare(ours, ("OpenCV, rounded bytes", rounded), rounds=rounds, turn=5),
    }


def importing(rounds: int) -> dict[str, Timing]:
    """A fresh interpreter that imports the runtime, against one that imports NumPy and Pillow.

    The package imports what is asked of it when it is asked; `load` brings NumPy, Pillow and the schema.
    """

    def start(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    theirs = (BASE[0], start(BASE[1]))
    return {name: compare((ours, start(code)), theirs, rounds=rounds, turn=1) for name, (ours, code) in IMPORTS.items()}


def main() -> None:
    """Run everything, print one line each, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    found: dict[str, Timing] = {}
    if RESNET8.exists():
        found |= predicting(given.rounds)
    else:
        print("predict: skipped, ../shared is absent")
    found |= {"jpeg": photograph(given.rounds), **frame(given.rounds), **importing(given.rounds)}
    for name, timing in found.items():
        print(f"{name:22s} {timing}  bar: {BARS.get(name, 'none')}")
    result = {"machine": machine_line(), "versions": versions(), "rounds": given.rounds, "bars": BARS}
    result |= {name: asdict(timing) for name, timing in found.items()}
    given.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
