"""How `edgecv serve` compares with the same TFLite file behind a server written by hand, and with bare inference.

Two networks in int8: MLPerf Tiny's ResNet8 on a JPEG of 32 x 32, and MobileNetV2 of 224 x 224 (random weights: speed
does not depend on them) on a JPEG of 320 x 240. Clients in another process on the same machine send a form with the
picture, each one after the answer to the one before, on a connection that it keeps. Measured in turn, several rounds,
with as many processes as there are processors: `edgecv serve`, and FastAPI with Pillow and LiteRT under uvicorn
(`benchmarks/serve_by_hand.py`). `cpu_us` is the processor time of the server's processes for one answer, which other
work on the machine changes least.

`bare` is what inference alone allows: one process for each processor, with a tensor that is ready. `in_process` is what
the picture's decoding and scaling leave of it, without any server.

    pip install fastapi
    python -m benchmarks.serve
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from edgecv_runtime import load
from PIL import Image

from benchmarks.origin import commit
from benchmarks.runtime_overhead import resnet8_bundle
from benchmarks.shared import PICTURES, ROOT
from benchmarks.video_throughput import make_bundle
from edgecv.machine import machine_line, versions

RESULTS = ROOT / "benchmarks" / "results" / "serve.json"
BUILD = ROOT / "build" / "serve"
CLIENTS = (1, 8, 64)
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
BARS = {"throughput": "ratio >= 1.0", "p99 at 64 clients": "ratio <= 0.7", "mobilenetv2 of bare": "share >= 0.75"}


@dataclass(frozen=True)
class Case:
    """One network: its bundle, the picture that is sent, and its preprocessing as the server by hand needs it."""

    name: str
    bundle: Path
    picture: Path
    side: int
    preprocess: str


def cases() -> list[Case]:
    """Both networks; their bundles are made where they are not there yet."""
    BUILD.mkdir(parents=True, exist_ok=True)
    ship = min((PICTURES / "test" / "ship").glob("*.jpg"))
    coarse = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    large = BUILD / "scene.jpg"
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=85)
    large.write_bytes(buffer.getvalue())
    mobile = make_bundle(ROOT / "build" / "video_throughput" / "tf.edgecv", "tf")
    return [Case("resnet8", resnet8_bundle(), ship, 32, "none"), Case("mobilenetv2", mobile, large, 224, "tf")]


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], url: str, env: dict[str, str]) -> Iterator[int]:
    """Run a server until the block ends; the number of its process."""
    process = subprocess.Popen(
        command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
    )
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - of this machine
                    break
            except OSError:
                time.sleep(0.1)
        time.sleep(1)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


@contextmanager
def edgecv_serve(case: Case, workers: int) -> Iterator[tuple[int, int, str]]:
    """`edgecv serve`: its process, its port, and the path that answers."""
    port = free_port()
    command = [sys.executable, "-m", "edgecv", "serve", f"model={case.bundle}", "--port", str(port)]
    command += [
        "--workers",
        str(workers),
        "--target",
        "tflite",
        "--quiet",
        "--gate",
        "agreement=off",
        "--gate",
        "snr=off",
    ]
    with running(command, f"http://127.0.0.1:{port}/readyz", {}) as pid:
        yield pid, port, "/v2/models/model/predict"


@contextmanager
def by_hand(case: Case, workers: int) -> Iterator[tuple[int, int, str]]:
    """FastAPI, Pillow and LiteRT: its process, its port, and the path that answers."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.serve_by_hand:app", "--port", str(port)]
    command += ["--workers", str(workers), "--no-access-log", "--log-level", "warning"]
    model = next((case.bundle / "tflite").glob("*int8.tflite"))
    env = {"BY_HAND_MODEL": str(model), "BY_HAND_SIDE": str(case.side), "BY_HAND_PREPROCESS": case.preprocess}
    with running(command, f"http://127.0.0.1:{port}/docs", env) as pid:
        yield pid, port, "/predict"


SERVERS = {"edgecv serve": edgecv_serve, "by hand": by_hand}


def tree(pid: int) -> list[int]:
    """A process and all those below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += tree(int(child))
    return found


def processor_seconds(pids: list[int]) -> float:
    """The processor time of processes so far."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(one[11]) + int(one[12]) for one in fields) / TICKS


