"""The runtimes that execute artifacts, one file each behind one small protocol."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from edgecv_runtime import formats
from edgecv_runtime.errors import BackendError
from edgecv_runtime.preprocess.quantize import dequantize, quantize
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Artifact, Normalize, TensorIO
from edgecv_runtime.text import valid


class BackendInfo(Record, frozen=True, kw_only=True):
    """The runtime that really ran: the library and its version, its providers or delegates, and the threads."""

    name: str
    version: str
    providers: tuple[str, ...]
    threads: int

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        return f"{self.name} {self.version} ({', '.join(self.providers)}), {threads}"


class Backend(Protocol):
    """One loaded artifact; any number of threads may call `run`, which waits where the runtime takes one at a time."""

    info: BackendInfo

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Infer once, from and to raw tensors keyed by the source model's names.

        The outputs belong to the caller.

        Raises:
            BackendError: A kernel failed, a tensor has a wrong form, or the model was closed.
        """

    def close(self) -> None:
        """Free the model; a second call does nothing."""


@runtime_checkable
class SideBySide(Protocol):
    """A back end that computes several samples faster than one after the other."""

    def run_all(self, samples: Sequence[Mapping[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
        """Infer once for each, as `Backend.run` does."""


def open_backend(artifact: Artifact, file: Path, *, backend: str | None = None, threads: int = 1) -> Backend:
    """Load an artifact into a runtime; by default the CPU runtime of its format.

    Raises:
        BackendError: The name is unknown or does not run this format, or the runtime refused the file.
        MissingDependencyError: The runtime is not installed.
    """
    if threads < 1:
        raise BackendError(f"threads must be at least 1, got {threads}")
    fitting = formats.find(artifact.target).backends
    record = fitting[0] if backend is None else formats.backend(backend)
    if record not in fitting:
        raise BackendError(
            f"{record.name} does not run {artifact.target} files", f"Use {', '.join(one.name for one in fitting)}"
        )
    if valid(os.fspath(file)) != os.fspath(file):
        raise BackendError(
            f"no runtime opens {valid(os.fspath(file))}: its path is not text in this locale",
            "Rename what is not UTF-8; where the locale knows ASCII alone, set LC_ALL=C.UTF-8",
        )
    module, _, kind = record.opener.partition(":")
    opened: Backend = getattr(import_module(module), kind)(artifact, file, threads)
    return opened


def run_float(backend: Backend, artifact: Artifact, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run on real values: quantize and lay out the inputs as the artifact wants, and undo both on its outputs.

    Samples go through in the artifact's own batches; what is free in the last one is filled with the first samples.

    Args:
        backend: The loaded artifact.
        artifact: Its record.
        inputs: For each source input a float32 tensor in the source's layout (NHWC): (samples, ...).

    Returns:
        For each source output a float32 tensor: (samples, ...).
    """
    count = len(next(iter(inputs.values())))
    places = (np.arange(start, start + artifact.batch) % count for start in range(0, count, artifact.batch))
    samples = ({io.name: to_raw(inputs[io.name][rows], io) for io in artifact.inputs} for rows in places)
    answers = backend.run_all([*samples]) if isinstance(backend, SideBySide) else map(backend.run, samples)
    found = [{io.name: to_real(raw[io.name], io) for io in artifact.outputs} for raw in answers]
    return {name: np.concatenate([outputs[name] for outputs in found])[:count] for name in found[0]}


def to_raw(values: np.ndarray, io: TensorIO) -> np.ndarray:
    """Real values in the source's layout as the artifact's own dtype and layout.

    Where the artifact normalizes by itself, these are the bytes that normalize to the values, or come nearest.
    """
    if io.normalize is not None:
        values = _pixels(values, io.normalize)
    if io.layout == "NCHW":
        values = np.moveaxis(values, -1, 1)
    if io.quantization is not None:
        return np.ascontiguousarray(quantize(values, io.quantization, io.dtype))
    return np.ascontiguousarray(values, dtype=io.dtype)


def _pixels(values: np.ndarray, normalize: Normalize) -> np.ndarray:
    scale, offset = (np.asarray(numbers, np.float32) for numbers in (normalize.scale, normalize.offset))
    pixels: np.ndarray = np.rint((values - offset) / scale)
    return np.clip(pixels, 0, 255, out=pixels)


def to_real(values: np.ndarray, io: TensorIO) -> np.ndarray:
    """An artifact's own output as float32 in the source's layout."""
    real = dequantize(values, io.quantization) if io.quantization is not None else values.astype(np.float32, copy=False)
    return np.moveaxis(real, 1, -1) if io.layout == "NCHW" else real
