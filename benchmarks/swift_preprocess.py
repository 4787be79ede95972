"""A 1080p frame to a 224 x 224 int8 tensor: the Swift library beside the Kotlin one and the Python runtime, in one run.

Usage: python -m benchmarks.swift_preprocess [--rounds N] [--seconds S], after `make test-android test-ios`.

All three take turns on one thread, from the same frame, and must give the same tensor to the bit; the cases are
those of benchmarks.kotlin_preprocess. Swift is a release build (build/swift-bench); its bytes are all that its thread
allocated.
Writes benchmarks/results/swift_preprocess.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np

from benchmarks.kotlin_preprocess import CASES, IO, WARM_UP, Kotlin, figures, python_frame, python_turn
from benchmarks.shared import ROOT
from edgecv.machine import machine_line
from tests.ios.toolchain import Toolchain, find_toolchain

PACKAGE = ROOT / "ios_demo" / "EdgeCVTests"
SCRATCH = ROOT / "build" / "swift-bench"
RESULTS = ROOT / "benchmarks" / "results" / "swift_preprocess.json"
SIDES = ("swift", "kotlin", "python")


class Swift:
    """The process of `PreprocessBench`."""

    def __init__(self, toolchain: Toolchain) -> None:
        words = ("-c", "release", "--product", "PreprocessBench", "--scratch-path", str(SCRATCH))
        built = toolchain.run("swift", "build", *words, folder=PACKAGE)
        if built.returncode:
            raise SystemExit(built.stdout)
        command = toolchain.command([str(SCRATCH / "release" / "PreprocessBench")], PACKAGE, {})
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def turn(self, number: int, seconds: float) -> dict[str, Any]:
        """Microseconds of each frame, the bytes allocated in all of them, and the tensor in hexadecimal."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{number} {seconds}\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


def measure(toolchain: Toolchain, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """All cases in turns: Python, Kotlin, Swift, one after the other.

    Raises:
        SystemExit: The tensors differ.
    """
    kotlin, swift = Kotlin(), Swift(toolchain)
    frames = {name: python_frame(*case) for name, case in CASES.items()}
    times: dict[str, dict[str, list[list[float]]]] = {name: {"python": [], "kotlin": [], "swift": []} for name in CASES}
    allocated = {name: {"kotlin": 0, "swift": 0} for name in CASES}
    out = np.empty(IO.shape, IO.dtype)
    for number in range(WARM_UP + rounds):
        for place, (name, case) in enumerate(CASES.items()):
            made = python_turn(frames[name], out, seconds)
            turns = {"kotlin": kotlin.turn(*case, seconds), "swift": swift.turn(place, seconds)}
            if turns["kotlin"]["sha256"] != hashlib.sha256(out.tobytes()).hexdigest():
                raise SystemExit(f"{name}: Kotlin's tensor is not Python's")
            if turns["swift"]["tensor"] != out.tobytes().hex():
                raise SystemExit(f"{name}: Swift's tensor is not Python's")
            if number < WARM_UP:
                continue
            times[name]["python"].append(made)
            for side, turn in turns.items():
                times[name][side].append(turn["us"])
                allocated[name][side] += turn["bytes"]
    kotlin.close()
    swift.close()
    return [row(name, times[name], allocated[name]) for name in CASES]


def row(name: str, times: dict[str, list[list[float]]], allocated: dict[str, int]) -> dict[str, Any]:
    """One case: the figures of each side, and the bytes that it allocated a frame."""
    bytes_ = {side: round(total / sum(map(len, times[side])), 3) for side, total in allocated.items()}
    return {"case": name, **{side: figures(turns) for side, turns in times.items()}, "bytes_per_frame": bytes_}


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a turn")
    options = parser.parse_args()
    toolchain, load = find_toolchain(), os.getloadavg()[0]
    rows = measure(toolchain, options.rounds, options.seconds)
    said = toolchain.run("swift", "--version", folder=PACKAGE).stdout.splitlines()[0]
    RESULTS.write_text(
        json.dumps({"machine": machine_line(), "load": load, "swift": said, "rows": rows}, indent=1) + "\n"
    )
    for one in rows:
        sides = [f"{side} {one[side]['median_ms']} ms (least {one[side]['min_ms']})" for side in SIDES]
        print(f"{one['case']}: {', '.join(sides)}; bytes a frame {one['bytes_per_frame']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
