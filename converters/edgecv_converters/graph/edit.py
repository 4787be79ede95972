"""Small edits of a GraphDef that freezing and the passes share. All change the message in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from edgecv_converters.graph.names import without_colon_zero


def node_of(reference: str) -> str:
    """The node's name in an input reference: "conv:1", "^conv" and "conv" are all of node "conv"."""
    return reference.lstrip("^").partition(":")[0]


def rename(proto: Any, old: str, new: str) -> None:
    """Rename a node, and every reference to it."""
    for node in proto.node:
        if node.name == old:
            node.name = new
        for position, reference in enumerate(node.input):
            if node_of(reference) == old:
                node.input[position] = reference.replace(old, new, 1)


def redirect(proto: Any, old: str, new: str) -> None:
    """Let every consumer of tensor `old` ("node" or "node:1") read tensor `new`."""
    wanted = without_colon_zero(old)
    for node in proto.node:
        for position, reference in enumerate(node.input):
            if not reference.startswith("^") and without_colon_zero(reference) == wanted:
                node.input[position] = without_colon_zero(new)


def append_identity(proto: Any, tensor: str, name: str, dtype: int) -> None:
    """Add an Identity node called `name` that reads `tensor` ("node:0") of a type such as `DT_FLOAT`."""
    node = proto.node.add(name=name, op="Identity", input=[without_colon_zero(tensor)])
    node.attr["T"].type = dtype


def drop_control_inputs(proto: Any) -> None:
    """Forget what must run before what: without state it makes no difference."""
    for node in proto.node:
        node.input[:] = [reference for reference in node.input if not reference.startswith("^")]


def prune(proto: Any, keep: Iterable[str]) -> None:
    """Drop control inputs and every node that none of `keep` needs, and functions that nothing calls."""
    drop_control_inputs(proto)
    by_name = {node.name: node for node in proto.node}
    reached: set[str] = set()
    waiting = list(keep)
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        waiting.extend(node_of(reference) for reference in by_name[name].input)
    kept = [node for node in proto.node if node.name in reached]
    del proto.node[:]
    proto.node.extend(kept)
    _drop_functions(proto)


def depending(nodes: Iterable[Any], on: Iterable[str]) -> set[str]:
    """The names of the nodes whose values depend on some of them, these included."""
    readers: dict[str, list[str]] = {}
    for node in nodes:
        for source in node.input:
            readers.setdefault(node_of(source), []).append(node.name)
    found = set(on)
    waiting = list(found)
    while waiting:
        fresh = [name for name in readers.get(waiting.pop(), ()) if name not in found]
        found.update(fresh)
        waiting.extend(fresh)
    return found


def tensor_shapes(proto: Any, tensors: Sequence[str]) -> list[tuple[tuple[int | None, ...] | None, str]]:
    """The inferred shape (None where unknown) and dtype name of each of `tensors`."""
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(proto, name="")
    found = [graph.get_tensor_by_name(name) for name in tensors]
    return [(None if t.shape.rank is None else tuple(t.shape.as_list()), t.dtype.name) for t in found]


def rename_functions(proto: Any, suffix: str) -> None:
    """Append `suffix` to the name of every library function, wherever it is used."""
    names = {function.signature.name for function in proto.library.function}
    for function in proto.library.function:
        function.signature.name += suffix
    for node in [*proto.node, *(node for function in proto.library.function for node in function.node_def)]:
        for value in node.attr.values():
            held = [value.func] if value.HasField("func") else list(value.list.func)
            for reference in held:
                reference.name += suffix if reference.name in names else ""


def _drop_functions(proto: Any) -> None:
    """Keep only the library functions that are reachable from the nodes."""
    functions = {function.signature.name: function for function in proto.library.function}
    reached: set[str] = set()
    waiting = [name for node in proto.node for name in _called(node)]
    while waiting:
        name = waiting.pop()
        if name in reached or name not in functions:
            continue
        reached.add(name)
        waiting.extend(other for node in functions[name].node_def for other in _called(node))
    kept = [function for function in proto.library.function if function.signature.name in reached]
    del proto.library.function[:]
    proto.library.function.extend(kept)
    del proto.library.gradient[:]


def _called(node: Any) -> list[str]:
    values = node.attr.values()
    return [value.func.name for value in values if value.HasField("func")] + [
        function.name for value in values for function in value.list.func
    ]


def scalar(proto: Any, name: str, value: float, dtype: int) -> str:
    """Add a scalar Const of a type such as `DT_FLOAT`; returns its name."""
    import tensorflow as tf

    node = proto.node.add(name=name, op="Const")
    node.attr["dtype"].type = dtype
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, dtype=tf.as_dtype(dtype)))
    return name


def constant(proto: Any, name: str, value: Any) -> str:
    """Add a Const of a NumPy array's value and dtype; returns its name."""
    import tensorflow as tf

    node = proto.node.add(name=name, op="Const")
    tensor = tf.make_tensor_proto(value)
    node.attr["dtype"].type = tensor.dtype
    node.attr["value"].tensor.CopyFrom(tensor)
    return name


def bypass(proto: Any, operations: frozenset[str], keep: Iterable[str]) -> None:
    """Let consumers read what nodes of `operations` (which only pass on their inputs) read; `keep` stay in place."""
    kept = set(keep)
    skipped = {node.name: list(node.input) for node in proto.node if node.op in operations and node.name not in kept}

    def origin(reference: str) -> str:
        while not reference.startswith("^") and node_of(reference) in skipped:
            output = int(reference.partition(":")[2] or 0)
            reference = skipped[node_of(reference)][output]
        return reference

    for node in proto.node:
        node.input[:] = [origin(reference) for reference in node.input]


def tensor_name(reference: str) -> str:
    """The full name ("node:0") of the tensor that an input reference ("node" or "node:1") names."""
    return reference if ":" in reference else f"{reference}:0"


def add_reshape(proto: Any, name: str, source: str, shape: Sequence[int], dtype: int) -> str:
    """Add a Reshape of a tensor of a type such as `DT_FLOAT` to a static shape; returns its name."""
    node = proto.node.add(name=name)
    node.attr["T"].type = dtype
    make_reshape(proto, node, source, shape)
    return name


def make_reshape(proto: Any, node: Any, source: str, shape: Sequence[int]) -> None:
    """Let a node, which keeps its name and type, be a Reshape of the tensor `source` to a static shape."""
    import numpy as np
    import tensorflow as tf

    kind, target = node.attr["T"].type, constant(proto, f"{node.name}/shape", np.array(shape, np.int32))
    node.op, node.input[:] = "Reshape", [source, target]
    node.attr.clear()
    node.attr["T"].type, node.attr["Tshape"].type = kind, tf.int32.as_datatype_enum