def memory(pids: list[int]) -> float:
    """The memory of processes in MB, with shared pages counted by their share."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def measure(case: Case, name: str, workers: int, seconds: float) -> dict[int, dict[str, float]]:
    """One server under every number of clients."""
    found = {}
    with SERVERS[name](case, workers) as (pid, port, path):
        for clients in CLIENTS:
            pids = tree(pid)
            before, began = processor_seconds(pids), time.perf_counter()
            command = [sys.executable, "-m", "benchmarks.serve_load", str(port), path, str(case.picture)]
            command += ["--clients", str(clients), "--seconds", str(seconds)]
            output = subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout
            one = json.loads(output)
            spent, took = processor_seconds(pids) - before, time.perf_counter() - began
            answers = one["per_second"] * (seconds + 1)
            found[clients] = {**one, "cpu_us": round(1e6 * spent / answers, 1), "memory_mb": round(memory(pids), 1)}
            print(f"{case.name:12} {name:13} {clients:3} clients: {found[clients]} ({took:.0f} s)", flush=True)
    return found


def repeat(bundle: str, picture: Path | None, seconds: float, result: Any) -> None:
    """Answer a picture again and again, or without one infer with a tensor that is ready; how often in a second."""
    with load(bundle, target="tflite") as predictor:
        zeros = {io.name: np.zeros(io.shape, io.dtype) for io in predictor.artifact.inputs}
        once = partial(predictor.backend.run, zeros) if picture is None else partial(predictor.predict, picture)
        once()
        end, count, began = time.perf_counter() + seconds, 0, time.perf_counter()
        while time.perf_counter() < end:
            once()
            count += 1
        result.put(count / (time.perf_counter() - began))


def without_server(case: Case, picture: Path | None, workers: int, seconds: float) -> float:
    """What all processes together answer in a second where nobody serves: pictures, or ready tensors without one."""
    context = multiprocessing.get_context("spawn")
    result = context.Queue()
    given = (str(case.bundle), picture, seconds, result)
    processes = [context.Process(target=repeat, args=given) for _ in range(workers)]
    for process in processes:
        process.start()
    total = sum(result.get() for _ in processes)
    for process in processes:
        process.join()
    return float(total)


def middle(rounds: list[dict[int, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The median of every figure over the rounds, by the number of clients."""
    return {
        str(clients): {name: statistics.median(one[clients][name] for one in rounds) for name in rounds[0][clients]}
        for clients in CLIENTS
    }


def compare(case: Case, workers: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Both servers and bare inference in turn, and their ratios round by round."""
    found: dict[str, list[dict[int, dict[str, float]]]] = {name: [] for name in SERVERS}
    alone, answered = [], []
    for _ in range(rounds):
        alone.append(without_server(case, None, workers, seconds))
        answered.append(without_server(case, case.picture, workers, seconds))
        for name in SERVERS:
            found[name].append(measure(case, name, workers, seconds))
    pairs = list(zip(found["edgecv serve"], found["by hand"], strict=True))
    ratios = {
        figure: {
            str(n): round(statistics.median(ours[n][figure] / other[n][figure] for ours, other in pairs), 3)
            for n in CLIENTS
        }
        for figure in ("per_second", "p99_ms", "cpu_us", "memory_mb")
    }
    best = [max(one[n]["per_second"] for n in CLIENTS) for one in found["edgecv serve"]]
    return {
        **{name: middle(all_rounds) for name, all_rounds in found.items()},
        "ratios": ratios,
        "bare_per_second": round(statistics.median(alone), 1),
        "in_process_per_second": round(statistics.median(answered), 1),
        "share_of_bare": round(statistics.median(mine / most for mine, most in zip(best, alone, strict=True)), 3),
    }


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--case", choices=("resnet8", "mobilenetv2"), action="append", help="Measure this one alone.")
    given = parser.parse_args()
    workers = len(os.sched_getaffinity(0))
    before: dict[str, Any] = json.loads(RESULTS.read_text()) if given.case and RESULTS.exists() else {}
    report: dict[str, Any] = {
        **before,
        "machine": machine_line(),
        "commit": commit(),
        "versions": versions(("ai-edge-litert", "uvicorn", "starlette", "fastapi", "pillow")),
        "load_before": [round(one, 1) for one in os.getloadavg()],
        "processors": workers,
        "rounds": given.rounds,
        "seconds": given.seconds,
        "bars": BARS,
    }
    for case in cases():
        if given.case and case.name not in given.case:
            continue
        report[case.name] = compare(case, workers, given.rounds, given.seconds)
        print(json.dumps(report[case.name]["ratios"]), report[case.name]["share_of_bare"], flush=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
