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

from benchmarks.interleave import Work, turn_us
from benchmarks.tflite_pair import File, has_amx, without_amx

Array = npt.NDArray[np.float32]
Ask = Callable[[Any], Any]
ROUNDS, TURN_SECONDS, WARM_UP_ROUNDS = 60, 0.02, 3


class Opened:
    """A file that can be asked, on one thread."""

    def __init__(self, runtime: str, path: Path) -> None:
        self._quantize: tuple[float, int] | None = None
        self.ask = self._tflite(path) if runtime == "tflite" else _onnx(path)

    def taken(self, sample: Array) -> Any:
        """The sample as the file takes it: float32, or int8 by its scale and zero point."""
        if self._quantize is None:
            return sample
        scale, zero_point = self._quantize
        return np.clip(np.round(sample / np.float32(scale)) + zero_point, -128, 127).astype(np.int8)

    def _tflite(self, path: Path) -> Ask:
        from ai_edge_litert.interpreter import Interpreter

        (source,) = Interpreter(model_path=str(path)).get_input_details()
        if source["dtype"] is np.int8:
            self._quantize = source["quantization"]
        return File(path.read_bytes())


def _onnx(path: Path) -> Ask:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    return lambda sample: session.run(None, {source.name: sample})[0]


def judge(runtime: str, path: Path, samples: Path) -> dict[str, int]:
    """How many answers are right, and how many are the Keras model's."""
    file = Opened(runtime, path)
    with np.load(samples) as found:
        answers = np.array([np.asarray(file.ask(file.taken(sample[None]))).argmax() for sample in found["test"]])
        return {
            "correct": int((answers == found["labels"]).sum()),
            "same": int((answers == found["answers"].argmax(-1)).sum()),
        }


def latency(runtime: str, paths: list[Path], sample: Array) -> dict[str, Any]:
    """Percentiles of each file in microseconds, and of its ratio to the first; what else the machine did meanwhile."""
    files = [Opened(runtime, path) for path in paths]
    calls: list[Work] = [partial(file.ask, file.taken(sample)) for file in files]
    turns = [calls_a_turn(call) for call in calls]
    before, began = Jiffies.now(), os.times()
    times = in_turn(calls, turns)
    after, ended = Jiffies.now(), os.times()
    own = ended.user + ended.system - began.user - began.system
    rows = [_told(found, times[0]) for found in times]
    others, _ = elsewhere(before, after, own)
    return {"rows": rows, "busy_elsewhere": others}


def in_turn(calls: list[Work], turns: list[int]) -> list[npt.NDArray[np.float64]]:
    """The median time of each turn of each call; the order is turned round from round to round."""
    times: list[list[float]] = [[] for _ in calls]
    for number in range(ROUNDS + WARM_UP_ROUNDS):
        for place in sorted(range(len(calls)), reverse=bool(number % 2)):
            times[place].append(turn_us(calls[place], turns[place]))
    return [np.array(found[WARM_UP_ROUNDS:]) for found in times]


def calls_a_turn(call: Work) -> int:
    """How many fill a turn."""
    call()
    began = time.perf_counter()
    call()
    return max(5, round(TURN_SECONDS / (time.perf_counter() - began)))


def _told(found: npt.NDArray[np.float64], base: npt.NDArray[np.float64]) -> Mapping[str, Any]:
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
