"""TensorFlow Lite Micro's own interpreter on a computer: its numbers, its errors in words, and the memory it takes."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edgecv_runtime.errors import BackendError, MissingDependencyError
from edgecv_runtime.formats import TFLITE_MICRO

NAME: Final = TFLITE_MICRO.name
ARENAS: Final = (64 << 20, 1 << 30)  # bytes that are tried; the system gives only those that are written to
ALLOCATED: Final = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")
_LOG: Final = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArenaUse:
    """The bytes of the arena that a file needs.

    Attributes:
        total: All of them.
        head: Those for activations, which share memory where they can.
        tail: Those that stay: what the interpreter knows of tensors and operators.
    """

    total: int
    head: int
    tail: int


class TFLMError(BackendError):
    """TFLM refused a file; `log` is what it wrote about it."""

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.log = log


class TFLMInterpreter:
    """One file in TFLM's interpreter.

    Args:
        data: The file, which must be whole: TFLM believes every number in it.
        arena: The bytes of its memory; None for more than enough.
        watched: Keep every tensor's values, for `tensor`, in place of a record of the memory, for `arena_use`.

    Raises:
        TFLMError: TFLM refuses the file, or the arena is too small.
        MissingDependencyError: TFLM is not installed.
    """

    def __init__(self, data: bytes, *, arena: int | None = None, watched: bool = False) -> None:
        runtime = require_tflm()
        kinds = runtime.InterpreterConfig
        kind = kinds.kPreserveAllTensors if watched else kinds.kAllocationRecording
        sizes = ARENAS if arena is None else (arena,)
        for size in sizes:
            with captured() as log:
                try:
                    self._interpreter = runtime.Interpreter.from_bytes(data, arena_size=size, intrepreter_config=kind)
                except RuntimeError as error:
                    if size == sizes[-1]:
                        raise TFLMError(f"TFLM refuses the file: {first_line(log()) or error}", log()) from error
                else:
                    break
        graph = runtime.schema_fb.Model.GetRootAs(data, 0).Subgraphs(0)
        details = self._interpreter
        self.inputs = [
            _detail(graph, graph.Inputs(place), place, details.get_input_details(place))
            for place in range(graph.InputsLength())
        ]
        self.outputs = [
            _detail(graph, graph.Outputs(place), place, details.get_output_details(place))
            for place in range(graph.OutputsLength())
        ]

    def run(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Infer once: a value for each input, in the file's order; those of the outputs, which belong to the caller.

        Raises:
            BackendError: A kernel failed, or a value has a wrong form.
        """
        try:
            for place, value in enumerate(values):
                self._interpreter.set_input(np.ascontiguousarray(value), place)
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise BackendError(f"TFLM failed: {str(error).strip()}") from error
        return [np.array(self._interpreter.get_output(place)) for place in range(len(self.outputs))]

    def tensor(self, number: int) -> np.ndarray:
        """Return a copy of the values of any tensor of a watched file, by its number in the file."""
        return np.array(self._interpreter.GetTensor(number, 0)["tensor_data"])

    def arena_use(self) -> ArenaUse:
        """Return the memory that the file took; there was an inference before."""
        with captured() as log:
            self._interpreter.print_allocations()
            found = {name: int(size) for name, size in ALLOCATED.findall(log())}
        return ArenaUse(**found)


@contextmanager
def captured() -> Iterator[Callable[[], str]]:
    """Keep what native code writes to the standard error off the terminal; what is given tells it."""
    with _LOG, tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)

        def read() -> str:
            return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")

        try:
            yield read
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _detail(graph: Any, number: int, place: int, detail: dict[str, Any]) -> dict[str, Any]:
    """Return what LiteRT's interpreter tells of an input or output: its `index` is its place here."""
    return {**detail, "name": graph.Tensors(number).Name().decode(), "index": place, "number": number}


def first_line(log: str) -> str:
    """Return the first line that TFLM wrote, which is the nearest to the cause; empty where it wrote nothing."""
    return next((line.strip() for line in log.splitlines() if line.strip()), "")


def require_tflm() -> Any:
    """Import TFLM's Python module.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        from tflite_micro import runtime
    except ImportError as error:
        raise MissingDependencyError(f"{NAME} is not installed", TFLITE_MICRO.install) from error
    return runtime
