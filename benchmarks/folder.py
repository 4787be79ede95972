"""What `edgecv run` over a folder of pictures costs, against the shortest loop that does the same.

1,000 JPEG pictures of 32 x 32 through ResNet8 int8 on LiteRT, loading included, printed line by line. In processor time
of all threads, in turn: where other programs take the cores, wall time would tell of them. The bar is a ratio of 1.5.
Photos through MobileNetV2-224 int8, where decoding is what takes the time, in wall time: the loop has one thread.

    python -m benchmarks.folder [--photos]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.interleave import Timing, compare
from benchmarks.runtime_overhead import by_hand, resnet8_bundle, scene
from benchmarks.shared import PICTURES, RESNET8
from benchmarks.video_throughput import BUILD, make_bundle
from edgecv.machine import machine_line, versions
from edgecv.run import RunOptions, run

RESULTS = Path(__file__).parent / "results" / "folder.json"
BAR, COUNT = 1.5, 1000
PHOTOS = {(4000, 3000): 24, (1280, 960): 100}  # how many of each size
Tensor = Callable[[Path], Any]


def bare_loop(model: Path, files: list[Path], tensor: Tensor) -> None:
    """Pillow, LiteRT, and a line for each picture."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]
    for file in files:
        interpreter.set_tensor(source, tensor(file))
        interpreter.invoke()
        scores = interpreter.get_tensor(result)[0]
        print(file.name, int(scores.argmax()), float(scores.max()))


def pixels(file: Path) -> Any:
    """A picture of the model's size as it is."""
    return np.asarray(Image.open(file).convert("RGB"), np.float32)[None]


def small(rounds: int) -> Timing:
    """Pictures of 32 x 32, in processor time."""
    files = sorted((PICTURES / "test").rglob("*.jpg"))[:COUNT]
    return both(resnet8_bundle(), files, pixels, rounds, time.process_time)


def photos(width: int, height: int, rounds: int) -> Timing:
    """Photos of one size, in wall time."""
    bundle = make_bundle(BUILD / "mobilenet_v2-tf-int8-io.edgecv", "tf")
    with tempfile.TemporaryDirectory(prefix="edgecv-photos-") as folder:
        files = [Path(folder) / f"{number:03d}.jpg" for number in range(PHOTOS[width, height])]
        Image.fromarray(scene(width, height)).save(files[0], quality=90)
        for file in files[1:]:
            os.link(files[0], file)
        return both(bundle, files, lambda file: by_hand(file.read_bytes()), rounds, time.perf_counter)


def both(bundle: Path, files: list[Path], tensor: Tensor, rounds: int, clock: Callable[[], float]) -> Timing:
    """Both ways in turn, their lines thrown away."""
    model = next((bundle / "tflite").glob("*.int8.tflite"))
    options = RunOptions(bundle=bundle, sources=[str(file) for file in files], target="tflite", precision="int8")
    ours = ("edgecv run", lambda: run(options))
    theirs = ("Pillow + LiteRT", lambda: bare_loop(model, files, tensor))
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        return compare(ours, theirs, rounds=rounds, turn=1, clock=clock)


def main() -> None:
    """Measure, print a line for each kind, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--photos", action="store_true", help="measure photos alone, and leave the file as it is")
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    rows: dict[str, dict[str, Any]] = {}
    if not given.photos:
        if not RESNET8.exists():
            print("skipped, ../shared is absent; --photos needs nothing of it")
            return
        timing = small(given.rounds)
        print(f"{COUNT} pictures of 32 x 32: {timing}  bar: {BAR}")
        rows["32 x 32"] = {"pictures": COUNT, "clock": "processor time", "bar": BAR, **asdict(timing)}
    for (width, height), count in PHOTOS.items():
        timing = photos(width, height, max(3, given.rounds // 3))
        print(f"{count} photos of {width} x {height}: {timing}")
        rows[f"{width} x {height}"] = {"pictures": count, "clock": "wall time", **asdict(timing)}
    if not given.photos:
        result = {"machine": machine_line(), "versions": versions(), "rows": rows}
        given.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
