"""A division of whole numbers that rounds down, and its remainder, by ones that round towards zero, as ONNX's do.

tf2onnx takes one for the other, so that -7 // 3 is -2 in the file, and -7 % 3 is -1, without an error.
Needed by: `//` and `%` of negative integers, for ONNX.
"""

from __future__ import annotations

from typing import Any

from edgecv_converters.graph.edit import scalar


def rewrite(proto: Any) -> None:
    """Let every FloorMod and FloorDiv of signed integers take one less than a division towards zero where they differ.

    They do where the remainder's sign is not the divisor's. No step leaves the type's range: 8 and 16 bits, for which
    ONNX Runtime lacks some of the steps, become 32. Integers without a sign are divided alike by both.
    """
    import tensorflow as tf

    for node in [node for node in proto.node if node.op in {"FloorDiv", "FloorMod"}]:
        kind = tf.dtypes.as_dtype(node.attr["T"].type)
        if not kind.is_integer or kind.is_unsigned:
            continue
        wide = tf.int32 if kind.size < tf.int32.size else kind
        sources = list(node.input)
        if wide != kind:
            sources = [
                _cast(proto, f"{node.name}/wide_{place}", source, kind, wide) for place, source in enumerate(sources)
            ]
        _Division(proto, node, wide.as_datatype_enum).write(*sources)
        if wide != kind:
            _narrow(proto, node, wide, kind)


class _Division:
    """One node, which becomes the last of several operations on integers of a type such as `DT_INT32`."""

    def __init__(self, proto: Any, node: Any, kind: int) -> None:
        self._proto, self._node, self._kind = proto, node, kind

    def write(self, number: str, divisor: str) -> None:
        """Write the operations; they give the same where the divisions in them round down already."""
        rest = self._add("rest", "FloorMod", number, divisor)
        signs = self._add("signs", "Mul", self._add("sign", "Sign", rest), self._add("wanted", "Sign", divisor))
        less = self._add("less", "Minimum", signs, scalar(self._proto, f"{self._node.name}/none", 0, self._kind))
        if self._node.op == "FloorMod":
            op, operands = "Sub", (rest, self._add("missing", "Mul", less, divisor))
        else:
            op, operands = "AddV2", (self._add("towards_zero", "FloorDiv", number, divisor), less)
        self._node.op, self._node.input[:] = op, operands
        self._node.attr["T"].type = self._kind

    def _add(self, label: str, op: str, *operands: str) -> str:
        added = self._proto.node.add(name=f"{self._node.name}/{label}", op=op, input=operands)
        added.attr["T"].type = self._kind
        return str(added.name)


def _cast(proto: Any, name: str, source: str, before: Any, after: Any) -> str:
    added = proto.node.add(name=name, op="Cast", input=[source])
    added.attr["SrcT"].type, added.attr["DstT"].type = before.as_datatype_enum, after.as_datatype_enum
    return name


def _narrow(proto: Any, node: Any, before: Any, after: Any) -> None:
    """Give the node's operation another name, and let the node be the cast of its result."""
    inner = proto.node.add()
    inner.CopyFrom(node)
    inner.name = f"{node.name}/wide"
    node.op, node.input[:] = "Cast", [inner.name]
    node.attr.clear()
    node.attr["SrcT"].type, node.attr["DstT"].type = before.as_datatype_enum, after.as_datatype_enum
