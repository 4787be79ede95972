"""A model built again from its layers' configurations, with fewer channels where that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv.compress.walk import Graph, walk

Array = npt.NDArray[Any]
Changes = Mapping[str, Mapping[str, Any]]
Kept = Mapping[tuple[str, str], Sequence[tuple[int, npt.NDArray[np.bool_]]]]


def rebuild(graph: Graph, name: str, changes: Changes, kept: Kept, shapes: Sequence[Sequence[int | None]]) -> Any:
    """A functional model of the same layers, by the same names.

    Args:
        graph: The calls to make again.
        name: The new model's name.
        changes: For a layer's name the configuration entries that differ.
        kept: For (layer, weight) the axes to cut, each with a mask of what stays.
        shapes: The inputs' shapes, batch axis included.

    Returns:
        A `keras.Model` with one level of layers, and the graph's weights, cut.
    """
    import keras

    inputs = [
        keras.Input(batch_shape=tuple(shape), dtype=like.dtype, name=_input_name(like))
        for like, shape in zip(graph.inputs, shapes, strict=True)
    ]
    values: dict[int, Any] = dict(enumerate(inputs))
    made: dict[str, Any] = {}
    for call in graph.calls:
        if call.name not in made:
            made[call.name] = _copy(call.layer, call.name, changes.get(call.name, {}))
        args, kwargs = call.arguments(values)
        results = keras.tree.flatten(made[call.name](*args, **kwargs))
        values.update(zip(call.outputs, results, strict=True))
    outputs = keras.tree.pack_sequence_as(graph.structure, [values[number] for number in graph.outputs])
    model = keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs, name=name)
    for call in graph.calls:
        _fill(made[call.name], call.layer, call.name, kept)
    return model


def flattened(model: Any, shapes: Mapping[str, Sequence[int]] | None = None) -> Any:
    """Open up a model's nested models, at the given input shapes (by name, batch axis included)."""
    graph = walk(model)
    given = shapes or {}
    wanted = [_shape(like, given) for like in graph.inputs]
    return rebuild(graph, model.name, {}, {}, wanted)


def _shape(like: Any, given: Mapping[str, Sequence[int]]) -> tuple[int | None, ...]:
    found = given.get(_input_name(like))
    return tuple(like.shape) if found is None else (None, *found[1:])


def _input_name(tensor: Any) -> str:
    return str(tensor._keras_history.operation.name)  # noqa: SLF001  # as Keras itself names its inputs


def _copy(layer: Any, name: str, changes: Mapping[str, Any]) -> Any:
    config = {**layer.get_config(), **changes}
    if "name" in config:
        config["name"] = name
    return type(layer).from_config(config)


def _fill(new: Any, old: Any, name: str, kept: Kept) -> None:
    if not getattr(old, "weights", None):
        return
    new.set_weights([_cut(np.asarray(weight), kept.get((name, weight.name), ())) for weight in old.weights])
    if hasattr(new, "finalize_state"):  # Normalization keeps its numbers ready to use beside its weights
        new.finalize_state()


def _cut(values: Array, cuts: Sequence[tuple[int, npt.NDArray[np.bool_]]]) -> Array:
    for axis, mask in cuts:
        values = np.compress(mask, values, axis=axis)
    return values
