"""Data types in a model's configuration: other floats become float32, and what is quantized already is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from edgecv_runtime.errors import SourceError

_OTHERS: Final = frozenset({"mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"})
_FULL: Final = "float32"
_POLICIES: Final = frozenset({"DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "Policy", "PolicyV1"})
_QUANTIZED: Final = frozenset({
    "AWQDTypePolicy", "GPTQDTypePolicy", "Int4DTypePolicy", "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy",
})  # fmt: skip
_QAT_WRAPPERS: Final = frozenset({"QuantizeAnnotate", "QuantizeLayer", "QuantizeWrapper", "QuantizeWrapperV2"})
_TRAINING_WRAPPERS: Final = {
    "PruneLowMagnitude": "tfmot.sparsity.keras.strip_pruning(model)",
    "ClusterWeights": "tfmot.clustering.keras.strip_clustering(model)",
}


def in_float32(config: Any) -> tuple[Any, str | None]:
    """The configuration with float32 in the place of every other float type, and the policy or type that it had.

    The weights stay as they are: a mixed policy keeps them in float32 anyway, and others are widened as they are read.
    """
    found: list[str] = []
    plain = _widened(config, "", found)
    return plain, next((name for name in found if name.startswith("mixed")), found[0] if found else None)


def _class_of(value: Mapping[str, Any]) -> str:
    """The name of the class of an object in a configuration; "" where a damaged file has something else there."""
    name = value.get("class_name")
    return name if isinstance(name, str) else ""


def check_plain(config: Any, name: str) -> None:
    """Refuse a model that was quantized before, or still has the wrappers that a training tool put around its layers.

    Args:
        config: The model's configuration, as JSON has it.
        name: What messages call the file.

    Raises:
        SourceError: The message says what was done to the model, and the hint which model to give instead.
    """
    for value in _objects(config):
        kind = _class_of(value)
        if kind in _QUANTIZED:
            raise SourceError(
                f"{name} is quantized already, by Keras's model.quantize()",
                "Give the model as it was before: edgecv quantizes it (--quantize int8)",
            )
        if kind in _QAT_WRAPPERS:
            raise SourceError(
                f"{name} is quantized already: it has the layers of TensorFlow's quantization-aware training ({kind})",
                "Give the model as it was before quantize_model: edgecv trains it the same way (--qat FOLDER)",
            )
        if kind in _TRAINING_WRAPPERS:
            raise SourceError(
                f"{name} still has the wrappers that it was trained with ({kind})",
                f"Take them off and save it again: {_TRAINING_WRAPPERS[kind]}",
            )


def _widened(value: Any, key: str, found: list[str], *, policy: bool = False) -> Any:
    if isinstance(value, dict):
        inside = policy or _class_of(value) in _POLICIES
        return {name: _widened(inner, name, found, policy=inside) for name, inner in value.items()}
    if isinstance(value, list):
        return [_widened(inner, key, found, policy=policy) for inner in value]
    if isinstance(value, str) and value in _OTHERS and (policy or key == "dtype" or key.endswith("_dtype")):
        found.append(value)
        return _FULL
    return value


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Every object of a configuration that has a class, at any depth."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            value = list(value.values())
        waiting += [inner for inner in value if isinstance(inner, dict | list)] if isinstance(value, list) else []
