"""A model in memory, written to where the converters' own processes can read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgecv_converters.graph.freeze import functions_inlined
from edgecv_converters.source.keras_model import all_layers, flat_call, input_ports, is_functional
from edgecv_converters.source.keras_model import output_names as names_of


def save_live(model: Any, folder: Path) -> Path:
    """Save a live `keras.Model` under `folder`, which exists.

    A graph of Keras's own layers becomes `model.keras`. A subclassed model, or one with custom or Lambda
    layers, becomes a SavedModel folder `model`, which needs no Python code to be read.

    Raises:
        SourceError: The model was never built.
    """
    ports = input_ports(model)
    if is_functional(model) and all(_is_kerass_own(layer) for layer in all_layers(model)):
        path = folder / "model.keras"
        model.save(path)
        return path
    return _export(model, ports, folder / "model")


def _is_kerass_own(layer: Any) -> bool:
    kind = type(layer)
    return kind.__module__.partition(".")[0] == "keras" and kind.__name__ != "Lambda"


def _export(model: Any, ports: Any, path: Path) -> Path:
    import tensorflow as tf

    call = flat_call(model)
    names = names_of(model, ports)

    def serve(**tensors: Any) -> dict[str, Any]:
        found = call([tensors[port.name] for port in ports])
        return {name: tf.identity(value) for name, value in zip(names, found, strict=True)}

    specs = {port.name: tf.TensorSpec(port.shape, port.dtype, name=port.name) for port in ports}
    holder = tf.Module()
    holder.variables_of_model = [getattr(weight, "value", weight) for weight in model.weights]
    with functions_inlined():
        signature = tf.function(serve, autograph=False).get_concrete_function(**specs)
    tf.saved_model.save(holder, str(path), signatures=signature)
    return path
