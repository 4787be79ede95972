"""A Keras model as a flat list of calls, with nested models opened up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from edgecv_runtime.errors import SourceError

Shape = tuple[int | None, ...]

UNREAD = frozenset({"training", "mask"})  # arguments of a call that say nothing of its arithmetic in inference


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of one layer (or of a bare Keras operation) in the graph.

    Attributes:
        layer: What is called; the same object in two calls where it is shared.
        name: The layer's name, unique among the layers of the flat list.
        inputs: The numbers of the tensors it takes, in order.
        outputs: The numbers of the tensors it makes, in order.
    """

    layer: Any
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    _node: Any
    _binding: dict[int, int]

    def arguments(self, values: dict[int, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and named arguments of the call, each tensor replaced by `values[number]`."""
        bound = {place: values[number] for place, number in self._binding.items()}
        return self._node.arguments.fill_in(bound)  # type: ignore[no-any-return]

    @property
    def constants(self) -> list[Any]:
        """The arguments that are no tensors of the graph and not None."""
        import keras

        args, kwargs = self._node.arguments.args, self._node.arguments.kwargs
        flat = keras.tree.flatten((args, {k: v for k, v in kwargs.items() if k not in UNREAD}))
        return [value for value in flat if value is not None and not isinstance(value, keras.KerasTensor)]


@dataclass(slots=True)
class Graph:
    """All calls in an order in which they can be made; `shapes` has the shape of every tensor by number."""

    inputs: list[Any] = field(default_factory=list)
    outputs: tuple[int, ...] = ()
    structure: Any = None
    calls: list[Call] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    _names: dict[int, str] = field(default_factory=dict)

    def tensor(self, like: Any) -> int:
        """A new number for a tensor shaped as the KerasTensor `like`."""
        self.shapes.append(tuple(like.shape))
        return len(self.shapes) - 1

    def name_of(self, layer: Any, path: tuple[str, ...]) -> str:
        """The layer's own name; behind its models' names where another layer has it already."""
        if id(layer) not in self._names:
            taken = set(self._names.values())
            name, outer = layer.name, list(path)
            while name in taken:
                name = f"{outer.pop()}_{name}" if outer else f"{name}_again"
            self._names[id(layer)] = name
        return self._names[id(layer)]


def walk(model: Any) -> Graph:
    """List the calls of a Sequential or functional Keras 3 model.

    Raises:
        SourceError: The model is no graph of layers.
    """
    if not is_graph(model):
        raise SourceError(
            f"the model {model.name!r} ({type(model).__name__}) is no graph of layers",
            "Build it with keras.Sequential or from keras.Input with keras.Model(inputs, outputs)",
        )
    graph = Graph()
    functional = _functional(model)
    graph.inputs = list(functional.inputs)
    numbers = [graph.tensor(tensor) for tensor in functional.inputs]
    graph.outputs = tuple(_open(functional, numbers, graph, ()))
    graph.structure = functional._outputs_struct  # noqa: SLF001  # the only record of a dict's keys
    return graph


def is_graph(layer: Any) -> bool:
    """Tell whether a layer is a built Sequential or functional model whose call is its graph."""
    import keras

    kind = type(layer)
    if kind is keras.Sequential:
        return layer._functional is not None  # noqa: SLF001  # None until it is built
    return kind.__name__ == "Functional" and kind.__module__.startswith("keras.")


def _functional(model: Any) -> Any:
    return getattr(model, "_functional", None) or model


def _open(functional: Any, inputs: list[int], graph: Graph, path: tuple[str, ...]) -> list[int]:
    """Add the calls of one model to `graph`; the numbers of its outputs."""
    known = {id(tensor): number for tensor, number in zip(functional.inputs, inputs, strict=True)}
    for node in _nodes(functional):
        taken = [known[id(tensor)] for tensor in node.input_tensors]
        if is_graph(node.operation):
            made = _open(_functional(node.operation), taken, graph, (*path, node.operation.name))
        else:
            made = [graph.tensor(tensor) for tensor in node.outputs]
            binding = {id(tensor): known[id(tensor)] for tensor in node.input_tensors}
            graph.calls.append(
                Call(
                    layer=node.operation,
                    name=graph.name_of(node.operation, path),
                    inputs=tuple(taken),
                    outputs=tuple(made),
                    _node=node,
                    _binding=binding,
                )
            )
        known |= {id(tensor): number for tensor, number in zip(node.outputs, made, strict=True)}
    return [known[id(tensor)] for tensor in functional.outputs]


def _nodes(functional: Any) -> Iterator[Any]:
    by_depth = functional._nodes_by_depth  # noqa: SLF001  # public traversal lists layers, not their calls
    for depth in sorted(by_depth, reverse=True):
        yield from (node for node in by_depth[depth] if not node.is_input)
