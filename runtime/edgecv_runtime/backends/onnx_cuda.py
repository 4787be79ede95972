"""ONNX files on ONNX Runtime's CUDA provider; falling back to the CPU is an error."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgecv_runtime.backends.onnx import open_session
from edgecv_runtime.errors import BackendError
from edgecv_runtime.ort import onnxruntime
from edgecv_runtime.schema import Artifact

CUDA = "CUDAExecutionProvider"


class OnnxCuda:
    """One session whose inputs and outputs stay bound to buffers on the GPU; one inference at a time."""

    def __init__(self, artifact: Artifact, file: Path, threads: int) -> None:
        session, self.info = open_session(artifact, file, threads, provider=CUDA, extra="onnx-gpu")
        self._bound: BoundSession | None = BoundSession(session, artifact, device="cuda")

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Infer once, from and to raw tensors keyed by the source model's names."""
        bound = self._bound
        if bound is None:
            raise BackendError("the model was closed")
        return bound.run(inputs)

    def close(self) -> None:
        """Free the model."""
        self._bound = None


class BoundSession:
    """A session with its buffers allocated once on `device` ("cuda" or "cpu") and reused by every inference.

    Source: ONNX Runtime's Python API, `SessionIOBinding` and `OrtValue`.
    """

    def __init__(self, session: Any, artifact: Artifact, *, device: str) -> None:
        value = onnxruntime().OrtValue
        self._session = session
        self._lock = threading.Lock()
        self._binding = session.io_binding()
        self._inputs = {
            io.name: value.ortvalue_from_shape_and_type(list(io.shape), np.dtype(io.dtype), device, 0)
            for io in artifact.inputs
        }
        self._outputs = {
            io.name: value.ortvalue_from_shape_and_type(list(io.shape), np.dtype(io.dtype), device, 0)
            for io in artifact.outputs
        }
        for io in artifact.inputs:
            self._binding.bind_ortvalue_input(io.tensor, self._inputs[io.name])
        for io in artifact.outputs:
            self._binding.bind_ortvalue_output(io.tensor, self._outputs[io.name])

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Copy the inputs to the device, infer, and copy the outputs back.

        Raises:
            BackendError: A tensor has another form than its buffer, or a kernel failed.
        """
        with self._lock:
            for name, buffer in self._inputs.items():
                values = inputs[name]
                if list(values.shape) != buffer.shape():
                    raise BackendError(f"the input {name!r} takes {buffer.shape()}, got {list(values.shape)}")
                buffer.update_inplace(np.ascontiguousarray(values))
            try:
                self._session.run_with_iobinding(self._binding)
            except Exception as error:
                raise BackendError(f"ONNX Runtime failed: {str(error).strip()}") from error
            return {name: np.array(buffer.numpy()) for name, buffer in self._outputs.items()}
