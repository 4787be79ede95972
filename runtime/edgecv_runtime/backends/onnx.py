"""ONNX files on ONNX Runtime, on the CPU or on CUDA."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgecv_runtime.backends import BackendInfo
from edgecv_runtime.cpu import saturates_int8
from edgecv_runtime.errors import BackendError, MissingDependencyError
from edgecv_runtime.schema import Artifact

QUIET = 3  # errors only


class OnnxRuntime:
    """One session; `run` may be called from several threads."""

    def __init__(self, artifact: Artifact, file: Path, threads: int, *, cuda: bool) -> None:
        try:
            import onnxruntime as ort
        except ImportError as error:
            extra = "onnx-gpu" if cuda else "onnx"
            raise MissingDependencyError("ONNX Runtime is not installed", f'pip install "edgecv[{extra}]"') from error
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = QUIET
        if saturates_int8():  # elsewhere the answers are the same and the precise kernels only slower
            options.add_session_config_entry("session.x64quantprecision", "1")
        wanted = "CUDAExecutionProvider" if cuda else "CPUExecutionProvider"
        if wanted not in ort.get_available_providers():
            raise BackendError(f"ONNX Runtime has no {wanted} here", 'For CUDA: pip install "edgecv[onnx-gpu]"')
        try:
            self._session = ort.InferenceSession(str(file), options, providers=[wanted])
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise BackendError(f"ONNX Runtime cannot run {artifact.file}: {reason}") from error
        providers = tuple(self._session.get_providers())
        if wanted not in providers:
            raise BackendError(f"asked for {wanted}, ONNX Runtime fell back to {', '.join(providers)}")
        self.info = BackendInfo(name="onnxruntime", version=ort.__version__, providers=providers, threads=threads)
        self._inputs = {io.tensor: io.name for io in artifact.inputs}
        self._outputs = {io.tensor: io.name for io in artifact.outputs}

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Infer once, from and to raw tensors keyed by the source model's names.

        Raises:
            BackendError: A kernel failed.
        """
        feeds = {tensor: inputs[name] for tensor, name in self._inputs.items()}
        try:
            values = self._session.run(list(self._outputs), feeds)
        except Exception as error:
            raise BackendError(f"ONNX Runtime failed: {str(error).strip()}") from error
        return dict(zip(self._outputs.values(), values, strict=True))

    def close(self) -> None:
        """Free the model."""
        self._session = None
