"""The check of a SavedModel's graphs: every operation only computes, but for those of the saver, run by it alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from edgecv_runtime.errors import SourceError

from edgecv_converters.source.allowed.tensorflow_ops import CHECKPOINT_READERS, CHECKPOINT_WRITERS, OPERATIONS

_PYTHON: Final = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
_SAVERS: Final = CHECKPOINT_READERS | CHECKPOINT_WRITERS
_SAVER_COLLECTION: Final = "savers"
_MOST_NAMED: Final = 8
_EFFECTS: Final = re.compile(
    "Read|Write|Save|File|Print|Debug|Dump|Cache|Text|Record|Sql|CSV|Snapshot|Restore|Send|Recv|Rpc"
)
"""What the names of operations with effects have in them, for the order in which they are named."""
_TOP: Final = ""  # where the nodes of a graph itself are, as opposed to those of a function


def check_graphs(saved: Any, name: str, *, allow_code: bool) -> None:
    """Refuse graphs that do more than compute, in any of a SavedModel's graphs and functions, called or not.

    Args:
        saved: The parsed `saved_model.pb`.
        name: What messages call the folder.
        allow_code: Whether operations with effects are let through; Python functions are not in the folder anyway.

    Raises:
        SourceError: The message names the operation and its node.
    """
    for meta in saved.meta_graphs:
        functions = {function.signature.name for function in meta.graph_def.library.function}
        for _, node in _nodes(meta.graph_def):
            if node.op in _PYTHON:
                raise SourceError(
                    f"{name} calls Python code ({node.op} {node.name!r}), which is not in the folder",
                    "Replace tf.py_function and tf.numpy_function by TensorFlow operations and export again",
                )
        if not allow_code:
            _check_nodes(meta, name, functions, _harmless_savers(saved, meta))


def _check_nodes(meta: Any, name: str, functions: set[str], harmless: set[tuple[str, str]]) -> None:
    found: dict[str, str] = {}  # an operation, and the first node of it
    for owner, node in _nodes(meta.graph_def):
        if node.op in OPERATIONS or _is_call(node.op, functions):
            continue
        if node.op not in _SAVERS or (owner, node.name) not in harmless:
            found.setdefault(node.op, node.name)
    if found:
        worst = sorted(found, key=lambda operation: _EFFECTS.search(operation) is None)[:_MOST_NAMED]
        listed = ", ".join(f"{operation} ({found[operation]!r})" for operation in worst)
        raise SourceError(
            f"{name} reads or writes outside of the model, or does more than compute, by {listed}"
            + (f" and {len(found) - len(worst)} other operations" if len(found) > len(worst) else ""),
            "Export the part of the model that computes, or add --allow-code if you trust where it came from",
        )


def _nodes(graph: Any) -> Iterator[tuple[str, Any]]:
    """Every node, with the name of its function, or `_TOP`."""
    for node in graph.node:
        yield _TOP, node
    for function in graph.library.function:
        for node in function.node_def:
            yield function.signature.name, node


def _is_call(operation: str, functions: set[str]) -> bool:
    """Tell whether an operation calls one of the graph's own functions, none of which may take TensorFlow's names."""
    from tensorflow.python.framework import op_def_registry

    return operation in functions and op_def_registry.get(operation) is None


def _harmless_savers(saved: Any, meta: Any) -> set[tuple[str, str]]:
    """The saver's own nodes, by function and name, that nobody runs but to restore the model's own variables."""
    nodes = {node.name: node for node in meta.graph_def.node}
    saver = _upstream({_node(meta.saver_def.save_tensor_name), _node(meta.saver_def.restore_op_name)}, nodes)
    if len(saved.meta_graphs) == 1 and meta.HasField("object_graph_def"):
        # It is loaded by its objects: the graph itself never runs, and of the functions only those of the objects.
        library = {function.signature.name: function for function in meta.graph_def.library.function}
        called = [name for node in saver for name in _named([nodes[node]])] if library else []
        own = _reachable(called, library) - _reachable(_run_by_objects(meta), library)
        return {(_TOP, name) for name in saver} | {(name, node.name) for name in own for node in library[name].node_def}
    return {(_TOP, name) for name in saver & (_restoring(meta, nodes) | _unused_writers(meta, nodes))}


def _run_by_objects(meta: Any) -> list[str]:
    """The functions that the objects hold, and those that TensorFlow may run in their place.

    These are gradients, and whatever `api_implements` the same as another.
    """
    graph, library = meta.object_graph_def, meta.graph_def.library
    names = list(graph.concrete_functions)
    for node in graph.nodes:
        names += [*node.function.concrete_functions, node.bare_concrete_function.concrete_function_name]
    names += [gradient.gradient_func for gradient in library.gradient]
    return names + [function.signature.name for function in library.function if "api_implements" in function.attr]


def _reachable(names: list[str], library: dict[str, Any]) -> set[str]:
    """These functions and whatever they name in turn, in a node or an attribute."""
    users = {name: [*_named(function.node_def), *_texts(function.attr.values())] for name, function in library.items()}
    return _closure((name for name in names if name in library), users) & set(library)


def _named(nodes: Iterable[Any]) -> list[str]:
    """Every name that is the operation or an attribute of a node; those of functions are among them."""
    return [name for node in nodes for name in (node.op, *_texts(node.attr.values()))]


def _texts(attributes: Iterable[Any]) -> list[str]:
    names = []
    for attribute in attributes:
        names += [attribute.func.name, *(each.name for each in attribute.list.func)]
        names += [text.decode(errors="replace") for text in (attribute.s, *attribute.list.s)]
    return names


def _restoring(meta: Any, nodes: dict[str, Any]) -> set[str]:
    """The nodes that restore variables, of a graph that is loaded as TensorFlow 1 does.

    That feeds the checkpoint's path in place of the saver's file name, and runs the saver's restore operation: so a
    reader takes its path from nowhere else, and nothing else may run it.
    """
    elsewhere = _run_by_others(meta) - {_node(meta.saver_def.restore_op_name)}
    path = _node(meta.saver_def.filename_tensor_name)
    return {
        name
        for name, node in nodes.items()
        if node.op in CHECKPOINT_READERS
        and [_node(source) for source in node.input[:1]] == [path]
        and not _downstream({name}, nodes) & elsewhere
    }


def _unused_writers(meta: Any, nodes: dict[str, Any]) -> set[str]:
    """The nodes that save variables, unless something that loading or serving runs needs them."""
    run = _run_by_others(meta) | {_node(meta.saver_def.restore_op_name)}
    writers = {name for name, node in nodes.items() if node.op in CHECKPOINT_WRITERS}
    return {name for name in writers if not _downstream({name}, nodes) & run}


def _run_by_others(meta: Any) -> set[str]:
    """The nodes that loading or serving may run, but for the saver's: of signatures, and of all collections."""
    run = {
        _node(tensor.name)
        for signature in meta.signature_def.values()
        for tensor in (*signature.outputs.values(), *signature.inputs.values())
    }
    texts = []
    for name, collection in meta.collection_def.items():
        if name != _SAVER_COLLECTION:
            run |= {_node(value) for value in collection.node_list.value}
            texts += collection.bytes_list.value  # of variables: the names of their nodes, in a form of their own
            texts += [value.value for value in collection.any_list.value]
    text = b"\n".join(texts)
    return run | {node.name for node in meta.graph_def.node if text and node.name.encode() in text}


def _downstream(names: set[str], nodes: dict[str, Any]) -> set[str]:
    """These nodes and all that take something from them or wait for them."""
    users: dict[str, list[str]] = {}
    for node in nodes.values():
        for source in node.input:
            users.setdefault(_node(source), []).append(node.name)
    return _closure(names, users)


def _upstream(names: set[str], nodes: dict[str, Any]) -> set[str]:
    """These nodes and all that they take something from or wait for."""
    sources = {name: [_node(source) for source in node.input] for name, node in nodes.items()}
    return _closure(names, sources) & set(nodes)


def _closure(names: Iterable[str], edges: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += edges.get(name, [])
    return found


def _node(tensor: str) -> str:
    """The node of a tensor's name ("node:1") or of an input ("^node")."""
    return tensor.removeprefix("^").partition(":")[0]
