"""How the time and the memory of one `edgecv convert` grow, with all of its proof."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Final

from benchmarks.scaling.networks import Network, Size, application, plain, save
from benchmarks.scaling.records import Point
from benchmarks.scaling.watch import watched

BOTH: Final = ("float32", "int8")
TARGETS: Final = ("tflite", "onnx", "coreml")
PARAMETERS, MULTIPLY_ADDS = attrgetter("parameters"), attrgetter("multiply_adds")
ARTIFACTS: Final = (
    *(f"{target}:{precision}" for precision in ("float32", "int8", "float16") for target in TARGETS),
    *("tflite:dynamic", "coreml:weights8", "coreml:palette4"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One conversion: `size` says how far along the axis it is, a number or what the network's size tells."""

    label: str
    size: float | Callable[[Size], float]
    network: Network
    precisions: tuple[str, ...] = BOTH
    samples: int = 100


@dataclass(frozen=True, slots=True)
class Axis:
    """What differs between the cases, and nothing else."""

    title: str
    name: str
    cases: tuple[Case, ...]


def _known_networks(*precisions: str) -> tuple[Case, ...]:
    names = ("MobileNetV2", "EfficientNetB0", "ResNet50", "VGG16")
    return tuple(Case(name, PARAMETERS, application(name, 224), precisions, samples=32) for name in names)


SMALL: Final = application("MobileNetV2", 96)
AXES: Final = {
    "networks": Axis("keras.applications, float32", "parameters", _known_networks("float32")),
    "networks-int8": Axis("float32 and int8 (dashed)", "parameters", _known_networks(*BOTH)),
    "parameters": Axis(
        "dense layers of 512 to 8,192 units behind the same blocks",
        "parameters",
        tuple(
            Case(f"{units:,}", PARAMETERS, plain(64, hidden=(units, units))) for units in (512, 1024, 2048, 4096, 8192)
        ),
    ),
    "multiply-adds": Axis(
        "the first convolution's stride, 16 to 1",
        "multiply-adds",
        tuple(Case(f"stride {stride}", MULTIPLY_ADDS, plain(128, stride=stride)) for stride in (16, 8, 4, 2, 1)),
    ),
    "input": Axis(
        "MobileNetV2 at 64 to 512",
        "pixels",
        tuple(
            Case(f"{side} x {side}", side * side, application("MobileNetV2", side)) for side in (64, 128, 224, 320, 512)
        ),
    ),
    "layers": Axis(
        "2 to 128 residual blocks of 8 x 8 x 32",
        "residual blocks",
        tuple(Case(f"{count}", count, plain(32, blocks=count)) for count in (2, 8, 32, 128)),
    ),
    "samples": Axis(
        "calibration samples for MobileNetV2 at 96 x 96",
        "calibration samples",
        tuple(Case(f"{count:,}", count, SMALL, samples=count) for count in (50, 100, 200, 400, 800, 1600)),
    ),
    "artifacts": Axis(
        "artifacts of MobileNetV2 at 96 x 96",
        "artifacts",
        tuple(Case(f"{count}", count, SMALL, ARTIFACTS[:count]) for count in (1, 2, 3, 6, 9, 12)),
    ),
}


def measure(cases: Sequence[Case], rounds: int) -> Iterator[Point]:
    """Convert each case as often as there are rounds; a case that fails is not tried again."""
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="edgecv-scaling-") as folder:
            found = save(case.network, case.samples, Path(folder))
            runs: list[tuple[float, int]] = []
            failed = None
            while failed is None and len(runs) < rounds:
                seconds, peak, failed = watched(command(case, Path(folder)))
                runs.append((round(seconds, 2), peak))
        yield Point(
            label=case.label,
            size=case.size(found) if callable(case.size) else case.size,
            seconds=tuple(seconds for seconds, _ in runs),
            peak_bytes=tuple(peak for _, peak in runs),
            failed=failed,
        )


def command(case: Case, folder: Path) -> list[str]:
    """The command of a case: the weights are random, so a gate that they fail does not end it."""
    words = [sys.executable, "-m", "edgecv", "convert", str(folder / "model.keras"), "--preprocess", "none"]
    words += ["--quantize", ",".join(case.precisions), "--output", str(folder / "made.edgecv"), "--force"]
    words += ["--calibrate", str(folder / "pictures"), "--samples", str(case.samples), "--keep-failing"]
    if any(":" in precision for precision in case.precisions):
        words += ["--target", ",".join(dict.fromkeys(precision.partition(":")[0] for precision in case.precisions))]
    return words
