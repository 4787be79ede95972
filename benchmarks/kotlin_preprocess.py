"""A 1080p frame to a 224 x 224 int8 tensor: the Kotlin library on the JVM beside the Python runtime.

Usage: python -m benchmarks.kotlin_preprocess [--rounds N] [--seconds S], after `make test-android` built the library.

Both take turns in one run, on one thread, from the same frame, and must give the same tensor to the bit. "yuv" begins
with the camera's planes: Kotlin's share includes copying them; Python has no such input, so there it is NumPy's formula
(tests/golden/yuv.py) and then the runtime. "rgb" begins with RGB bytes in both.
Writes benchmarks/results/kotlin_preprocess.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import numpy as np
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.schema import Fit, Normalize, Preprocess, QuantParams, Resize, TensorIO

from benchmarks.shared import ROOT
from edgecv.machine import machine_line
from tests.golden.format import mesh
from tests.golden.yuv import upright

MODULE = ROOT / "android_demo" / "edgecv"
RESULTS = ROOT / "benchmarks" / "results" / "kotlin_preprocess.json"
HEIGHT, WIDTH, SIZE = 1080, 1920, 224
WARM_UP = 2
IO = TensorIO(
    name="image",
    tensor="image",
    shape=(1, SIZE, SIZE, 3),
    dtype="int8",
    layout="NHWC",
    quantization=QuantParams(scale=1 / 128, zero_point=0),
)
PILLOW = Preprocess(size=(SIZE, SIZE), normalize=Normalize(preset="tf", scale=(0.007843138,), offset=(-1.0,)))
TF = msgspec.structs.replace(PILLOW, resize=Resize(semantics="tf"))
CROP = msgspec.structs.replace(PILLOW, fit=Fit(mode="crop", fraction=1.0))
CASES = {
    "yuv, Pillow's bilinear": (PILLOW, "yuv", 0),
    "yuv, Pillow's bilinear, centre crop, turned by 90 degrees": (CROP, "yuv", 90),
    "yuv, TensorFlow's bilinear": (TF, "yuv", 0),
    "rgb, Pillow's bilinear": (PILLOW, "rgb", 0),
    "rgb, TensorFlow's bilinear": (TF, "rgb", 0),
}


class Kotlin:
    """The JVM's process."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            listed = Path(scratch, "classpath")
            goal = ["dependency:build-classpath", "-Dmdep.includeGroupIds=org.jetbrains.kotlin,org.jetbrains.kotlinx"]
            maven = ["mvn", "-q", "-B", "-f", str(MODULE.parent / "pom.xml"), "-pl", "litert-api,edgecv", "compile"]
            subprocess.run([*maven, *goal, f"-Dmdep.outputFile={listed}"], check=True)
            libraries = listed.read_text().strip()
        classes = f"{MODULE}/target/classes:{MODULE}/target/test-classes:{libraries}"
        # the compiler works in the foreground: on a busy machine the code would stay half compiled for minutes
        command = ["java", "-Xbatch", "-cp", classes, "dev.edgecv.PreprocessBench"]
        self._process = subprocess.Popen(command, cwd=MODULE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def turn(self, spec: Preprocess, source: str, rotation: int, seconds: float) -> dict[str, Any]:
        """Microseconds of each frame, the bytes allocated in all of them, and the tensor's digest."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"spec": spec, "io": IO, "source": source, "rotation": rotation, "seconds": seconds}
        self._process.stdin.write(msgspec.json.encode(order).decode() + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


def python_frame(spec: Preprocess, source: str, rotation: int) -> Callable[[np.ndarray], None]:
    """A function that fills a tensor from the frame."""
    preprocessor = Preprocessor(spec, IO)
    if source == "rgb":
        picture = mesh(HEIGHT, WIDTH, 3)
        return lambda out: void(preprocessor(picture, out))
    y, vu = mesh(HEIGHT, WIDTH, 1)[..., 0], mesh(HEIGHT // 2, WIDTH // 2, 2)
    return lambda out: void(preprocessor(upright(y, vu[..., 1], vu[..., 0], rotation), out))


def void(_: object) -> None:
    """Nothing."""


def python_turn(frame: Callable[[np.ndarray], None], out: np.ndarray, seconds: float) -> list[float]:
    """Microseconds of each frame, two at least."""
    frame(out)
    times: list[float] = []
    end = perf_counter() + seconds
    while not times or perf_counter() < end:
        began = perf_counter()
        frame(out)
        times.append(1e6 * (perf_counter() - began))
    return times


def figures(turns: list[list[float]]) -> dict[str, Any]:
    """Milliseconds: the median and the least of all frames, and the 10th and 90th percentile of the turns' medians."""
    medians = [float(np.median(turn)) for turn in turns]
    low, high = np.percentile(medians, (10, 90)) / 1e3
    every = np.concatenate(turns)
    return {
        "median_ms": round(float(np.median(every)) / 1e3, 3),
        "min_ms": round(float(every.min()) / 1e3, 3),
        "p10_ms": round(float(low), 3),
        "p90_ms": round(float(high), 3),
        "frames": sum(map(len, turns)),
    }


def measure(rounds: int, seconds: float) -> list[dict[str, Any]]:
    """All cases in turns, Python and Kotlin one after the other.

    Raises:
        SystemExit: The tensors differ.
    """
    kotlin = Kotlin()
    frames = {name: python_frame(*case) for name, case in CASES.items()}
    times: dict[str, tuple[list[list[float]], list[list[float]]]] = {name: ([], []) for name in CASES}
    allocated = dict.fromkeys(CASES, 0)
    out = np.empty(IO.shape, IO.dtype)
    for number in range(WARM_UP + rounds):
        for name, case in CASES.items():
            made = python_turn(frames[name], out, seconds)
            turn = kotlin.turn(*case, seconds)
            if turn["sha256"] != hashlib.sha256(out.tobytes()).hexdigest():
                raise SystemExit(f"{name}: Kotlin's tensor is not Python's")
            if number >= WARM_UP:
                times[name][0].append(made)
                times[name][1].append(turn["us"])
                allocated[name] += turn["bytes"]
    kotlin.close()
    return [
        {
            "case": name,
            "python": figures(times[name][0]),
            "kotlin": figures(times[name][1]),
            "kotlin_bytes_per_frame": round(allocated[name] / sum(map(len, times[name][1])), 3),
        }
        for name in CASES
    ]


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a turn")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    rows = measure(options.rounds, options.seconds)
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr.splitlines()[0]
    RESULTS.write_text(
        json.dumps({"machine": machine_line(), "load": load, "java": java, "rows": rows}, indent=1) + "\n"
    )
    for row in rows:
        kotlin, python = (f"{row[side]['median_ms']} ms (least {row[side]['min_ms']})" for side in ("kotlin", "python"))
        print(f"{row['case']}: Kotlin {kotlin}, {row['kotlin_bytes_per_frame']} bytes a frame; Python {python}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
