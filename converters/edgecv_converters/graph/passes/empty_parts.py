"""No part of a split without values: a concatenation leaves it out, and so does the split.

TensorFlow lets a part be of size 0; XNNPACK refuses such a tensor.
Needed by: every D-FINE of KerasHub, which splits channels at [c, c].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgecv_converters.graph.edit import constant, node_of
from edgecv_converters.graph.passes.split_sizes import sized_splits


def rewrite(proto: Any) -> None:
    """Take out every part of a SplitV that has no values and is read by concatenations alone, in place."""
    for node, sizes in list(sized_splits(proto)):
        _take_out(proto, node, sizes)


def _take_out(proto: Any, split: Any, sizes: np.ndarray) -> None:
    empty = set(np.flatnonzero(sizes == 0).tolist())
    readers = [node for node in proto.node if any(_part(source, split) in empty for source in node.input)]
    if not empty or len(empty) == len(sizes) or not all(_may_lose(node, split, empty) for node in readers):
        return
    for node in readers:
        _join(node, [source for source in node.input if _part(source, split) not in empty])
    left = [part for part in range(len(sizes)) if part not in empty]
    for node in proto.node:
        for place, source in enumerate(node.input):
            part = _part(source, split)
            if part is not None:
                node.input[place] = f"{split.name}:{left.index(part)}"
    split.input[1] = constant(proto, f"{split.name}/parts", sizes[left])
    split.attr["num_split"].i = len(left)


def _part(source: str, split: Any) -> int | None:
    """The number of the split's part that an input is, or None."""
    if source.startswith("^") or node_of(source) != split.name:
        return None
    return int(source.partition(":")[2] or 0)


def _may_lose(node: Any, split: Any, empty: set[int]) -> bool:
    """Tell whether a node joins its inputs, and has others than the empty parts."""
    joined = list(node.input)[:-1]  # the last one is the axis
    return node.op == "ConcatV2" and any(_part(source, split) not in empty for source in joined)


def _join(node: Any, sources: Sequence[str]) -> None:
    """Give a concatenation these inputs, of which the last is the axis."""
    node.input[:] = sources
    node.attr["N"].i = len(sources) - 1
    if len(sources) == 2:
        node.op = "Identity"
        node.input[:] = sources[:1]
        for attribute in ("N", "Tidx"):
            node.attr.pop(attribute, None)
