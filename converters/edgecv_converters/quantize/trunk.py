"""The part of a network up to its last weights, by which the numbers of one are chosen that sorts what follows.

Boxes that a model sorts change places wherever two scores are near: how far the rows of two files are apart says
nothing of their weights and ranges. What goes into the sorting does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

import numpy as np

from edgecv_converters.quantize.network import CASTS, Network
from edgecv_converters.tflite.describe import builtin_name, load
from edgecv_converters.tflite.write import packed

WEIGHTED: Final = frozenset({"CONV_2D", "CONV_3D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
SORTING: Final = frozenset({"TOPK_V2"})


def last_ops(network: Network, outputs: Iterable[int] | None = None) -> set[int]:
    """The operations, by their numbers, between the last weights and some outputs, or all."""
    makers = {result: number for number, op in enumerate(network.ops) for result in op.outputs}
    waiting, last = list(network.outputs if outputs is None else outputs), set[int]()
    while waiting:
        number = makers.get(waiting.pop())
        if number is not None and number not in last and network.ops[number].kind not in WEIGHTED:
            last.add(number)
            waiting.extend(network.ops[number].inputs)
    return last


def sorts(network: Network, last: Collection[int]) -> bool:
    """Tell whether one of some operations sorts."""
    return any(network.ops[number].kind in SORTING for number in last)


def trunk_files(network: Network, int8: bytes, float32: bytes) -> tuple[bytes, bytes] | None:
    """The two files without what follows the last weights, where that sorts and is float.

    Their outputs are the real values that it reads; tensors keep their numbers.
    """
    last = last_ops(network)
    if not sorts(network, last):
        return None
    casts = {number for number in last if network.ops[number].kind == "DEQUANTIZE"}
    ends = sorted({network.ops[number].outputs[0] for number in casts})
    made = {result for number in last - casts for result in network.ops[number].outputs}
    if not ends or not made.isdisjoint(network.grids):
        return None
    dropped = last - casts
    computing = [number for number, op in enumerate(network.ops) if op.kind not in CASTS]
    others = {place for place, number in enumerate(computing) if number in dropped}
    return _cut(int8, dropped, ends, count_casts=True), _cut(
        float32, others, [network.twins[end] for end in ends], count_casts=False
    )


def _cut(data: bytes, dropped: Collection[int], outputs: list[int], *, count_casts: bool) -> bytes:
    """A file without some operations, by their places among all, or among those that are no casts."""
    model: Any = load(data)
    graph, kept, place = model.subgraphs[0], [], 0
    for operator in graph.operators:
        counts = count_casts or builtin_name(model, operator) not in CASTS
        if not counts or place not in dropped:
            kept.append(operator)
        place += counts
    graph.operators, graph.outputs, model.signatureDefs = kept, np.array(outputs, np.int32), None
    return packed(model, len(data) + 1024)
