"""TFLite has no int8 NEG, but an int8 MUL: a negation becomes a product with -1, which is exact in float as well.

Needed by: ConvNeXt, whose layer normalizations subtract their mean by adding its negative; 23 operations of
ConvNeXtTiny's int8 file stayed float.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecv_converters.graph.edit import constant, node_of


def rewrite(proto: Any) -> None:
    """Replace every Neg of float32 by a Mul with -1, in place; those of a GELU stay, which becomes one operation."""
    import tensorflow as tf

    floats = tf.float32.as_datatype_enum
    of_gelu = _before(proto, {node.name for node in proto.node if node.op == "Erfc"})
    for node in [n for n in proto.node if n.op == "Neg" and n.attr["T"].type == floats and n.name not in of_gelu]:
        node.op = "Mul"
        node.input[:] = [node.input[0], constant(proto, f"{node.name}/minus_one", np.array(-1, np.float32))]


def _before(proto: Any, names: set[str]) -> set[str]:
    """The nodes that these read, and those that they read: -x, and its product with 1/sqrt(2)."""
    by_name = {node.name: node for node in proto.node}
    first = {node_of(source) for name in names for source in by_name[name].input}
    return first | {node_of(source) for name in first for source in by_name[name].input}
