"""ONNX files on ONNX Runtime's CPU kernels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edgecv_runtime.backends import BackendInfo
from edgecv_runtime.backends.structure.onnx import check_onnx, second_file
from edgecv_runtime.errors import BackendError
from edgecv_runtime.files import MIB
from edgecv_runtime.ort import onnxruntime, session_options
from edgecv_runtime.schema import DATA_SUFFIX, Artifact

CPU = "CPUExecutionProvider"
OPTIMIZED = "optimized.onnx"
_OPTIMIZED_DATA = "session.optimized_model_external_initializers"


class OnnxRuntime:
    """One session; threads that call `run` at the same time run at the same time."""

    def __init__(self, artifact: Artifact, file: Path, threads: int) -> None:
        self._session, self.info = open_session(artifact, file, threads, provider=CPU, extra="onnx")
        self._inputs = {io.tensor: io.name for io in artifact.inputs}
        self._names = [io.name for io in artifact.outputs]
        self._outputs = [io.tensor for io in artifact.outputs]
        self._shapes = [io.shape for io in artifact.outputs]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Infer once, from and to raw tensors keyed by the source model's names."""
        feeds = {tensor: inputs[name] for tensor, name in self._inputs.items()}
        session = self._session
        if session is None:
            raise BackendError("the model was closed")
        try:
            values = session.run(self._outputs, feeds)
        except Exception as error:
            raise BackendError(f"ONNX Runtime failed: {str(error).strip()}") from error
        if [value.shape for value in values] != self._shapes:
            raise BackendError(f"the model answers {values[0].shape}, the manifest says {self._shapes[0]}")
        return dict(zip(self._names, values, strict=True))

    def close(self) -> None:
        """Free the model."""
        self._session = None


def open_session(
    artifact: Artifact, file: Path, threads: int, *, provider: str, extra: str, profiled_in: Path | None = None
) -> tuple[Any, BackendInfo]:
    """An ONNX Runtime session on one provider, and what it is.

    With `profiled_in` it times its operations, and writes the model that it runs into that folder, as OPTIMIZED.

    Raises:
        MissingDependencyError: ONNX Runtime is not installed.
        BackendError: It lacks the provider, refused the file, or fell back to another provider.
        BundleError: The file is damaged, or takes anything from another file than its second one.
    """
    ort = onnxruntime(extra)
    if provider not in ort.get_available_providers():
        raise BackendError(f"ONNX Runtime has no {provider} here", 'For CUDA: pip install "edgecv[onnx-gpu]"')
    _check(artifact, file)
    options = session_options(threads)
    options.add_session_config_entry("session.load_model_format", "ONNX")  # whatever the file's name ends with
    if profiled_in is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profiled_in / "profile")
        options.optimized_model_filepath = str(profiled_in / OPTIMIZED)
        if artifact.data is not msgspec.UNSET:  # or the model would be too large for the file
            options.add_session_config_entry(f"{_OPTIMIZED_DATA}_file_name", f"{OPTIMIZED}{DATA_SUFFIX}")
            options.add_session_config_entry(f"{_OPTIMIZED_DATA}_min_size_in_bytes", str(MIB))
    try:
        session = ort.InferenceSession(str(file), options, providers=[provider])
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BackendError(f"ONNX Runtime cannot run {artifact.file}: {reason}") from error
    providers = tuple(session.get_providers())
    if provider not in providers:
        raise BackendError(
            f"asked for {provider}, ONNX Runtime fell back to {', '.join(providers)}",
            "Is there a GPU, with its driver and the CUDA and cuDNN versions that onnxruntime-gpu was built for?",
        )
    info = BackendInfo(name="onnxruntime", version=ort.__version__, providers=providers, threads=threads)
    return session, info


def _check(artifact: Artifact, file: Path) -> None:
    """Refuse a file that ONNX Runtime is not to see."""
    second = None
    if artifact.data is not msgspec.UNSET:
        second = second_file(file.with_name(f"{file.name}{DATA_SUFFIX}"), artifact.data.file)
    check_onnx(file, artifact.file, second)
