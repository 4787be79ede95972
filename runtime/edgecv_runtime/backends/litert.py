"""TFLite files on LiteRT, or on tflite-runtime where that is what is installed."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from edgecv_runtime.backends import BackendInfo
from edgecv_runtime.backends.structure.tflite import check_tflite
from edgecv_runtime.errors import BackendError, BundleError, MissingDependencyError
from edgecv_runtime.schema import Artifact, TensorIO

LIBRARIES = (("ai_edge_litert.interpreter", "ai-edge-litert"), ("tflite_runtime.interpreter", "tflite-runtime"))


class LiteRT:
    """One interpreter on the CPU, with XNNPACK where it takes the ops; threads that call `run` wait for each other."""

    def __init__(self, artifact: Artifact, file: Path, threads: int) -> None:
        module, package = _library()
        check_tflite(file, artifact.file)
        try:
            with _quiet():
                self._interpreter = module.Interpreter(model_path=str(file), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, SystemError) as error:
            raise BackendError(f"{package} cannot run {artifact.file}: {_reason(error)}", _hint(error)) from error
        self.info = BackendInfo(
            name=package, version=version(package), providers=_delegates(self._interpreter), threads=threads
        )
        self._lock = threading.Lock()
        self._inputs = indices(artifact, artifact.inputs, self._interpreter.get_input_details())
        self._outputs = indices(artifact, artifact.outputs, self._interpreter.get_output_details())

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Infer once, from and to raw tensors keyed by the source model's names."""
        with self._lock:
            interpreter = self._interpreter
            if interpreter is None:
                raise BackendError("the model was closed")
            try:
                for name, index in self._inputs.items():
                    interpreter.set_tensor(index, inputs[name])
                interpreter.invoke()
            except (ValueError, RuntimeError, SystemError) as error:
                raise BackendError(f"{self.info.name} failed: {str(error).strip()}", _hint(error)) from error
            return {name: interpreter.get_tensor(index) for name, index in self._outputs.items()}

    def operators(self) -> Iterator[tuple[str, str, tuple[bool, ...]]]:
        """Every operator of the file in its order: kind, name of what it gives, and which of its ends are floats.

        Its ends are its first input and its first output.
        """
        tensors = {detail["index"]: detail for detail in self._interpreter.get_tensor_details()}
        for found in _operations(self._interpreter):
            ends = [
                tensors[side[0]] for side in (found["inputs"], found["outputs"]) if len(side) and side[0] in tensors
            ]
            if found["op_name"] != "DELEGATE" and ends:
                yield found["op_name"], ends[-1]["name"], tuple(np.dtype(end["dtype"]).kind == "f" for end in ends)

    def close(self) -> None:
        """Free the model, once the inference that is under way has ended."""
        with self._lock:
            self._interpreter = None


def indices(artifact: Artifact, tensors: Sequence[TensorIO], details: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
    """Find the interpreter's index of each of the manifest's inputs or outputs; the file must have the same form.

    Raises:
        BackendError: The file lacks one.
        BundleError: One has another shape, dtype, scale or zero point than the manifest says.
    """
    there = {detail["name"]: detail for detail in details}
    for io in tensors:
        if io.tensor not in there:
            raise BackendError(f"{artifact.file} has no tensor {io.tensor!r}", "Make the bundle again")
        shape, dtype = tuple(map(int, there[io.tensor]["shape"])), np.dtype(there[io.tensor]["dtype"]).name
        if (shape, dtype) != (io.shape, io.dtype):
            raise BundleError(
                f"{io.tensor!r} in {artifact.file} is {dtype} {shape}, the manifest says {io.dtype} {io.shape}",
                "Make the bundle again, or do not use it",
            )
        _check_quantization(artifact, io, there[io.tensor]["quantization_parameters"])
    return {io.name: there[io.tensor]["index"] for io in tensors}


def _check_quantization(artifact: Artifact, io: TensorIO, found: Mapping[str, Any]) -> None:
    """See that the file's scale and zero point are the manifest's; integers without any stand for themselves."""
    if io.quantization is None:
        return
    said = (np.float32(io.quantization.scale), io.quantization.zero_point)
    pairs = list(zip(found["scales"], map(int, found["zero_points"]), strict=True)) or [(np.float32(1), 0)]
    if pairs != [said]:
        raise BundleError(
            f"{io.tensor!r} in {artifact.file} has the scale {pairs[0][0]} and the zero point {pairs[0][1]}, "
            f"the manifest says {said[0]} and {said[1]}",
            "Make the bundle again, or do not use it",
        )


def _reason(error: Exception) -> str:
    """The line that says most: the operation that is not known, else the last one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return next((line for line in lines if "Didn't find op" in line), lines[-1])


def _hint(error: Exception) -> str | None:
    if isinstance(error, SystemError):  # tflite-runtime 2.14 was built for NumPy 1 and fails so with NumPy 2
        return 'tflite-runtime needs NumPy 1: pip install "numpy<2"'
    if "Didn't find op" in str(error):
        return "This runtime is older than the file: install a newer one, or use another precision"
    return None


def _delegates(interpreter: Any) -> tuple[str, ...]:
    """XNNPACK where the interpreter has handed operations to its default delegate, else the built-in CPU kernels."""
    return ("XNNPACK",) if any(op["op_name"] == "DELEGATE" for op in _operations(interpreter)) else ("CPU",)


def _operations(interpreter: Any) -> list[dict[str, Any]]:
    """Return what an interpreter tells of its operations; nothing where it is too old."""
    details: list[dict[str, Any]] = getattr(interpreter, "_get_ops_details", list)()
    return details


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the notes that the C++ library writes while it loads ("Created XNNPACK delegate") off the terminal."""
    sys.stderr.flush()
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def _library() -> tuple[Any, str]:
    for module, package in LIBRARIES:
        try:
            return importlib.import_module(module), package
        except ImportError:
            continue
    raise MissingDependencyError("no TFLite runtime is installed", 'pip install "edgecv[litert]"')
