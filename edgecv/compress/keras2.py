"""A model that only tf-keras can read, built again in Keras 3 and proven to be the same."""

from __future__ import annotations

import inspect
from typing import Any, Final

import numpy as np
from edgecv_converters.source.keras_model import flat_call
from edgecv_runtime.errors import SourceError

TOLERANCE: Final = 1e-5  # of the largest output; the two generations order their sums differently
ROUNDING: Final = 1e-6  # of values around 1, which an output near zero may be the difference of
_RENAMED: Final = {"batch_input_shape": "batch_shape", "alpha": "negative_slope"}
_HINT: Final = "Load it where it was trained, and save it again as .keras with Keras 3"
_DROPPED: Final = ("initializer", "constraint", "regularizer")  # of training, and written differently by then


def to_keras3(model: Any) -> Any:
    """Rebuild a network in Keras 3, its weights copied layer by layer, checked on random inputs.

    Raises:
        SourceError: A layer has no like in Keras 3, or the outputs are not the same.
    """
    import keras

    if type(model).__name__ not in {"Functional", "Sequential"}:
        raise SourceError(f"the model {model.name!r} is no graph of layers", _HINT)
    entry = {"class_name": type(model).__name__, "config": model.get_config()}
    try:
        twin = keras.saving.deserialize_keras_object(_translated(entry))
    except Exception as error:
        reason = str(error).splitlines()[0][:200]
        raise SourceError(f"the Keras 2 model {model.name!r} cannot be built in Keras 3: {reason}", _HINT) from error
    _copy_weights(model, twin)
    _check_equal(model, twin)
    return twin


def _translated(entry: dict[str, Any]) -> dict[str, Any]:
    """One serialized layer or model as Keras 3 writes it; connections stay in the old form, which it reads."""
    import keras

    kind, config = entry["class_name"], dict(entry["config"])
    made = {**entry, "registered_name": None, "module": "keras.layers"}
    made.pop("build_config", None)
    if "layers" in config:
        config["layers"] = [_translated(inner) for inner in config["layers"]]
        _renumber_calls(config)
        _unwrap_single_ends(config)
        config.pop("build_input_shape", None)
        home = "keras" if kind == "Sequential" else "keras.src.models.functional"
        return {**made, "module": home, "config": config}
    found = getattr(keras.layers, kind, None)
    if found is None:
        raise SourceError(f"the layer {config.get('name')!r} is a {kind}, which Keras 3 does not have", _HINT)
    return {**made, "config": _layer_config(found, config)}


def _renumber_calls(config: dict[str, Any]) -> None:
    """Count the calls of nested models from 0: Keras 2 has one more, of the nested model on its own inputs."""
    nested = {inner["name"] for inner in config["layers"] if "layers" in inner["config"] and "name" in inner}
    references = [
        reference
        for inner in config["layers"]
        for node in inner.get("inbound_nodes", ())
        for reference in node
        if reference[0] in nested
    ]
    references += [reference for reference in config.get("output_layers", ()) if reference[0] in nested]
    for name in nested:
        own = [reference for reference in references if reference[0] == name]
        order = sorted({reference[1] for reference in own})
        for reference in own:
            reference[1] = order.index(reference[1])


def _unwrap_single_ends(config: dict[str, Any]) -> None:
    """Write one input or output alone: of a list of one Keras 3 makes a model that takes or gives a list."""
    for key in ("input_layers", "output_layers"):
        ends = config.get(key)
        if isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list | tuple):
            config[key] = ends[0]


def _layer_config(kind: Any, config: dict[str, Any]) -> dict[str, Any]:
    accepted = {*inspect.signature(kind.__init__).parameters, "name", "dtype", "trainable"} - {"kwargs", "self"}
    for old, new in _RENAMED.items():
        if old in config and old not in accepted and new in accepted:
            config[new] = config.pop(old)
    axis = config.get("axis")
    if isinstance(axis, list | tuple) and len(axis) == 1:
        config["axis"] = axis[0]
    return {key: value for key, value in config.items() if key in accepted and not key.endswith(_DROPPED)}


def _copy_weights(model: Any, twin: Any) -> None:
    theirs = {layer.name: layer for layer in model._flatten_layers(include_self=False)}  # noqa: SLF001  # at all depths
    for layer in twin._flatten_layers(include_self=False):  # noqa: SLF001
        if layer.weights and not getattr(layer, "layers", None):
            try:
                layer.set_weights(theirs[layer.name].get_weights())
            except (KeyError, ValueError) as error:
                raise SourceError(f"the weights of {layer.name!r} do not fit its like in Keras 3", _HINT) from error


def _check_equal(model: Any, twin: Any) -> None:
    rng = np.random.default_rng(0)
    samples = [rng.uniform(0, 1, (4, *(size or 32 for size in t.shape[1:]))).astype(np.float32) for t in model.inputs]
    for one, other in zip(flat_call(model)(samples), flat_call(twin)(samples), strict=True):
        expected, got = np.asarray(one), np.asarray(other)
        worst = float(np.abs(expected - got).max())
        if not worst <= max(TOLERANCE * float(np.abs(expected).max()), ROUNDING):
            raise SourceError(f"built in Keras 3, the model {model.name!r} answers differently (by {worst:.2g})", _HINT)
