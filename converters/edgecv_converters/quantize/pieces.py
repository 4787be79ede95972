"""An int8 file run piece by piece, so that the numbers of what follows may depend on what came before."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_converters.quantize.scheme import FileEdit
from edgecv_converters.quantize.watched import interpreter_of
from edgecv_converters.tflite.describe import load
from edgecv_converters.tflite.reader import Array, TFLiteGraph
from edgecv_converters.tflite.write import NO_DATA, packed

NOTHING = np.empty(0, np.int8)


class CutFile:
    """A file whose operations are run in turn for a number of samples, by LiteRT's own kernels.

    Only what later operations read is held, in the file's own dtypes.

    Args:
        data: The file.
        samples: For each input in the file's order, the first axis counts them.
    """

    def __init__(self, data: bytes, samples: Sequence[Array]) -> None:
        self._model = load(data)
        self._flat = TFLiteGraph(self._model)
        self._graph = self._model.subgraphs[0]
        self._done = 0
        self._last = {number: place for place, op in enumerate(self._flat.ops) for number in op.inputs}
        inputs = map(int, self._graph.inputs)
        self._live: dict[int, list[Array]] = {
            number: [values[row : row + 1] for row in range(len(values))]
            for number, values in zip(inputs, samples, strict=True)
        }
        self.edit = FileEdit(self._model)

    def held(self, number: int) -> Sequence[Array]:
        """A tensor's values for each sample, batch 1, in the file's own dtype."""
        return self._live[number]

    def mean(self, number: int) -> npt.NDArray[np.float32]:
        """The real values of a tensor that is held, batch 1: their mean over the samples."""
        rows = self._live[number]
        kind = np.int32 if rows[0].dtype == np.int8 else np.int64 if rows[0].dtype.kind == "i" else np.float64
        total = np.zeros(rows[0].shape, kind)
        for values in rows:
            total += values
        mean = total / len(rows)
        if rows[0].dtype == np.int8:
            grid = self._flat.grid(number)
            mean = (mean - grid.zero) * grid.scale
        return np.asarray(mean, np.float32)

    def advance(self, stop: int) -> None:
        """Run all operations before the one at `stop` that were not run yet, as the file has them now.

        Raises:
            UnusableFileError: LiteRT's kernels refuse them.
        """
        ops = range(self._done, stop)
        made = [n for place in ops for n in self._flat.ops[place].outputs if self._last.get(n, -1) >= stop]
        if made:
            self._run(ops, made)
        self._done = stop
        self._live = {number: rows for number, rows in self._live.items() if self._last.get(number, -1) >= stop}

    def _run(self, ops: range, made: list[int]) -> None:
        own = {number for place in ops for number in self._flat.ops[place].outputs}
        taken = sorted({n for place in ops for n in self._flat.ops[place].inputs if n in self._live} - own)
        interpreter = interpreter_of(self._piece(ops, taken, made))
        into = [detail["index"] for detail in interpreter.get_input_details()]
        out_of = [detail["index"] for detail in interpreter.get_output_details()]
        found: list[list[Array]] = [[] for _ in made]
        ended = [number for number in taken if self._last[number] < ops.stop]
        for row in range(len(next(iter(self._live.values())))):
            for index, number in zip(into, taken, strict=True):
                interpreter.set_tensor(index, self._live[number][row])
            for number in ended:
                self._live[number][row] = NOTHING  # what is computed takes its place
            interpreter.invoke()
            for rows, index in zip(found, out_of, strict=True):
                rows.append(interpreter.get_tensor(index))
        self._live |= dict(zip(made, found, strict=True))

    def _piece(self, ops: range, taken: list[int], made: list[int]) -> bytes:
        """A file of these operations alone."""
        chosen = [copy(self._graph.operators[place]) for place in ops]
        numbers = sorted({int(n) for op in chosen for n in (*op.inputs, *op.outputs) if n >= 0})
        place = {-1: -1} | {number: new for new, number in enumerate(numbers)}
        model, graph = copy(self._model), copy(self._graph)
        tensors, buffers = [copy(self._graph.tensors[number]) for number in numbers], [self._model.buffers[NO_DATA]]
        for tensor in tensors:
            held = self._model.buffers[tensor.buffer]
            tensor.buffer = NO_DATA
            if held.data is not None and len(held.data):
                tensor.buffer = len(buffers)
                buffers.append(held)
        for op in chosen:
            op.inputs, op.outputs = _placed(op.inputs, place), _placed(op.outputs, place)
        graph.tensors, graph.operators = tensors, chosen
        graph.inputs, graph.outputs = _placed(taken, place), _placed(made, place)
        model.subgraphs, model.buffers, model.signatureDefs = [graph], buffers, None
        model.metadata = model.metadataBuffer = None
        return packed(model)


def _placed(numbers: Sequence[Any], place: dict[int, int]) -> npt.NDArray[np.int32]:
    return np.array([place[int(number)] for number in numbers], np.int32)
