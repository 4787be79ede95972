"""The model to make smaller, as a Keras 3 graph of one level of layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgecv_converters.source.detect import ModelFormat, detect
from edgecv_runtime.errors import SourceError, UsageError

from edgecv.compress.rebuild import flattened
from edgecv.compress.walk import is_graph


def load_flat(
    path: Path, *, input_shapes: Mapping[str, tuple[int, ...]], allow_code: bool, custom_objects: str | None
) -> Any:
    """Read a model file and open up its nested models, with every layer trainable.

    Raises:
        SourceError: It cannot be read, is a SavedModel, no graph of layers, or has no like in Keras 3.
        UsageError: An input has open dimensions that `input_shapes` does not settle.
    """
    model = _read(path, allow_code=allow_code, custom_objects=custom_objects)
    return flat(model, input_shapes)


def flat(model: Any, input_shapes: Mapping[str, tuple[int, ...]] | None = None) -> Any:
    """A live model with its nested models opened up and every layer trainable; the original stays as it is.

    Raises:
        SourceError: It is no graph of layers.
        UsageError: An input has open dimensions that `input_shapes` does not settle.
    """
    if not is_graph(model):
        raise SourceError(
            f"the model {getattr(model, 'name', '')!r} ({type(model).__name__}) is no graph of layers",
            "Build it with keras.Sequential, or from keras.Input with keras.Model(inputs, outputs)",
        )
    made = flattened(model, _by_name(model, input_shapes or {}))
    for tensor in made.inputs:
        if None in tensor.shape[1:]:
            raise UsageError(
                f"an input of the model has open dimensions {tuple(tensor.shape[1:])}",
                "Give the shape with --input-shape 1,H,W,C",
            )
    made.trainable = True
    return made


def _by_name(model: Any, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    names = [tensor._keras_history.operation.name for tensor in model.inputs]  # noqa: SLF001  # Keras's own name
    given = {names[0]: shapes[""]} if "" in shapes else dict(shapes)
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise UsageError(f"the model has no input {unknown[0]!r}", f"Its inputs are {', '.join(names)}")
    return given


def _read(path: Path, *, allow_code: bool, custom_objects: str | None) -> Any:
    kind = detect(path)
    if kind is ModelFormat.SAVED_MODEL:
        raise SourceError(
            f"{path.name} is a SavedModel: it holds operations, no layers to make smaller",
            "Give the Keras model that it was exported from, as .keras or .h5",
        )
    from edgecv_converters.source import keras_files

    read = keras_files.read_model(path, kind, allow_code=allow_code, custom_objects=custom_objects)
    if read.loader.startswith("tf-keras"):
        from edgecv.compress.keras2 import to_keras3

        return to_keras3(read.model)
    return read.model
