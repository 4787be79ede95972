"""How the time of one inference grows with the batch, and how it falls with threads; and `run` with its pictures."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np
from edgecv_runtime import Predictor, load

from benchmarks.interleave import in_turn
from benchmarks.scaling.networks import application, save
from benchmarks.scaling.records import Point
from benchmarks.scaling.watch import watched

BATCHES: Final = (1, 2, 4, 8, 16, 32, 64)
PICTURES: Final = (250, 1000, 4000, 16000)
NETWORK: Final = application("MobileNetV2", 96)
DISTINCT: Final = 100  # pictures; a longer folder has links to them
TARGETS: Final = ("tflite", "onnx")
PRECISIONS: Final = ("float32", "int8")
FEWEST, TURN = 9, 30  # rounds, and calls in one: threads of another session spin on for a while


def threads() -> tuple[int, ...]:
    """1, 2, 4 and so on up to the cores, and once more than there are."""
    cores = len(os.sched_getaffinity(0))
    return tuple(count for count in (1, 2, 4, 8, 16, 32, 64) if count <= 2 * cores)


def batches(rounds: int) -> Iterator[tuple[str, Point]]:
    """ONNX artifacts that take so many pictures at once, on one thread: seconds of one call, by precision."""
    with tempfile.TemporaryDirectory(prefix="edgecv-scaling-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        save(NETWORK, DISTINCT, folder)
        bundles = {batch: _bundle(folder, batch) for batch in BATCHES}
        for precision in PRECISIONS:
            opened = [
                stack.enter_context(load(bundle, target="onnx", precision=precision)) for bundle in bundles.values()
            ]
            for batch, seconds in zip(bundles, _timed(opened, rounds), strict=True):
                yield f"onnx {precision}", Point(label=f"{batch}", size=batch, seconds=seconds)


def by_threads(rounds: int) -> Iterator[tuple[str, Point]]:
    """Seconds of one inference, by target and precision."""
    with tempfile.TemporaryDirectory(prefix="edgecv-scaling-") as scratch, ExitStack() as stack:
        save(NETWORK, DISTINCT, Path(scratch))
        bundle = _bundle(Path(scratch), 1)
        for target in TARGETS:
            for precision in PRECISIONS:
                opened = [
                    stack.enter_context(load(bundle, target=target, precision=precision, threads=count))
                    for count in threads()
                ]
                for count, seconds in zip(threads(), _timed(opened, rounds), strict=True):
                    yield f"{target} {precision}", Point(label=f"{count}", size=count, seconds=seconds)


def pictures(rounds: int) -> Iterator[tuple[str, Point]]:
    """`edgecv run` over folders of so many pictures: seconds and memory."""
    with tempfile.TemporaryDirectory(prefix="edgecv-scaling-") as scratch:
        folder = Path(scratch)
        save(NETWORK, DISTINCT, folder)
        bundle = _bundle(folder, 1)
        files = sorted((folder / "pictures").rglob("*.png"))
        for count in PICTURES:
            place = folder / f"of-{count}"
            place.mkdir()
            for number in range(count):
                os.link(files[number % len(files)], place / f"{number:06d}.png")
            command = [sys.executable, "-m", "edgecv", "run", str(bundle), str(place), "--precision", "int8"]
            runs = [watched(command) for _ in range(rounds)]
            yield (
                "edgecv run, MobileNetV2 int8",
                Point(
                    label=f"{count:,}",
                    size=count,
                    seconds=tuple(round(seconds, 2) for seconds, _, _ in runs),
                    peak_bytes=tuple(peak for _, peak, _ in runs),
                    failed=next((failed for _, _, failed in runs if failed), None),
                ),
            )


def _bundle(folder: Path, batch: int) -> Path:
    import edgecv

    made = folder / f"{batch}.edgecv"
    edgecv.convert(
        folder / "model.keras",
        made,
        quantize=PRECISIONS,
        targets=TARGETS if batch == 1 else ("onnx",),
        preprocess="none",
        calibrate=folder / "pictures",
        batch=batch,
        keep_failing=True,
    )
    return made


def _timed(opened: list[Predictor], rounds: int) -> list[tuple[float, ...]]:
    """The seconds of one call of each, in turn, one entry for each round."""
    rng = np.random.default_rng(0)
    ways = []
    for predictor in opened:
        tensors = {io.name: rng.integers(0, 256, io.shape).astype(io.dtype) for io in predictor.artifact.inputs}
        ways.append(lambda backend=predictor.backend, given=tensors: backend.run(given))
    times = in_turn(ways, [TURN] * len(ways), rounds=max(rounds, FEWEST))
    return [tuple(float(us) / 1e6 for us in found) for found in times]
