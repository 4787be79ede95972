"""Ask and time files, in a process of their own: a file that crashes its runtime is a row with the reason.

`python -m benchmarks.peers.measure judge RUNTIME SAMPLES FILE` counts the right answers and those of the Keras model.
`python -m benchmarks.peers.measure latency RUNTIME SAMPLES FILE ...` times all files in turn, one thread each, and
takes their ratios to the first. Both print JSON. As on a phone there is no AMX unit, unless --amx (`tflite_pair`).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_runtime.bench.machine import Jiffies, elsewhere

from benchmarks.interleave import Times, Work, in_turn
from benchmarks.tflite_pair import File, has_amx, without_amx

Array = npt.NDArray[np.float32]
Ask = Callable[[Any], Any]
ROUNDS, TURN_SECONDS, WARM_UP_ROUNDS = 60, 0.02, 3


class Opened:
    """A file that can be asked, on one thread; `taken` and `told` are for files with int8 in- and outputs."""

    def __init__(self, runtime: str, path: Path) -> None:
        self._quantized: dict[str, tuple[float, int]] = {}
        self.ask = self._tflite(path) if runtime == "tflite" else _onnx(path)

    def taken(self, sample: Array) -> Any:
        """The sample as the file takes it."""
        if "input" not in self._quantized:
            return sample
        scale, zero_point = self._quantized["input"]
        return np.clip(np.round(sample / np.float32(scale)) + zero_point, -128, 127).astype(np.int8)

    def told(self, sample: Array) -> Array:
        """The file's float32 answer to a sample."""
        answer = np.asarray(self.ask(self.taken(sample)), np.float32)
        scale, zero_point = self._quantized.get("output", (1.0, 0))
        return (answer - np.float32(zero_point)) * np.float32(scale)

    def _tflite(self, path: Path) -> Ask:
        from ai_edge_litert.interpreter import Interpreter

        found = Interpreter(model_path=str(path))
        (source,), (result,) = found.get_input_details(), found.get_output_details()
        self._quantized = {
            name: details["quantization"]
            for name, details in (("input", source), ("output", result))
            if details["dtype"] is np.int8
        }
        return File(path.read_bytes())


def _onnx(path: Path) -> Ask:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    return lambda sample: session.run(None, {source.name: sample})[0]


def judge(runtime: str, path: Path, samples: Path) -> dict[str, float]:
    """How many answers are right, how many are the Keras model's, and the mean divergence from its probabilities."""
    file = Opened(runtime, path)
    with np.load(samples) as found:
        answers = np.concatenate([file.told(sample[None]) for sample in found["test"]])
        wanted, labels = found["answers"], found["labels"]
    chosen = answers.argmax(-1)
    return {
        "correct": int((chosen == labels).sum()),
        "same": int((chosen == wanted.argmax(-1)).sum()),
        "distance": round(divergence(wanted, answers), 6),
    }


def divergence(wanted: Array, answers: Array) -> float:
    """Mean Kullback-Leibler divergence; nothing is below 1/256, an int8 softmax's step, and all sums are 1 again."""
    one, other = (np.maximum(values.astype(np.float64), 1 / 256) for values in (wanted, answers))
    one, other = one / one.sum(-1, keepdims=True), other / other.sum(-1, keepdims=True)
    return float((one * np.log(one / other)).sum(-1).mean())


def latency(runtime: str, paths: list[Path], sample: Array) -> dict[str, Any]:
    """Percentiles of each file in microseconds, and of its ratio to the first; what else the machine did meanwhile."""
    files = [Opened(runtime, path) for path in paths]
    calls: list[Work] = [partial(file.ask, file.taken(sample)) for file in files]
    turns = [calls_a_turn(call) for call in calls]
    before, began = Jiffies.now(), os.times()
    times = in_turn(calls, turns, rounds=ROUNDS, warm_up=WARM_UP_ROUNDS)
    after, ended = Jiffies.now(), os.times()
    own = ended.user + ended.system - began.user - began.system
    rows = [_told(found, times[0]) for found in times]
    others, _ = elsewhere(before, after, own)
    return {"rows": rows, "busy_elsewhere": others}


def calls_a_turn(call: Work) -> int:
    """How many fill a turn."""
    call()
    began = time.perf_counter()
    call()
    return max(5, round(TURN_SECONDS / (time.perf_counter() - began)))


def _told(found: Times, base: Times) -> Mapping[str, Any]:
    times, ratios = (np.percentile(values, (50, 10, 90)) for values in (found, found / base))
    told = {f"{name}_us": round(float(value), 2) for name, value in zip(("p50", "p10", "p90"), times, strict=True)}
    ratio = {name: round(float(value), 4) for name, value in zip(("p50", "p10", "p90"), ratios, strict=True)}
    return {**told, "ratio": ratio}


def main() -> None:
    """Do what the arguments say, and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("judge", "latency"))
    parser.add_argument("runtime", choices=("tflite", "onnx"))
    parser.add_argument("samples", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--amx", action="store_true")
    parser.add_argument("--core", type=int)
    given = parser.parse_args()
    if given.core is not None:
        os.sched_setaffinity(0, {given.core})
    if has_amx() and not given.amx:
        without_amx()
    if given.what == "judge":
        print(json.dumps(judge(given.runtime, given.files[0], given.samples)))
        return
    with np.load(given.samples) as found:
        sample = found["test"][:1]
    print(json.dumps(latency(given.runtime, given.files, sample)))


if __name__ == "__main__":
    main()
