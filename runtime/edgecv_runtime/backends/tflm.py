"""TFLite files on TensorFlow Lite Micro, with the reference kernels that every microcontroller has, on a computer."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np

from edgecv_runtime.backends import BackendInfo
from edgecv_runtime.backends.litert import indices
from edgecv_runtime.backends.structure.tflite import check_tflite
from edgecv_runtime.backends.tflm_interpreter import NAME, TFLMInterpreter, require_tflm
from edgecv_runtime.backends.tflm_trial import check_alone
from edgecv_runtime.errors import BackendError
from edgecv_runtime.schema import Artifact


class TFLM:
    """One interpreter, in one thread whatever is asked for; threads that call `run` wait for each other."""

    def __init__(self, artifact: Artifact, file: Path, threads: int) -> None:  # noqa: ARG002 - it has no threads
        require_tflm()
        check_tflite(file, artifact.file)
        check_alone(file, artifact.file)
        self._interpreter: TFLMInterpreter | None = TFLMInterpreter(file.read_bytes())
        self.info = BackendInfo(name=NAME, version=version(NAME), providers=("reference kernels",), threads=1)
        self._lock = threading.Lock()
        self._inputs = indices(artifact, artifact.inputs, self._interpreter.inputs)
        self._outputs = indices(artifact, artifact.outputs, self._interpreter.outputs)

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Infer once, from and to raw tensors keyed by the source model's names."""
        with self._lock:
            interpreter = self._interpreter
            if interpreter is None:
                raise BackendError("the model was closed")
            values = {place: inputs[name] for name, place in self._inputs.items()}
            found = interpreter.run([values[place] for place in sorted(values)])
            return {name: found[place] for name, place in self._outputs.items()}

    def close(self) -> None:
        """Free the model, once the inference that is under way has ended."""
        with self._lock:
            self._interpreter = None
