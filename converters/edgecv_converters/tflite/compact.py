"""A .tflite file with short names, for networks of many small operations, which are mostly names.

TFLite names every tensor after all nodes that went into it, and an int8 file holds the range that each was seen in. Of
a stacked LSTM of 40 steps, unrolled, that is two thirds of the int8 file.
"""

from __future__ import annotations

from typing import Any

from edgecv_converters.graph.layers import layer_of_fused
from edgecv_converters.tflite.describe import load
from edgecv_converters.tflite.write import NO_DATA, drop_buffers, packed

LOOP = "/while/"  # between a recurrent layer's name and what its unrolled steps are called


def compact(data: bytes) -> bytes:
    """Shorten a file: its inner tensors are named "LAYER/NUMBER", and what no runtime reads is gone.

    Inputs and outputs keep their names, and every operation its layer.
    """
    model = load(data)
    graph = model.subgraphs[0]
    ends = {*map(int, graph.inputs), *map(int, graph.outputs)}
    empty = {number for number, buffer in enumerate(model.buffers) if buffer.data is None or len(buffer.data) == 0}
    for number, tensor in enumerate(graph.tensors):
        if number not in ends:
            layer = layer_of_fused(tensor.name.decode()).partition(LOOP)[0]
            tensor.name = f"m/{layer}/{number}".encode()
        if tensor.buffer in empty:
            tensor.buffer = NO_DATA
    _share_scales(graph.tensors)
    model.metadata = None
    drop_buffers(model)
    return packed(model, len(data))


class _WrittenOnce:
    """A table that several others refer to: the file holds it once."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._place: int | None = None

    def Pack(self, builder: Any) -> int:  # noqa: N802 - the name that flatbuffers calls
        """Write the table, or find where it was written."""
        if self._place is None:
            self._place = int(self._table.Pack(builder))
        return self._place


def _share_scales(tensors: list[Any]) -> None:
    known: dict[tuple[Any, ...], _WrittenOnce] = {}
    for tensor in tensors:
        held = tensor.quantization
        if held is None or held.scale is None:
            tensor.quantization = None
            continue
        held.min = held.max = None
        key = (tuple(held.scale), tuple(held.zeroPoint), held.quantizedDimension)
        tensor.quantization = known.setdefault(key, _WrittenOnce(held))
