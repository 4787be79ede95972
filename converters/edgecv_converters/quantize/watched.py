"""Runs a .tflite file one sample at a time with any of its tensors in view, by the kernels that a device runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np
from edgecv_runtime.errors import ConversionError

from edgecv_converters.tflite.describe import load
from edgecv_converters.tflite.reader import Array
from edgecv_converters.tflite.write import packed

THREADS = 1  # more wait for each other where the machine has other work


class UnusableFileError(ConversionError):
    """LiteRT does not take a file: its scales are so far apart that no kernel can bring one to the other."""


def interpreter_of(data: bytes) -> Any:
    """An interpreter of a file, ready to run.

    Raises:
        UnusableFileError: LiteRT's kernels refuse it.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=data, num_threads=THREADS)
    try:
        interpreter.allocate_tensors()
    except RuntimeError as error:
        raise UnusableFileError(f"LiteRT does not take the int8 file: {str(error).strip()}") from error
    return interpreter


class WatchedFile:
    """A file whose watched tensors are outputs as well: XNNPACK keeps no other results in between.

    `outputs` are the numbers of the file's own outputs, in its order.

    Args:
        data: The file.
        tensors: The numbers of what is watched; inputs, constants and what no operation gives are left out.
    """

    def __init__(self, data: bytes, tensors: Collection[int]) -> None:
        model = load(data)
        graph = model.subgraphs[0]
        given = {int(number) for operator in graph.operators for number in operator.outputs}
        own = [int(number) for number in graph.outputs]
        self._inputs = [int(number) for number in graph.inputs]
        self.outputs = own
        self._shown = [*own, *sorted((given & set(tensors)) - set(own))]
        graph.outputs = np.array(self._shown, np.int32)
        model.signatureDefs = None
        self._interpreter = interpreter_of(packed(model, len(data) + 1024))
        self._taken = [detail["index"] for detail in self._interpreter.get_input_details()]
        self._given = [detail["index"] for detail in self._interpreter.get_output_details()]

    def run(self, feed: Sequence[Array], look: Callable[[int, Array], None]) -> None:
        """Compute one sample, and show the inputs, the outputs and what is watched.

        Args:
            feed: A value of batch 1 for each input, in the file's order.
            look: Called with each tensor's number and values; it may not keep them, only copies.
        """
        for index, value in zip(self._taken, feed, strict=True):
            self._interpreter.set_tensor(index, value)
        self._interpreter.invoke()
        for number, value in zip(self._inputs, feed, strict=True):
            look(number, value)
        for number, index in zip(self._shown, self._given, strict=True):
            look(number, self._interpreter.tensor(index)())


def rows_of(inputs: Sequence[Array], count: int) -> Iterator[list[Array]]:
    """The first samples, one by one: a value of batch 1 for each input."""
    return ([values[row : row + 1] for values in inputs] for row in range(count))
