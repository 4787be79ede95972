"""Core AI models on Linux: Apple's own CPU runtime, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgecv_runtime.backends import BackendInfo
from edgecv_runtime.backends.coreai_child import receive, send
from edgecv_runtime.errors import BackendError, BundleError, MissingDependencyError
from edgecv_runtime.formats import COREAI, COREAI_CORE
from edgecv_runtime.interpreter import clean_command, clean_environment
from edgecv_runtime.schema import Artifact, TensorIO

PATIENCE: Final = 600.0  # seconds until the process counts as hung
LOG_TAIL: Final = 300  # characters


class CoreAI:
    """One model in one process; threads that call `run` wait for each other.

    The runtime takes the threads that it wants: it cannot be told.
    """

    def __init__(self, artifact: Artifact, file: Path, threads: int) -> None:
        if find_spec(COREAI_CORE.modules[0]) is None:
            raise MissingDependencyError(f"{COREAI_CORE.distributions[0]} is not installed", COREAI_CORE.install)
        self._lock = threading.Lock()
        self._inputs, self._outputs = artifact.inputs, artifact.outputs
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
            clean_command("-m", "edgecv_runtime.backends.coreai_child", str(file.absolute())),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=clean_environment(),
            cwd=os.sep,
        )
        try:
            _check_ends(artifact, self._answer()[0])
        except BaseException:
            self.close()
            raise
        name = COREAI_CORE.distributions[0]
        self.info = BackendInfo(name=name, version=version(name), providers=("CPU",), threads=threads)

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Infer once, from and to raw tensors keyed by the source model's names."""
        with self._lock:
            if self._process is None:
                raise BackendError("the model was closed")
            assert self._process.stdin is not None
            try:
                send(self._process.stdin, {io.tensor: _fitting(inputs[io.name], io) for io in self._inputs})
            except BrokenPipeError:
                raise self._died() from None
            _, found = self._answer()
            return {io.name: np.array(found[io.tensor]) for io in self._outputs}

    def close(self) -> None:
        """End the process."""
        with self._lock:
            process, self._process = self._process, None
            if process is None:
                return
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
            self._log.close()

    def _answer(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Wait for the next message, no longer than a hung process is waited for."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        timer = threading.Timer(PATIENCE, process.kill)
        timer.daemon = True
        timer.start()
        try:
            answered = receive(process.stdout)
        finally:
            timer.cancel()
        if answered is None:
            raise self._died()
        if "error" in answered[0]:
            raise BackendError(f"{COREAI.title} failed: {_first_line(answered[0]['error'])}")
        return answered

    def _died(self) -> BackendError:
        assert self._process is not None
        code = self._process.wait()
        how = f"ended with exit code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        end = f": {lines[-1].strip()[-LOG_TAIL:]}" if lines else ""
        return BackendError(
            f"the process of {COREAI.title} {how}{end}",
            "The file is damaged, or the runtime that is installed cannot take it: make the bundle again",
        )


def _check_ends(artifact: Artifact, said: Mapping[str, Any]) -> None:
    """Compare what the model takes and gives with the manifest, which the runtime does not know."""
    for kind, tensors in (("inputs", artifact.inputs), ("outputs", artifact.outputs)):
        wanted = {io.tensor: [io.dtype, list(io.shape)] for io in tensors}
        if said[kind] != wanted:
            raise BundleError(
                f"{artifact.file} has the {kind} {said[kind]}, the manifest says {wanted}",
                "Make the bundle again, or do not use it",
            )


def _fitting(values: np.ndarray, io: TensorIO) -> np.ndarray:
    """Check a tensor that goes in: the runtime itself takes any, and reads what lies behind it."""
    if values.shape != io.shape or values.dtype.name != io.dtype:
        raise BackendError(
            f"{io.name!r} takes {io.dtype} {io.shape}, and was given {values.dtype.name} {values.shape}",
        )
    return values


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or ["it gave no reason"])[0][:LOG_TAIL]
