"""Runs a .tflite file one sample at a time with any of its tensors in view, by the kernels that a device runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from itertools import cycle
from typing import Any, ClassVar, Self

import numpy as np
from edgecv_runtime.errors import ConversionError

from edgecv_converters.tflite.describe import parsed
from edgecv_converters.tflite.reader import Array

OUTPUTS_FIELD = 8  # of a SubGraph, in its vtable
AHEAD = 1  # samples that are computed while one is looked at: each is in the memory of an interpreter of its own
THREADS = 1  # more wait for each other where the machine has other work


class UnusableFileError(ConversionError):
    """The kernels do not take a file: its scales are so far apart that none can bring one to the other."""


def litert(data: bytes) -> Any:
    """LiteRT's interpreter of a file, ready to run.

    Raises:
        UnusableFileError: LiteRT's kernels refuse it.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=data, num_threads=THREADS)
    try:
        interpreter.allocate_tensors()
    except RuntimeError as error:
        raise UnusableFileError(f"LiteRT does not take the file: {str(error).strip()}") from error
    return interpreter


class Kernels:
    """The kernels that this process runs int8 files by. `current` opens an interpreter of the form of LiteRT's."""

    current: ClassVar[Callable[[bytes], Any]] = staticmethod(litert)

    @classmethod
    @contextmanager
    def used(cls, opener: Callable[[bytes], Any]) -> Iterator[None]:
        """Run int8 files by other kernels for a while."""
        before, cls.current = cls.current, opener
        try:
            yield
        finally:
            cls.current = before


def interpreter_of(data: bytes) -> Any:
    """An interpreter of a file, ready to run: of an int8 file by the kernels that are used, of a float file LiteRT's.

    Raises:
        UnusableFileError: The kernels refuse it.
    """
    return Kernels.current(data) if _is_quantized(data) else litert(data)


def _is_quantized(data: bytes) -> bool:
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.Model.GetRootAs(data, 0).Subgraphs(0)
    return any(graph.Tensors(number).Type() == schema.TensorType.INT8 for number in range(graph.TensorsLength()))


def invoke(interpreter: Any) -> None:
    """Compute one sample, whose values are set.

    Raises:
        UnusableFileError: A kernel refuses the values: LiteRT's does not divide by what int8 rounds to 0.
    """
    try:
        interpreter.invoke()
    except RuntimeError as error:
        raise UnusableFileError(f"the int8 file cannot be run: {str(error).strip()}") from error


class WatchedFile:
    """Runs a file with the watched tensors as outputs beside its own, as XNNPACK keeps no result that is not one.

    `outputs` are the numbers of the file's own outputs, in its order.

    Args:
        data: The file.
        tensors: The numbers of what is watched; inputs, constants and what no operation gives are left out.
    """

    def __init__(self, data: bytes, tensors: Collection[int]) -> None:
        graph = parsed(data).subgraphs[0]
        given = {int(number) for operator in graph.operators for number in operator.outputs}
        self._inputs = [int(number) for number in graph.inputs]
        self.outputs = file_outputs(data)
        self._shown = [*self.outputs, *sorted((given & set(tensors)) - set(self.outputs))]
        self._data = _with_outputs(data, self._shown)
        self._interpreter: Any = None
        self.open()

    def open(self) -> None:
        """Give it an interpreter of its own."""
        self._interpreter = interpreter_of(self._data)

    def another(self) -> Self:
        """One more of the same file, whose bytes both read: it runs while this one is looked at."""
        other = copy(self)
        other.open()
        return other

    def run(self, feed: Sequence[Array]) -> None:
        """Compute one sample: a value of batch 1 for each input, in the file's order.

        Raises:
            UnusableFileError: A kernel refuses the values.
        """
        for number, value in zip(self._inputs, feed, strict=True):
            self._interpreter.set_tensor(number, value)
        invoke(self._interpreter)

    def look(self, at: Callable[[int, Array], None]) -> None:
        """Show the inputs, the outputs and what is watched: `at` is called once with the number and the values of each.

        The values are the interpreter's own memory, which the next run overwrites: `at` copies what it keeps.
        """
        for number in dict.fromkeys((*self._inputs, *self._shown)):  # an output may be given twice, or be an input
            at(number, self._interpreter.tensor(number)())

    def value(self, number: int) -> Array:
        """A copy of what one of them holds."""
        found: Array = self._interpreter.get_tensor(number)
        return found


def file_outputs(data: bytes) -> list[int]:
    """The numbers of a file's own outputs, in its order."""
    return [int(number) for number in parsed(data).subgraphs[0].outputs]


def in_turn(data: bytes, tensors: Collection[int], feeds: Iterable[Sequence[Array]]) -> Iterator[WatchedFile]:
    """The file after each sample, to be looked at: meanwhile other interpreters compute the next samples."""
    first = WatchedFile(data, tensors)
    files = cycle([first, *(first.another() for _ in range(AHEAD))])
    with ThreadPoolExecutor(AHEAD) as beside:
        running: deque[tuple[WatchedFile, Future[None]]] = deque()
        for feed in feeds:
            file = next(files)
            running.append((file, beside.submit(file.run, feed)))
            if len(running) > AHEAD:
                yield _done(*running.popleft())
        while running:
            yield _done(*running.popleft())


def _done(file: WatchedFile, computed: Future[None]) -> WatchedFile:
    computed.result()
    return file


def rows_of(inputs: Sequence[Array], count: int) -> Iterator[list[Array]]:
    """The first samples, one by one: a value of batch 1 for each input."""
    return ([values[row : row + 1] for values in inputs] for row in range(count))


def _with_outputs(data: bytes, tensors: Sequence[int]) -> bytes:
    """The file with other outputs: their list is put at its end, and what referred to the old one refers to it."""
    from ai_edge_litert import schema_py_generated as schema

    table = schema.Model.GetRootAs(data, 0).Subgraphs(0)._tab  # noqa: SLF001 - the schema shows no positions
    place = table.Pos + table.Offset(OUTPUTS_FIELD)
    room = -len(data) % 4
    whole, offset = memoryview(data), np.array([len(data) + room - place], "<u4").tobytes()
    listed = np.array([len(tensors), *tensors], "<i4").tobytes()
    return b"".join((whole[:place], offset, whole[place + len(offset) :], bytes(room), listed))
