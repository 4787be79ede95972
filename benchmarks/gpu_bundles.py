"""Makes one bundle of the zoo for `benchmarks/gpu.sh`: ONNX and TFLite, proven on labelled samples, left beside it.

    python -m benchmarks.gpu_bundles NAME FOLDER

`FOLDER/NAME.edgecv` has ONNX in float32, float16 and int8 and TFLite in float32 and int8; `FOLDER/NAME.npz` has the
samples that `edgecv bench --data` takes, there and here.
"""

from __future__ import annotations

import argparse
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import edgecv
from benchmarks.zoo_table import CALIBRATION, prepare

PRECISIONS = ("onnx:float32", "onnx:float16", "onnx:int8", "tflite:float32", "tflite:int8")


def make(name: str, folder: Path) -> Path:
    """Convert a network of the zoo, and return its bundle."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # its memory goes with it
        model, calibration, evaluation, _ = pool.submit(prepare, name).result()
    out = folder / f"{name}.edgecv"
    edgecv.convert(
        model,
        out,
        quantize=PRECISIONS,
        preprocess="tensor",
        calibrate=calibration,
        samples=CALIBRATION,
        evaluate=evaluation,
        keep_failing=True,
        force=True,
    )
    shutil.copyfile(evaluation, folder / f"{name}.npz")
    return out


def main() -> None:
    """Make the bundle that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    print(make(given.name, given.folder), flush=True)


if __name__ == "__main__":
    main()
