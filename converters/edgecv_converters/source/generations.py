"""The differences between Keras 2 and Keras 3, as far as a configuration shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_MOVED: Final = "keras.engine."  # where Keras 2.12 had what later versions have in keras.src.engine
_HARD_SIGMOID: Final = "hard_sigmoid"
_TENSORFLOW: Final = {
    "crelu_v2": "nn.crelu",
    "identity": "identity",
    "log_sigmoid": "math.log_sigmoid",
    "log_softmax_v2": "nn.log_softmax",
    "softmax_v2": "nn.softmax",
    "swish": "nn.silu",
}
"""TensorFlow's functions that neither Keras knows by the name that it gives them as activations."""


def only_keras2(config: Any) -> bool:
    """Tell whether Keras 3 would read the configuration of a Keras 2 model without an error, and wrongly.

    It has a hard_sigmoid of another slope, and takes the shape of a Sequential model without an input layer, as Keras
    2.0 to 2.3 wrote it, for the shape of one sample.
    """
    return any(value == _HARD_SIGMOID or _begins_bare(value) for value in _values(config))


def today(config: Any) -> Any:
    """The configuration with the names of modules that tf-keras has."""
    if isinstance(config, dict):
        return {key: _module(value) if key == "module" else today(value) for key, value in config.items()}
    return [today(value) for value in config] if isinstance(config, list) else config


def functions_of_tensorflow(config: Any) -> dict[str, Any]:
    """The functions of TensorFlow that a configuration names, by these names."""
    import tensorflow as tf

    found = {}
    for value in _values(config):
        name = _function(value) if isinstance(value, dict) else None
        if name is not None and name in _TENSORFLOW:
            home, _, function = _TENSORFLOW[name].rpartition(".")
            found[name] = getattr(getattr(tf, home) if home else tf, function)
    return found


def _function(value: dict[str, Any]) -> str | None:
    """The name of a function that stands by itself, or as a layer's activation under a name of TensorFlow's own."""
    if value.get("class_name") == "function":
        return str(value.get("config"))
    activation = value.get("activation")
    return activation if isinstance(activation, str) and activation.endswith("_v2") else None


def _begins_bare(value: Any) -> bool:
    """Tell whether it is a Sequential model whose first layer has the shape of the input, batch included."""
    if not isinstance(value, dict) or value.get("class_name") != "Sequential":
        return False
    config = value.get("config")
    layers = config.get("layers") if isinstance(config, dict) else config  # the list alone before Keras 2.2.3
    first = layers[0] if isinstance(layers, list) and layers else None
    if not isinstance(first, dict) or first.get("class_name") == "InputLayer":
        return False
    inner = first.get("config")
    return isinstance(inner, dict) and "batch_input_shape" in inner


def _module(value: Any) -> Any:
    moved = isinstance(value, str) and value.startswith(_MOVED)
    return value.replace("keras.", "keras.src.", 1) if moved else value


def _values(config: Any) -> Iterator[Any]:
    """Every value at any depth."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, dict | list):
            waiting += list(value.values() if isinstance(value, dict) else value)
