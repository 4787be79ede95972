"""Keras 2 `.h5` and `.hdf5` files: by Keras 3 where it can, else by tf-keras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgecv_runtime.errors import SourceError

from edgecv_converters.source.code import check_code, check_custom
from edgecv_converters.source.custom import custom_objects_of
from edgecv_converters.source.keras3 import is_keras3_class, load_with_keras3
from edgecv_converters.source.keras_model import loaded_of
from edgecv_converters.source.model import Loaded
from edgecv_converters.source.words import gist

_FORMAT = "keras2-h5"


def load(path: Path, *, allow_code: bool, custom_objects: str | None) -> Loaded:
    """Load an HDF5 file as a source; the notes say so where tf-keras had to (see `read_model`)."""
    model, loader, notes = read_model(path, allow_code=allow_code, custom_objects=custom_objects)
    return loaded_of(model, file_format=_FORMAT, loader=loader, notes=notes)


def read_model(path: Path, *, allow_code: bool, custom_objects: str | None) -> tuple[Any, str, tuple[str, ...]]:
    """The model of an HDF5 file, what read it (Keras 3 where that can, else tf-keras), and notes for people.

    Raises:
        SourceError: It holds no model, carries code, needs custom classes, or neither Keras can rebuild it.
    """
    import keras

    config = _config(path)
    check_code(config, path.name, allow_code=allow_code)
    own = custom_objects_of(custom_objects)
    check_custom(config, {*own, *keras.saving.get_custom_objects()}, _is_known_class)
    try:
        model = load_with_keras3(path, own, allow_code=allow_code)
    except SourceError as refusal:
        return _load_with_tf_keras(path, own, refusal, allow_code=allow_code)
    return model, f"keras {keras.__version__}", ()


def _load_with_tf_keras(
    path: Path, own: dict[str, Any], refusal: SourceError, *, allow_code: bool
) -> tuple[Any, str, tuple[str, ...]]:
    import tf_keras

    reason = gist(refusal.__cause__ or refusal)
    try:
        model = tf_keras.models.load_model(path, custom_objects=own, compile=False, safe_mode=not allow_code)
    except Exception as error:
        raise SourceError(
            f"{path.name} cannot be loaded: Keras 3 says {reason!r}, tf-keras says {gist(error)!r}",
            "Load and save it again with the Keras version that wrote it, or export a SavedModel folder",
        ) from error
    loader = f"tf-keras {tf_keras.__version__}"
    note = f"Keras 3 refused the file ({reason}); loaded with {loader}"
    return model, loader, (note,)


def _config(path: Path) -> Any:
    import h5py

    try:
        with h5py.File(path) as file:
            text = file.attrs.get("model_config")
    except OSError as error:
        raise SourceError(f"{path.name} is damaged: {gist(error)}", "Copy or save the model again") from error
    if text is None:
        raise SourceError(
            f"{path.name} holds weights without a model",
            "Save the whole model with model.save('model.keras')",
        )
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SourceError(f"{path.name} is damaged: its model_config is no JSON", "Save the model again") from error


def _is_known_class(name: str) -> bool:
    import tf_keras

    spaces = (tf_keras.layers, tf_keras.initializers, tf_keras.regularizers, tf_keras.constraints)
    internal = {
        "Model",
        "Sequential",
        "Policy",
        "TFOpLambda",
        "SlicingOpLambda",
        "TensorShape",
        "ClassMethod",
    }
    return name in internal or is_keras3_class(name) or any(hasattr(space, name) for space in spaces)
