"""Core ML packages, on macOS only."""

from __future__ import annotations

import platform
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgecv_runtime.backends import BackendInfo
from edgecv_runtime.errors import BackendError, MissingDependencyError
from edgecv_runtime.schema import Artifact


class CoreML:
    """One compiled model; Core ML chooses the processor and the threads itself."""

    def __init__(self, artifact: Artifact, file: Path, threads: int) -> None:
        if platform.system() != "Darwin":
            raise BackendError("Core ML runs on macOS only", "Verify the bundle on a Mac, or on the phone")
        try:
            import coremltools as ct
        except ImportError as error:
            raise MissingDependencyError("coremltools is not installed", 'pip install "edgecv[convert]"') from error
        self._lock = threading.Lock()
        self._model = ct.models.MLModel(str(file))
        self.info = BackendInfo(name="coreml", version=platform.mac_ver()[0], providers=("Core ML",), threads=threads)
        self._inputs = {io.tensor: io.name for io in artifact.inputs}
        self._outputs = {io.tensor: io.name for io in artifact.outputs}

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Infer once, from and to raw tensors keyed by the source model's names."""
        feeds = {tensor: inputs[name] for tensor, name in self._inputs.items()}
        model = self._model
        if model is None:
            raise BackendError("the model was closed")
        with self._lock:
            values = model.predict(feeds)
        return {name: np.asarray(values[tensor]) for tensor, name in self._outputs.items()}

    def close(self) -> None:
        """Free the model."""
        self._model = None
