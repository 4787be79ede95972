"""How the time and the memory of `edgecv convert` grow: `benchmarks/results/scaling.json`.

    python -m benchmarks.scaling [NAME ...] [--int8]

Each network is untrained, of `keras.applications`, and converted in float32 (with --int8 in int8 too) to all targets,
in a process of its own. Its memory is the highest sum of the proportional set sizes (PSS) of that process and of all
that it started, looked at five times a second. An exponent is the slope of a straight line through the logarithms of
what was measured and of the parameters; it needs three networks whose conversion ended. A gate that an untrained
network is over ends it as well: all the work was done. Named networks are merged into what was measured.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from edgecv_runtime.errors import GateError
from edgecv_runtime.records import Record

from benchmarks.origin import commit
from edgecv.machine import machine_line

RESULTS: Final = Path(__file__).resolve().parent / "results" / "scaling.json"
NETWORKS: Final = {"MobileNetV2": 224, "EfficientNetB0": 224, "ResNet50": 224, "VGG16": 224}
SECONDS: Final = 0.2
ENDED: Final = frozenset({0, GateError.exit_code})
SAMPLES: Final = 32


class Cost(Record, frozen=True, kw_only=True):
    """What one conversion took: where it did not end as one, `failed` has the last line that it said, or its status."""

    network: str
    parameters: int
    side: int
    precisions: tuple[str, ...]
    seconds: float
    peak_bytes: int
    failed: str | None = None
    machine: str
    commit: str


class Scaling(Record, frozen=True, kw_only=True):
    """All that was measured, and the exponents by precision: of seconds and of bytes, over parameters."""

    costs: tuple[Cost, ...]
    exponents: dict[str, tuple[float, float]]


def pss(pid: int) -> int:
    """The proportional set size of a process in bytes; 0 where it is gone."""
    try:
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return 1024 * int(found[1]) if found else 0


def tree(root: int) -> list[int]:
    """A process and all that it and its children have started."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(folder.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def watched(command: Sequence[str]) -> tuple[float, int, str | None]:
    """Run a command: its seconds, the peak of its memory, and how it failed where it did."""
    began, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as said, subprocess.Popen(command, stdout=said, stderr=said) as run:
        while run.poll() is None:
            peak = max(peak, sum(map(pss, tree(run.pid))))
            time.sleep(SECONDS)
        said.seek(0)
        lines = said.read().strip().splitlines()
    return time.monotonic() - began, peak, failure(run.returncode, lines)


def failure(status: int, lines: Sequence[str]) -> str | None:
    """Say how a process that said these lines failed; None where it did not."""
    if status in ENDED:
        return None
    if status < 0:
        return f"stopped by {signal.Signals(-status).name}"
    return lines[-1] if lines else f"exit status {status}"


def measure(name: str, precisions: tuple[str, ...], folder: Path) -> Cost:
    """Make a network, and convert it."""
    import keras

    keras.utils.set_random_seed(0)
    side = NETWORKS[name]
    model = getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3))
    parameters = model.count_params()
    model.save(folder / f"{name}.keras")
    del model
    samples = np.random.default_rng(0).uniform(0, 1, (SAMPLES, side, side, 3)).astype(np.float32)
    np.savez(folder / "samples.npz", x=samples)
    command = [sys.executable, "-m", "edgecv", "convert", str(folder / f"{name}.keras"), "--output"]
    command += [str(folder / f"{name}.edgecv"), "--preprocess", "tensor", "--quantize", ",".join(precisions)]
    command += ["--keep-failing", "--force"]
    if "int8" in precisions:
        command += ["--calibrate", str(folder / "samples.npz")]
    seconds, peak, failed = watched(command)
    return Cost(
        network=name,
        parameters=parameters,
        side=side,
        precisions=precisions,
        seconds=round(seconds, 1),
        peak_bytes=peak,
        failed=failed,
        machine=machine_line(),
        commit=commit(),
    )


def exponents(costs: Sequence[Cost]) -> dict[str, tuple[float, float]]:
    """Fit seconds and bytes over parameters, for each choice of precisions with three networks that converted."""
    found = {}
    for precisions in sorted({cost.precisions for cost in costs}):
        alike = [cost for cost in costs if cost.precisions == precisions and cost.failed is None]
        if len({cost.parameters for cost in alike}) < 3:
            continue
        sizes = np.log([cost.parameters for cost in alike])
        slopes = [
            round(float(np.polyfit(sizes, np.log(values), 1)[0]), 2)
            for values in ([cost.seconds for cost in alike], [cost.peak_bytes for cost in alike])
        ]
        found["+".join(precisions)] = (slopes[0], slopes[1])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the named networks, by default all, and merge them into the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NETWORKS))
    parser.add_argument("--int8", action="store_true")
    given = parser.parse_args(arguments)
    if not set(given.names) <= set(NETWORKS):
        parser.error(f"the networks are {', '.join(NETWORKS)}")
    precisions = ("float32", "int8") if given.int8 else ("float32",)
    old = msgspec.json.decode(RESULTS.read_bytes(), type=Scaling).costs if RESULTS.exists() else ()
    costs = {(cost.network, cost.precisions): cost for cost in old}
    for name in given.names or NETWORKS:
        with tempfile.TemporaryDirectory(prefix="edgecv-scaling-") as folder:
            cost = measure(name, precisions, Path(folder))
        made = f"{cost.seconds:.0f} s, {cost.peak_bytes / 1e9:.2f} GB, {cost.failed or 'made'}"
        print(f"{name} {'+'.join(precisions)}: {made}")
        costs[name, precisions] = cost
        kept = tuple(costs.values())
        found = Scaling(costs=kept, exponents=exponents(kept))
        RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
