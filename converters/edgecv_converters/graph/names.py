"""Readable node names: the layer's own name as its scope."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from typing import Any

_NOT_IN_SCOPES = re.compile(r"[^A-Za-z0-9_./>-]")
_CALL = re.compile(r"^(Stateful)?PartitionedCall(_\d+)?$")


def scope_name(layer: str) -> str:
    """A layer's name as TensorFlow takes it for the scope of its nodes: without spaces, signs and other alphabets."""
    plain = _NOT_IN_SCOPES.sub("_", layer)
    return plain if plain[:1].isalnum() or plain[:1] == "." else f"t{plain}"


def tidy_names(proto: Any, doubled: Collection[str] = ()) -> None:
    """Rename the nodes of a GraphDef, in place, where no two get the same name.

    Keras 3 opens the scope of a layer twice, once to build and once to call it, so that TensorFlow names
    the second "conv_1"; `doubled` are the names of such layers. Inlined calls leave
    a scope "StatefulPartitionedCall".
    """
    names = {node.name: _tidy(node.name, doubled) for node in proto.node}
    taken = Counter(names.values())
    names = {old: new if taken[new] == 1 else old for old, new in names.items()}
    if len(set(names.values())) != len(names):
        return
    for node in proto.node:
        node.name = names[node.name]
        node.input[:] = [_reference(reference, names) for reference in node.input]
        node.attr.pop("_class", None)
        node.ClearField("experimental_debug_info")


def _tidy(name: str, doubled: Collection[str]) -> str:
    *scopes, last = name.split("/")
    kept = [single_scope(scope, doubled) for scope in scopes if not _CALL.match(scope)]
    return "/".join([*kept, last])


def single_scope(scope: str, doubled: Collection[str]) -> str:
    """The name of a layer whose scope TensorFlow opened for the second time, else the scope itself."""
    stripped = scope.removesuffix("_1")
    return stripped if stripped != scope and stripped in doubled else scope


def _reference(reference: str, names: dict[str, str]) -> str:
    control = "^" if reference.startswith("^") else ""
    node, colon, output = reference.removeprefix("^").partition(":")
    return f"{control}{names[node]}{colon}{output}"


def without_colon_zero(reference: str) -> str:
    """The short form of a node's first output: "conv" for "conv:0"."""
    return reference.removesuffix(":0")
