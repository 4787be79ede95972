"""Keras 3 `.keras` files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from edgecv_runtime.errors import SourceError

from edgecv_converters.source.code import check_code, check_custom
from edgecv_converters.source.custom import custom_objects_of
from edgecv_converters.source.keras_model import loaded_of
from edgecv_converters.source.model import Loaded
from edgecv_converters.source.words import gist


def load(path: Path, *, allow_code: bool, custom_objects: str | None) -> Loaded:
    """Load a `.keras` file as a source; see `read_model`."""
    import keras

    model = read_model(path, allow_code=allow_code, custom_objects=custom_objects)
    return loaded_of(model, file_format="keras3", loader=f"keras {keras.__version__}")


def read_model(path: Path, *, allow_code: bool, custom_objects: str | None) -> Any:
    """The `keras.Model` of a `.keras` file, read in Keras's safe mode unless `allow_code`.

    Raises:
        SourceError: It carries code, needs custom classes, or Keras cannot rebuild it.
    """
    import keras

    config = _config(path)
    check_code(config, path.name, allow_code=allow_code)
    own = custom_objects_of(custom_objects)
    check_custom(config, {*own, *keras.saving.get_custom_objects()}, is_keras3_class)
    return load_with_keras3(path, own, allow_code=allow_code)


def load_with_keras3(path: Path, own: dict[str, Any], *, allow_code: bool) -> Any:
    """`keras.models.load_model` for inference, whose many kinds of error become one.

    Raises:
        SourceError: Keras cannot rebuild the model.
    """
    import keras

    try:
        return keras.models.load_model(path, custom_objects=own, compile=False, safe_mode=not allow_code)
    except Exception as error:
        raise SourceError(
            f"Keras {keras.__version__} cannot load {path.name}: {gist(error)}",
            "Load and save it again with the Keras version that wrote it, or export a SavedModel folder",
        ) from error


def is_keras3_class(name: str) -> bool:
    """Whether Keras 3 has a public layer, model, initializer... of that name."""
    import keras

    spaces = (
        keras,
        keras.layers,
        keras.initializers,
        keras.regularizers,
        keras.constraints,
        keras.dtype_policies,
    )
    return name == "Functional" or any(hasattr(space, name) for space in spaces)


def _config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path.name} is damaged: its config.json is no JSON", "Copy or save the model again"
        ) from error
