"""Tools that the passes share: an index of an ONNX graph, and small edits of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

QUANTIZE = "QuantizeLinear"
DEQUANTIZE = "DequantizeLinear"
INSIDE = "_inside"  # ends the name of a value that is a part of an operation, and that no layer of the source has
MOVING: Mapping[str, int | None] = MappingProxyType(
    {
        "MaxPool": 1,
        "Pad": 1,
        "Concat": None,
        "Transpose": 1,
        "Reshape": 1,
        "Squeeze": 1,
        "Unsqueeze": 1,
        "Slice": 1,
        "Gather": 1,
        "Expand": 1,
        "Tile": 1,
    }
)  # operations that only move or choose elements, and how many of their inputs hold these; None: all


@dataclass(frozen=True, slots=True)
class OnnxPass:
    """One rewriting of a model: `apply` changes the copy that it is given, and returns it."""

    name: str
    apply: Callable[[Any], Any]


@dataclass(slots=True)
class Index:
    """An index of the nodes that make and read each tensor. It is rebuilt after a change of the graph's structure.

    Attributes:
        graph: The `onnx.GraphProto`.
        producers: The node that makes a tensor.
        consumers: The nodes that read a tensor, one entry for each input position.
        constants: The initializers by name.
        outputs: The graph's output names.
    """

    graph: Any
    producers: dict[str, Any] = field(default_factory=dict)
    consumers: dict[str, list[tuple[Any, int]]] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    outputs: frozenset[str] = frozenset()

    @classmethod
    def of(cls, graph: Any) -> Index:
        """Index `graph` as it is now."""
        index = cls(graph)
        for node in graph.node:
            index.producers.update(dict.fromkeys(node.output, node))
            for position, name in enumerate(node.input):
                index.consumers.setdefault(name, []).append((node, position))
        index.constants = {tensor.name: tensor for tensor in graph.initializer}
        index.outputs = frozenset(output.name for output in graph.output)
        return index

    def maker(self, name: str, *op_types: str) -> Any | None:
        """The node that makes tensor `name`, if it is one of `op_types`."""
        node = self.producers.get(name)
        return node if node is not None and node.op_type in op_types else None

    def readers(self, name: str) -> list[Any]:
        """The nodes that read tensor `name`."""
        return [node for node, _ in self.consumers.get(name, [])]

    def only_reader(self, name: str, *op_types: str) -> Any | None:
        """The one node that reads tensor `name`, if it is one of `op_types` and the graph does not give `name` out."""
        readers = self.readers(name)
        if len(readers) != 1 or name in self.outputs or readers[0].op_type not in op_types:
            return None
        return readers[0]

    def read(self, node: Any, position: int, name: str) -> None:
        """Let a node read another tensor, in the graph and in this index of it."""
        before = self.consumers.get(node.input[position], [])
        before[:] = [(other, place) for other, place in before if other is not node or place != position]
        node.input[position] = name
        self.consumers.setdefault(name, []).append((node, position))

    def quantize_behind(self, name: str) -> Any | None:
        """The QuantizeLinear whose integers tensor `name` holds, as they are or moved; None where it holds none."""
        for _ in self.graph.node:  # no more steps: a stranger's graph may be a circle
            node = self.producers.get(name)
            if node is None or node.op_type not in MOVING:
                return node if node is not None and node.op_type == QUANTIZE else None
            name = node.input[0] if node.input else ""
        return None

    def dequantize_ahead(self, name: str) -> Any | None:
        """A DequantizeLinear that reads the integers of tensor `name`, as they are or moved; None where none does."""
        names = [name]
        for each in names:
            for node, position in self.consumers.get(each, []):
                if node.op_type == DEQUANTIZE and position == 0:
                    return node
                if node.op_type in MOVING and position < (MOVING[node.op_type] or len(node.input)):
                    names += [given for given in node.output[:1] if given not in names]
        return None

    def value(self, name: str) -> np.ndarray | None:
        """A constant's value, or None where `name` is computed."""
        from onnx import numpy_helper

        tensor = self.constants.get(name)
        return None if tensor is None else np.asarray(numpy_helper.to_array(tensor))

    def quantization(self, node: Any) -> tuple[np.ndarray, np.ndarray]:
        """Scale and zero point of a QuantizeLinear or DequantizeLinear."""
        scale, zero = self.value(node.input[1]), self.value(node.input[2])
        if scale is None or zero is None:
            raise ValueError(f"{node.name} has computed quantization parameters")
        return scale, zero


def fresh(graph: Any, base: str, ending: str = "") -> str:
    """A name like `base`, with this ending, that no tensor or node of the graph has."""
    used = {name for node in graph.node for name in (node.name, *node.output)}
    used.update(tensor.name for tensor in (*graph.initializer, *graph.input))
    name, number = base + ending, 0
    while name in used:
        number += 1
        name = f"{base}_{number}{ending}"
    return name


def add_constant(graph: Any, base: str, value: np.ndarray) -> str:
    """Add an initializer with a free name like `base`, and return the name."""
    from onnx import numpy_helper

    name = fresh(graph, base)
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name))
    return name


def rename(graph: Any, names: Mapping[str, str]) -> None:
    """Give tensors and nodes new names, wherever they occur."""
    for node in graph.node:
        node.name = names.get(node.name, node.name)
        for tensors in (node.input, node.output):
            for position, name in enumerate(tensors):
                tensors[position] = names.get(name, name)
    for holder in (graph.initializer, graph.input, graph.output, graph.value_info):
        for entry in holder:
            entry.name = names.get(entry.name, entry.name)


def redirect(graph: Any, old: str, new: str) -> None:
    """Let every node that reads tensor `old` read `new`."""
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name == old:
                node.input[position] = new


def shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """The static shapes of all tensors whose shape ONNX's inference finds."""
    from onnx import shape_inference

    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    found: dict[str, tuple[int, ...]] = {t.name: tuple(t.dims) for t in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        kind = value.type.tensor_type
        sizes = [d.dim_value if d.HasField("dim_value") else -1 for d in kind.shape.dim]
        if kind.HasField("shape") and -1 not in sizes:
            found[value.name] = tuple(sizes)
    return found


def tidy(graph: Any) -> None:
    """Drop nodes, initializers and type notes that no output needs, and sort the nodes by what they read."""
    ordered = _sorted(graph)
    del graph.node[:]
    graph.node.extend(ordered)
    read = {name for node in ordered for name in node.input} | {output.name for output in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.value_info[:]


def _sorted(graph: Any) -> list[Any]:
    """The needed nodes, each after those it reads; otherwise in the order in which the outputs ask for them."""
    producers = {name: node for node in graph.node for name in node.output}
    done: set[int] = set()
    ordered: list[Any] = []
    stack = [(producers[output.name], False) for output in reversed(graph.output) if output.name in producers]
    while stack:
        node, ready = stack.pop()
        if id(node) in done:
            continue
        if ready:
            done.add(id(node))
            ordered.append(_copy(node))
            continue
        stack.append((node, True))
        stack.extend((producers[name], False) for name in reversed(node.input) if name in producers)
    return ordered


def _copy(node: Any) -> Any:
    copy = type(node)()
    copy.CopyFrom(node)
    return copy
