"""The range of logits: what only a softmax or a sigmoid reads is judged by the answer that comes out of it.

The classes that lose may have logits of -20: rounding them finely is of no use to anybody, while two classes whose
logits differ by less than one step become equal, and the answer is whichever comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecv_converters.quantize.execute import execute, rounded
from edgecv_converters.quantize.network import Network
from edgecv_converters.quantize.observed import Observed
from edgecv_converters.quantize.ranges import WIDE_FACTORS, Values, least_cost_grid
from edgecv_converters.quantize.scheme import Scheme
from edgecv_converters.quantize.shared import Group, groups
from edgecv_converters.tflite.reader import Array, Grid, Op

BATCH = 64


@dataclass(frozen=True, slots=True)
class Logits:
    """The activations with one grid that nothing but `op` reads, in the end; what `op` gives is the model's output."""

    group: Group
    op: Op

    @property
    def tensor(self) -> int:
        """Find the tensor that `op` itself reads."""
        return self.op.inputs[0]


def find_logits(network: Network, groups: Sequence[Group]) -> tuple[Logits, ...]:
    """The logits of every output that is a softmax or a sigmoid; none where something else reads them too."""
    heads = _heads(network)
    held = {number: group for group in groups if group.free for number in group.tensors}
    found = [Logits(held[op.inputs[0]], op) for op in network.ops if op in heads and op.inputs[0] in held]
    return tuple(logits for logits in found if _read_by_nobody_else(network, logits))


def answered_logits(network: Network) -> tuple[int, ...]:
    """Find the tensors that the last softmax or sigmoid of each output reads, whoever else reads them."""
    return tuple(op.inputs[0] for op in network.ops if op in _heads(network) and op.inputs[0] in network.grids)


def _heads(network: Network) -> list[Op]:
    makers = {network.maker(output) for output in network.outputs}
    return [op for op in makers if op is not None and op.kind in {"SOFTMAX", "LOGISTIC"}]


def logit_tensors(network: Network) -> frozenset[int]:
    """The tensors of all `find_logits`."""
    return frozenset(tensor for found in find_logits(network, groups(network)) for tensor in found.group.tensors)


def _read_by_nobody_else(network: Network, logits: Logits) -> bool:
    inside = set(logits.group.tensors)
    readers = [op for op in network.ops if op is not logits.op and inside & set(op.inputs)]
    return not inside & set(network.outputs) and all(set(op.outputs) <= inside for op in readers)


def divergence(rows: Values, op: Op) -> Callable[[Grid], float]:
    """The mean Kullback-Leibler divergence, in nats, of the answers from those without rounding, by the logits' grid.

    Args:
        rows: Logits, (count, classes); of a sigmoid each is an answer of its own.
        op: The softmax or sigmoid.
    """

    def answers(logits: Values) -> Values:
        if op.kind == "LOGISTIC":
            return _log_softmax(np.stack([logits, np.zeros_like(logits)], -1))
        return _log_softmax(logits * op.options.beta)

    exact = answers(rows)
    likely = np.exp(exact)

    def of(grid: Grid) -> float:
        return float((likely * (exact - answers(grid.nearest(rows)))).sum(-1).mean())

    return of


def _log_softmax(logits: Values) -> Values:
    shifted = logits - logits.max(-1, keepdims=True)
    logs: Values = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return logs


def least_divergence_grid(logits: Array, op: Op) -> Grid:
    """The grid of least divergence among ranges of 0.05 to 1 times the lowest and the highest logit.

    Args:
        logits: A sample, (count, classes).
        op: The softmax or sigmoid that reads them.
    """
    rows = np.asarray(logits, np.float64)
    low, high = min(float(rows.min()), 0.0), max(float(rows.max()), 0.0)
    return least_cost_grid(low, high, divergence(rows, op), WIDE_FACTORS)


def ranged_anew(network: Network, scheme: Scheme, feeds: Mapping[int, Array]) -> Scheme:
    """The scheme with the logits' grids of least divergence for what its own rounded network makes of some samples.

    Args:
        network: What is computed; its samples must not mix (`execute.mixing`).
        scheme: All numbers but the logits' grids.
        feeds: Samples for each input, the first axis counts them.

    Raises:
        NotFiniteError: A logit is infinite or no number.
    """
    logits = find_logits(network, groups(network))
    free = logit_tensors(network)
    watch, constants = rounded({n: grid for n, grid in scheme.grids.items() if n not in free}), scheme.constants()
    starts = range(0, len(next(iter(feeds.values()))) if logits else 0, BATCH)
    classes = {found.tensor: network.shapes[found.tensor][-1] for found in logits}
    seen = Observed(classes, len(starts), classes)

    def collect(number: int, value: Any) -> Any:
        kept = watch(number, value)
        if number in classes:
            seen.add(number, np.asarray(kept))
        return kept

    for start in starts:
        execute(network, {n: values[start : start + BATCH] for n, values in feeds.items()}, constants, collect)
    for found in logits:
        grid = least_divergence_grid(seen.rows(found.tensor), found.op)
        scheme = scheme.with_grids(dict.fromkeys(found.group.tensors, grid))
    return scheme
