"""The check of a SavedModel's graphs: every operation only computes, but for those of the saver, run by it alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from edgecv_runtime.errors import SourceError

from edgecv_converters.source.allowed.tensorflow_ops import CHECKPOINT_READERS, CHECKPOINT_WRITERS, OPERATIONS

_PYTHON: Final = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
_SAVERS: Final = CHECKPOINT_READERS | CHECKPOINT_WRITERS
_SAVER_COLLECTION: Final = "savers"
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
    for owner, node in _nodes(meta.graph_def):
        if node.op in OPERATIONS or _is_call(node.op, functions) or (owner, node.name) in harmless:
            continue
        raise SourceError(
            f"{name} has the operation {node.op} ({node.name!r}), which reads or writes outside of the model or is "
            "not among those that only compute",
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
    """Whether an operation is a call of one of the graph's own functions, none of which may take TensorFlow's names."""
    from tensorflow.python.framework import op_def_registry

    return operation in functions and op_def_registry.get(operation) is None


def _harmless_savers(saved: Any, meta: Any) -> set[tuple[str, str]]:
    """The saver's own nodes, by function and name, that nobody runs but to restore the model's own variables."""
    library = {function.signature.name: function for function in meta.graph_def.library.function}
    if len(saved.meta_graphs) == 1 and meta.HasField("object_graph_def"):
        # It is loaded by its objects: the graph itself never runs, and of the functions only those of the objects.
        unused = set(library) - _reachable(meta, library)
        return {(owner, node.name) for owner, node in _nodes(meta.graph_def) if owner == _TOP or owner in unused}
    return {(_TOP, name) for name in _restoring(meta) | _unused_writers(meta)}


def _reachable(meta: Any, library: dict[str, Any]) -> set[str]:
    """The functions that the objects hold, and whatever these name in turn.

    TensorFlow may also call a gradient, or exchange a function for another that `api_implements` the same.
    """
    graph = meta.object_graph_def
    waiting = list(graph.concrete_functions)
    for node in graph.nodes:
        waiting += [*node.function.concrete_functions, node.bare_concrete_function.concrete_function_name]
    waiting += [name for gradient in meta.graph_def.library.gradient for name in (gradient.gradient_func,)]
    waiting += [name for name, function in library.items() if "api_implements" in function.attr]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in library and name not in found:
            found.add(name)
            waiting += _named(library[name])
    return found


def _named(function: Any) -> list[str]:
    """Every name that a function's nodes or attributes hold; those of functions are among them."""
    attributes = [*function.attr.values(), *(attr for node in function.node_def for attr in node.attr.values())]
    names = [node.op for node in function.node_def]
    for attr in attributes:
        names += [attr.func.name, *(each.name for each in attr.list.func)]
        names += [text.decode(errors="replace") for text in (attr.s, *attr.list.s)]
    return names


def _restoring(meta: Any) -> set[str]:
    """The nodes that restore variables, of a graph that is loaded as TensorFlow 1 does.

    That feeds the checkpoint's path in place of the saver's file name, and runs the saver's restore operation: so a
    reader takes its path from nowhere else, and nothing else may run it.
    """
    saver = meta.saver_def
    nodes = {node.name: node for node in meta.graph_def.node}
    readers = {
        name
        for name, node in nodes.items()
        if node.op in CHECKPOINT_READERS and node.input and _node(node.input[0]) == _node(saver.filename_tensor_name)
    }
    own = {_node(saver.restore_op_name)}
    elsewhere = _run_by_others(meta) - own
    return {name for name in readers if not _downstream({name}, nodes) & elsewhere}


def _unused_writers(meta: Any) -> set[str]:
    """The nodes that save variables, unless something that loading or serving runs needs them."""
    nodes = {node.name: node for node in meta.graph_def.node}
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
    return run | {node.name for node in meta.graph_def.node if any(node.name.encode() in text for text in texts)}


def _downstream(names: set[str], nodes: dict[str, Any]) -> set[str]:
    """These nodes and all that take something from them or wait for them."""
    users: dict[str, list[str]] = {}
    for node in nodes.values():
        for source in node.input:
            users.setdefault(_node(source), []).append(node.name)
    return _closure(names, users)


def _closure(names: Iterable[str], users: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += users.get(name, [])
    return found


def _node(tensor: str) -> str:
    """The node of a tensor's name ("node:1") or of an input ("^node")."""
    return tensor.removeprefix("^").partition(":")[0]
