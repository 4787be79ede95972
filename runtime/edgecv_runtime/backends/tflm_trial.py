"""Tries a file in TFLM in a process of its own: some damaged ones end the process, whatever was checked before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np

from edgecv_runtime.backends.tflm_interpreter import TFLMInterpreter
from edgecv_runtime.errors import BackendError
from edgecv_runtime.interpreter import clean_command, clean_environment

REFUSED: Final = 3  # the exit code of a process that was told why
SECONDS: Final = 60


def check_alone(file: Path, name: str) -> None:
    """Run a file once in another process, on zeros.

    Args:
        file: Where it lies.
        name: What it is called in an error.

    Raises:
        BackendError: TFLM refuses it, crashes on it, or does not end.
    """
    command = clean_command("-m", "edgecv_runtime.backends.tflm_trial", str(file.absolute()))
    try:
        done = subprocess.run(
            command, env=clean_environment(), capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise BackendError(f"TFLM does not end on {name} in {SECONDS} seconds", "It is no model for it") from error
    if done.returncode == REFUSED:
        raise BackendError(f"{name}: {done.stdout.strip()}", "Make the bundle again")
    if done.returncode:
        raise BackendError(f"TFLM crashes on {name}: the file is damaged", "Make the bundle again, or do not use it")


def main() -> None:
    """Run the file that the command line names, and end with REFUSED and the reason where TFLM says one."""
    try:
        interpreter = TFLMInterpreter(Path(sys.argv[1]).read_bytes())
        interpreter.run([np.zeros(detail["shape"], detail["dtype"]) for detail in interpreter.inputs])
    except BackendError as error:
        sys.stdout.write(error.message)
        raise SystemExit(REFUSED) from None


if __name__ == "__main__":
    main()
