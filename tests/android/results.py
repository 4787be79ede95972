"""Read with Python what the Kotlin benchmark wrote.

Usage: python -m tests.android.results, after `mvn verify` has written build/android/results.

Every result goes through `edgecv bench BUNDLE --import`, which checks the schema, the identity and the digests; and its
answers must be those of Python's own backend: equal for int8, within a millionth for float32.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from edgecv_runtime.backends import open_backend, run_float
from edgecv_runtime.bench.result import BenchRow, read_result
from edgecv_runtime.bundle import Bundle

from tests.android.bundles import BUILD

NAMES = ("digits", "digits_int8")
TOLERANCE = {"float32": 1e-6, "int8": 0.0}


def main() -> int:
    """Check every result; prints what was compared."""
    for name in NAMES:
        result, bundle = BUILD / "results" / f"{name}.json", BUILD / f"{name}.edgecv"
        imported(bundle, result)
        rows = read_result(result).rows
        compared = sum(
            compare(bundle, row, result.with_suffix(".answers") / str(number)) for number, row in enumerate(rows)
        )
        print(f"{name}: {len(rows)} rows imported, {compared} outputs are Python's")
    return 0


def imported(bundle: Path, result: Path) -> None:
    """Let `edgecv bench --import` read a result.

    Raises:
        SystemExit: It refuses.
    """
    command = [sys.executable, "-m", "edgecv", "bench", str(bundle), "--import", str(result), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"edgecv bench --import {result.name}: {done.stderr}")


def compare(path: Path, row: BenchRow, answers: Path) -> int:
    """Return how many outputs of one row were compared, in both data sets.

    Raises:
        SystemExit: One differs.
    """
    with Bundle.load(path) as bundle:
        artifact = bundle.artifact("onnx", row.precision)
        samples = np.load(BUILD / f"{bundle.manifest.name}.samples" / "0.npy")
        backend = open_backend(artifact, bundle.path(artifact))
        (name,) = (spec.name for spec in bundle.manifest.inputs)
        wanted = [next(iter(run_float(backend, artifact, {name: one[None]}).values()))[0] for one in samples]
        backend.close()
    for kind in ("golden", "evaluation"):
        made = np.load(answers / kind / "0.npy")
        worst = np.abs(made - np.stack(wanted)).max()
        if made.shape != np.stack(wanted).shape or not worst <= TOLERANCE[row.precision]:
            raise SystemExit(f"{row.title}: {kind} answers differ from Python's by {worst}")
    return 2 * len(wanted)


if __name__ == "__main__":
    sys.exit(main())
