"""TensorLists of a known length, as the tensors that they hold.

An unrolled loop still writes its steps into a list and reads them from one; no edge runtime has such lists.
Needed by: any SavedModel with an LSTM, GRU or SimpleRNN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgecv_converters.graph.edit import node_of, redirect
from edgecv_converters.graph.evaluate import constant_value

_READERS = frozenset({"TensorListGetItem", "TensorListStack", "TensorListLength"})


def rewrite(proto: Any) -> None:
    """Replace the lists' operations, in place; lists whose length or index depends on data stay as they are."""
    lists = _Lists(proto)
    for node in [node for node in proto.node if node.op in _READERS]:
        lists.read(node)


@dataclass(slots=True)
class _Lists:
    """The lists of one graph, each as the references of its elements (None: not written)."""

    proto: Any
    known: dict[str, list[str | None] | None] = field(default_factory=dict)
    nodes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.nodes = {node.name: node for node in self.proto.node}

    def read(self, node: Any) -> None:
        """Replace one reading operation, if its list is known."""
        elements = self._elements(node.input[0])
        if elements is None:
            return
        if node.op == "TensorListStack" and None not in elements:
            node.op = "Pack"
            kind = node.attr["element_dtype"].type
            node.attr.clear()
            node.attr["T"].type = kind
            node.attr["N"].i = len(elements)
            node.attr["axis"].i = 0
            node.input[:] = [element for element in elements if element is not None]
        elif node.op == "TensorListGetItem":
            index = constant_value(self.proto, node.input[1])
            element = None if index is None else elements[int(index)]
            if element is not None:
                redirect(self.proto, node.name, element)

    def _elements(self, reference: str) -> list[str | None] | None:
        """The elements of the list that a reference names, found by walking back its writes."""
        writes: list[Any] = []
        node = self.nodes[node_of(reference)]
        while node.name not in self.known and node.op in {"TensorListSetItem", "Identity"}:
            writes.append(node)
            node = self.nodes[node_of(node.input[0])]
        if node.name not in self.known:
            maker = self._makers().get(node.op)
            self.known[node.name] = None if maker is None else maker(node)
        elements = self.known[node.name]
        for write in reversed(writes):
            elements = self._written(elements, write)
            self.known[write.name] = elements
        return elements

    def _makers(self) -> dict[str, Callable[[Any], list[str | None] | None]]:
        return {"TensorListReserve": self._reserved, "TensorListFromTensor": self._unstacked}

    def _written(self, elements: list[str | None] | None, node: Any) -> list[str | None] | None:
        if elements is None or node.op == "Identity":
            return elements
        index = constant_value(self.proto, node.input[1])
        if index is None:
            return None
        return [node.input[2] if position == int(index) else old for position, old in enumerate(elements)]

    def _reserved(self, node: Any) -> list[str | None] | None:
        count = constant_value(self.proto, node.input[1])
        return None if count is None else [None] * int(count)

    def _unstacked(self, node: Any) -> list[str | None] | None:
        from edgecv_converters.graph.edit import tensor_shapes

        source = node.input[0]
        ((shape, _dtype),) = tensor_shapes(self.proto, [source if ":" in source else f"{source}:0"])
        if not shape or shape[0] is None:
            return None
        unpacked = self.proto.node.add(name=f"{node.name}/unstacked", op="Unpack", input=[source])
        unpacked.attr["T"].type = node.attr["element_dtype"].type
        unpacked.attr["num"].i = shape[0]
        unpacked.attr["axis"].i = 0
        return [f"{unpacked.name}:{position}" if position else unpacked.name for position in range(shape[0])]
