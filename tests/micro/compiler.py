"""The C compiler that tests build with, and the strictest form in which they do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "micro_demo" / "edgecv"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g")
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def compiler(name: str = "gcc") -> str:
    """The compiler; skips the test where there is none."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str | Path) -> str:
    """Run a command; what it printed, or a failed test with it."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "runtime error" not in done.stderr, done.stderr
    assert "AddressSanitizer" not in done.stderr, done.stderr
    return done.stdout


def build(program: Path, *sources: Path, library: Path = LIBRARY) -> Path:
    """Compile sources and the whole library, with the sanitizers; returns the program."""
    parts = [path for path in sorted(library.glob("*.c")) if path.name not in {source.name for source in sources}]
    run(compiler(), *STRICT, *SANITIZED, f"-I{library}", *sources, *parts, "-lm", "-o", program)
    return program
