"""What the lean install costs: bytes by package, and the time that the import takes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tests.arm.emulator import SetupError
from tests.arm.wheels import sizes

BASE = "import numpy, PIL.Image"
IMPORTS = (BASE, "import edgecv_runtime", "from edgecv_runtime import load")
ROUNDS = 21
HEAVY = ("tensorflow", "keras")


def measure(wheel: Path, extra: str, folder: Path) -> dict[str, Any]:
    """Install `edgecv[extra]`, newest versions, into an empty virtual environment of this machine.

    Raises:
        SetupError: pip failed, or TensorFlow came with it.
    """
    place = folder / f"venv-{extra}"
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    python = place / "bin" / "python"
    command = [str(python), "-m", "pip", "--quiet", "install", f"{wheel}[{extra}]"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"pip install edgecv[{extra}] failed", done.stderr.strip().splitlines()[-1])
    packages = sizes(next((place / "lib").glob("python3*/site-packages")))
    ours = {name: size for name, size in packages.items() if name not in {"pip", "setuptools"}}
    if heavy := [name for name in ours if name.lower() in HEAVY]:
        raise SetupError(f"edgecv[{extra}] pulled {heavy[0]}", "The lean install must not: see pyproject.toml")
    return {**weights(ours), "imports": import_times(python)}


def weights(packages: dict[str, int]) -> dict[str, Any]:
    """All megabytes, and those of the five largest packages."""
    megabytes = {name: round(size / 1e6, 1) for name, size in packages.items()}
    largest = dict(list(megabytes.items())[:5])
    return {"packages": len(packages), "megabytes": round(sum(packages.values()) / 1e6, 1), "largest": largest}


def import_times(python: Path) -> dict[str, dict[str, float]]:
    """Milliseconds of each import in fresh interpreters, in turn, and its ratio to `BASE` of the same round.

    Medians, and for the ratio the 10th and 90th percentile.
    """
    rounds = [{line: import_time(python, line) for line in IMPORTS} for _ in range(ROUNDS)][1:]  # the first warms up
    found = {}
    for line in IMPORTS:
        ratios = quantiles([times[line] / times[BASE] for times in rounds], n=10)
        spread = {"ratio": ratios[4], "p10": ratios[0], "p90": ratios[8]}
        values = {"ms": median(times[line] for times in rounds), **spread}
        found[line] = {name: round(value, 2) for name, value in values.items()}
    return found


def import_time(python: Path, line: str) -> float:
    """Milliseconds that one fresh interpreter takes for it."""
    timed = f"import time; t = time.perf_counter(); {line}; print(1e3 * (time.perf_counter() - t))"
    return float(subprocess.run([python, "-c", timed], capture_output=True, text=True, check=True).stdout)
