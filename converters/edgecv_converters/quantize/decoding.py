"""The operations after the last weights that have too few steps in int8: exponentials, places, scores of many boxes.

They are few and cost next to nothing in float. Where the model sorts its boxes there, all of them are.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from edgecv_converters.quantize.network import CASTS, Network
from edgecv_converters.quantize.trunk import last_ops, sorts
from edgecv_converters.tflite.reader import Op

SPREAD: Final = "exponentials have too few steps for their small values in int8"
PLACED: Final = "places in all of a picture have too few steps in int8"
SORTED: Final = "what the model sorts by its scores is chosen by more digits than int8 has"
SCORED: Final = "probabilities of many boxes, most of which are near 0, have steps of 1/256 in int8"
PROBABLE: Final = frozenset({"LOGISTIC", "SOFTMAX"})
PLACING: Final = frozenset({"ADD", "DIV", "MUL", "SUB"})
LIST_AXES: Final = 3  # of n boxes of m numbers, (1, n, m)


def decoding(network: Network) -> dict[int, str]:
    """The int8 operations, by their numbers, that compute outputs after the last weights, and why they stay float.

    They begin at an exponential, at the probabilities of many boxes, or at arithmetic with a number for each cell;
    where boxes are sorted, at the weights.
    """
    found: dict[int, str] = {}
    reasons: dict[int, str] = {}
    last = last_ops(network)
    first = SORTED if sorts(network, last) else None
    for number in sorted(last):
        op = network.ops[number]
        before = next((reasons[operand] for operand in op.inputs if operand in reasons), None)
        why = first or before or _reason(network, op)
        touched = (*op.inputs, *op.outputs) if first else op.outputs
        if why is None or network.grids.keys().isdisjoint(touched):
            continue
        reasons |= dict.fromkeys(op.outputs, why)
        if op.kind not in CASTS:
            found[number] = why
    return found | dict.fromkeys(_beside(network, last, [n for n, why in found.items() if why == SPREAD]), SPREAD)


def _beside(network: Network, last: set[int], ops: list[int]) -> set[int]:
    """The operations since the weights that the others read from as well: of a softplus max(x, 0) beside exp(-|x|)."""
    makers = {result: number for number in last for result in network.ops[number].outputs}
    waiting = [makers[operand] for number in ops for operand in network.ops[number].inputs if operand in makers]
    found: set[int] = set()
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting.extend(makers[operand] for operand in network.ops[number].inputs if operand in makers)
    return {n for n in found if network.ops[n].kind not in CASTS and network.ops[n].outputs[0] in network.grids} - {
        *ops
    }


def _reason(network: Network, op: Op) -> str | None:
    """Say why an operation after the last weights has too few steps in int8; None where it has enough."""
    if op.kind == "EXP":
        return SPREAD
    if _places(network, op):
        return PLACED
    return SCORED if _scores(network, op) else None


def _scores(network: Network, op: Op) -> bool:
    """Tell whether an operation gives the probabilities of many boxes, of which most are near 0."""
    listed = any(len(network.shapes[number]) == LIST_AXES for number in network.outputs)
    return op.kind in PROBABLE and listed and int(np.prod(network.shapes[op.outputs[0]][:-1])) > 1


def _places(network: Network, op: Op) -> bool:
    """Tell whether an operand has a number for each cell or box; those for each channel have one axis."""
    constants = [network.constants[number] for number in op.inputs if number in network.constants]
    return op.kind in PLACING and any(
        value.size > 1 and max(value.shape[:-1], default=1) > 1 and value.min() < value.max() for value in constants
    )
