"""Integers that a graph casts to float and back, with nothing but moves in between, stay integers.

An int8 file would round them to a grid on the way, and the second cast cuts 3.9998 down to 3: another category.
Needed by: CategoryEncoding, which casts an int32 category to float32 and to int64.
"""

from __future__ import annotations

from typing import Any

from edgecv_converters.graph.edit import node_of

MOVES = frozenset({"ExpandDims", "Identity", "Reshape", "Squeeze", "Transpose"})


def rewrite(proto: Any) -> None:
    """Take the first of two such casts out, in place, where nothing else reads its result."""
    import tensorflow as tf

    nodes = {node.name: node for node in proto.node}
    readers: dict[str, int] = {}
    for node in proto.node:
        for name in {node_of(reference) for reference in node.input}:
            readers[name] = readers.get(name, 0) + 1

    def is_integer(kind: int) -> bool:
        return bool(tf.dtypes.as_dtype(kind).is_integer)

    for last in [node for node in proto.node if node.op == "Cast" and is_integer(node.attr["DstT"].type)]:
        between, node = [], nodes[node_of(last.input[0])]
        while node.op in MOVES and readers[node.name] == 1:
            between.append(node)
            node = nodes[node_of(node.input[0])]
        if node.op != "Cast" or readers[node.name] != 1 or not is_integer(node.attr["SrcT"].type):
            continue
        if is_integer(node.attr["DstT"].type):
            continue
        kind = node.attr["SrcT"].type
        (between[-1] if between else last).input[0] = node.input[0]
        for move in between:
            move.attr["T"].type = kind
        last.attr["SrcT"].type = kind
