"""The order in which tf-keras connects layers: it waits for ever for one that is connected in a circle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_CONSTANT: Final = "_CONSTANT_VALUE"


def unconnected(config: Any) -> list[str]:
    """The layers of a Keras 2 configuration, at any depth, that tf-keras would never get to."""
    waiting, found = [config], []
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            layers = value.get("layers")
            found += _stuck(layers) if isinstance(layers, list) else []
            value = list(value.values())
        waiting += [inner for inner in value if isinstance(inner, dict | list)]
    return found


def _stuck(layers: list[Any]) -> list[str]:
    """The layers that remain when each was called as often as what it takes from is there."""
    left = {}
    made: dict[str, int] = {}  # how many calls of a layer others can take from
    for layer in layers:
        if isinstance(layer, dict) and isinstance(layer.get("inbound_nodes"), list):
            name = str(layer.get("name"))
            left[name] = [list(_sources(node)) for node in layer["inbound_nodes"]]
            made[name] = int(_has_own_input(layer))
    inputs = {str(layer.get("name")) for layer in layers if isinstance(layer, dict) and _kind(layer) == "InputLayer"}
    own = {name for name, count in made.items() if count}
    progress = True
    while progress:
        progress = False
        for name, nodes in left.items():
            while nodes and all(_is_there(source, made, inputs, own) for source in nodes[0]):
                nodes.pop(0)
                made[name] += 1
                progress = True
    return [name for name, nodes in left.items() if nodes]


def _is_there(source: tuple[str, int], made: dict[str, int], inputs: set[str], own: set[str]) -> bool:
    name, call = source
    if name in inputs or name not in made:  # the latter is an error, not a wait
        return True
    return int(name in own) <= call < made[name]


def _sources(value: Any) -> Iterator[tuple[str, int]]:
    """The calls that a node takes tensors from: lists of a layer's name, the number of its call, and of its output."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            found = list(found.values())
        if not isinstance(found, list):
            continue
        if len(found) >= 3 and isinstance(found[0], str) and isinstance(found[1], int):
            if found[0] != _CONSTANT:
                yield found[0], found[1]
            found = found[3:]
        waiting += found


def _has_own_input(layer: dict[str, Any]) -> bool:
    """Tell whether it is a nested model, whose first call is the one on its own inputs, which nobody takes from."""
    config = layer.get("config")
    layers = config.get("layers") if isinstance(config, dict) else None
    return isinstance(layers, list) and bool(layers) and _kind(layers[0]) == "InputLayer"


def _kind(layer: Any) -> Any:
    return layer.get("class_name") if isinstance(layer, dict) else None
