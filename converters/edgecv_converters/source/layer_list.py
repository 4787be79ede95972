"""The layers of a Keras configuration in one list: in the place of a nested model stand its own layers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from edgecv_converters.source.plain_layers import UntoldError

INPUT: Final = "InputLayer"
_TENSOR: Final = "__keras_tensor__"
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_MODELS: Final = {"Functional": "keras.src.models.functional", "Sequential": "keras"}


@dataclass(frozen=True, slots=True)
class ListedLayer:
    """One layer, with the names of the layers that it reads.

    `hidden` is the input layer of a Sequential model, which Keras does not count among its layers.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    sources: tuple[str, ...] = ()
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class LayerList:
    """The layers of a model in their order, and the names of those that are its inputs and outputs."""

    layers: tuple[ListedLayer, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def layer_list(config: Mapping[str, Any]) -> LayerList:
    """Read the layers of a Functional or Sequential model.

    Raises:
        UntoldError: It is another model, two layers share a name, or one is called twice or in an unusual way.
    """
    found = _listed(config)
    names = {layer.name for layer in found.layers}
    if len(names) != len(found.layers) or not names.issuperset((*found.inputs, *found.outputs)):
        raise UntoldError
    return found


def _listed(config: Mapping[str, Any]) -> LayerList:
    if config["class_name"] not in _MODELS:
        raise UntoldError
    inner, sequential = config["config"], config["class_name"] == "Sequential"
    layers: list[ListedLayer] = []
    results: dict[str, str] = {}  # by the name of a layer or a nested model, the layer that gives its result
    before: tuple[str, ...] = ()
    for entry in inner["layers"]:
        sources = before if sequential else tuple(_called_with(entry))
        made = _nested if entry["class_name"] in _MODELS else _single
        found, result = made(entry, tuple(results[name] for name in sources))
        layers += [replace(layer, hidden=layer.kind == INPUT) if sequential else layer for layer in found]
        before, results[entry["config"]["name"]] = (entry["config"]["name"],), result
    if sequential:
        ends = [inner["layers"][place]["config"]["name"] for place in (0, -1)]
        return LayerList(tuple(layers), (ends[0],), (ends[1],))
    return LayerList(tuple(layers), tuple(_ends(inner["input_layers"])), tuple(_ends(inner["output_layers"])))


def _single(entry: Mapping[str, Any], sources: tuple[str, ...]) -> tuple[list[ListedLayer], str]:
    name = entry["config"]["name"]
    if (
        entry.get("module", "keras.layers") != "keras.layers"
        or entry.get("registered_name")
        or not _PLAIN_NAME.fullmatch(name)
    ):
        raise UntoldError
    return [ListedLayer(name, entry["class_name"], entry["config"], sources)], name


def _nested(entry: Mapping[str, Any], sources: tuple[str, ...]) -> tuple[list[ListedLayer], str]:
    """The layers of a model that is a layer of another: its input layer reads what the model is called with."""
    known = entry.get("module") == _MODELS[entry["class_name"]] and entry.get("registered_name") in {None, "Functional"}
    found = _listed(entry)
    if not known or not len(sources) == len(found.inputs) == len(found.outputs) == 1:
        raise UntoldError
    layers = [replace(layer, sources=sources) if layer.name == found.inputs[0] else layer for layer in found.layers]
    if not any(layer.name == found.inputs[0] and layer.kind == INPUT for layer in layers):
        raise UntoldError
    return layers, found.outputs[0]


def _called_with(entry: Mapping[str, Any]) -> Iterator[str]:
    """The names of the layers and models whose only results a layer is called with, once."""
    nodes = entry.get("inbound_nodes") or [{"args": [], "kwargs": {}}]
    node = nodes[0]
    if isinstance(node, list):  # of Keras 2: [NAME, 0, 0, {}] for each input
        node = {"args": [_of_keras2(reference) for reference in node], "kwargs": {}}
    if len(nodes) != 1 or any(value not in {None, False} for value in node["kwargs"].values()):
        raise UntoldError  # it is called twice, or in another way than with its inputs
    return _sources(node["args"])


def _of_keras2(reference: Any) -> dict[str, Any]:
    *history, options = reference
    if options != {}:
        raise UntoldError
    return {"class_name": _TENSOR, "config": {"keras_history": history}}


def _sources(arguments: Any) -> Iterator[str]:
    for argument in arguments:
        if isinstance(argument, list):
            yield from _sources(argument)
            continue
        if argument["class_name"] != _TENSOR:
            raise UntoldError
        yield from _ends(argument["config"]["keras_history"])


def _ends(references: Any) -> list[str]:
    """The names in one reference to the first result of a layer, [NAME, 0, 0], or in a list of such."""
    if isinstance(references[0], str):
        references = [references]
    if not isinstance(references, list) or any(reference[1:] != [0, 0] for reference in references):
        raise UntoldError
    names = [str(reference[0]) for reference in references]
    if len(set(names)) != len(names):
        raise UntoldError
    return names
