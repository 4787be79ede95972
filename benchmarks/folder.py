"""What `edgecv run` over a folder of small pictures costs, against the shortest loop that does the same.

1,000 JPEG pictures of 32 x 32 through ResNet8 int8 on LiteRT, loading included, printed line by line. In processor time
of all threads, in turn: where other programs take the cores, wall time would tell of them. The bar is a ratio of 1.5.

    python -m benchmarks.folder
"""

from __future__ import annotations

import argparse
import json
import os
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.interleave import Timing, compare
from benchmarks.runtime_overhead import resnet8_bundle
from benchmarks.shared import PICTURES, RESNET8
from edgecv.machine import machine_line, versions
from edgecv.run import RunOptions, run

RESULTS = Path(__file__).parent / "results" / "folder.json"
BAR, COUNT = 1.5, 1000


def bare_loop(model: Path, files: list[Path]) -> None:
    """Pillow, LiteRT, and a line for each picture."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]
    for file in files:
        interpreter.set_tensor(source, np.asarray(Image.open(file).convert("RGB"), np.float32)[None])
        interpreter.invoke()
        scores = interpreter.get_tensor(result)[0]
        print(file.name, int(scores.argmax()), float(scores.max()))


def measure(rounds: int) -> Timing:
    """Both in turn, their lines thrown away."""
    files = sorted((PICTURES / "test").rglob("*.jpg"))[:COUNT]
    bundle = resnet8_bundle()
    model = next((bundle / "tflite").glob("*.int8.tflite"))
    options = RunOptions(bundle=bundle, sources=[str(file) for file in files], target="tflite", precision="int8")
    ours, theirs = ("edgecv run", lambda: run(options)), ("Pillow + LiteRT", lambda: bare_loop(model, files))
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        return compare(ours, theirs, rounds=rounds, turn=1, clock=time.process_time)


def main() -> None:
    """Measure, print a line, write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    if not RESNET8.exists():
        print("skipped, ../shared is absent")
        return
    timing = measure(given.rounds)
    print(f"{timing}  bar: {BAR}")
    result = {"machine": machine_line(), "versions": versions(), "pictures": COUNT, "clock": "processor time"}
    given.output.write_text(json.dumps({**result, "bar": BAR, **asdict(timing)}, indent=2) + "\n")


if __name__ == "__main__":
    main()
