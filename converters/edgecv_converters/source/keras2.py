"""Keras 2 `.h5` and `.hdf5` files: by Keras 3 where it can, else by tf-keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from edgecv_runtime.errors import SourceError

from edgecv_converters.source.archive import MOST_CONFIG_BYTES
from edgecv_converters.source.budget import WeightBudget, limited_weights
from edgecv_converters.source.code import check_config, parse_config, usable_objects
from edgecv_converters.source.connections import unconnected
from edgecv_converters.source.custom import custom_objects_of
from edgecv_converters.source.hdf5 import check_hdf5
from edgecv_converters.source.keras3 import load_with_keras3, named, unreadable
from edgecv_converters.source.keras_model import loaded_of
from edgecv_converters.source.model import Loaded
from edgecv_converters.source.words import gist

_FORMAT = "keras2-h5"
_SAFETY: Final = ("safe_mode", "unsafe_deserialization", "Not allowed", "security")
"""Words of Keras 3's own refusals: no reason to try tf-keras, which has fewer of them."""


def load(path: Path, *, allow_code: bool, custom_objects: str | None) -> Loaded:
    """Load an HDF5 file as a source; the notes say so where tf-keras had to (see `read_model`)."""
    model, loader, notes = read_model(path, allow_code=allow_code, custom_objects=custom_objects)
    return loaded_of(model, file_format=_FORMAT, loader=loader, notes=notes)


def read_model(path: Path, *, allow_code: bool, custom_objects: str | None) -> tuple[Any, str, tuple[str, ...]]:
    """The model of an HDF5 file, what read it (Keras 3 where that can, else tf-keras), and notes for people.

    Raises:
        SourceError: It holds no model, carries or names code, reads other files, needs custom classes, asks for more
            weights than it holds, or neither Keras can rebuild it.
    """
    import keras

    capacity = check_hdf5(path, path.name)
    config = parse_config(_config(path), f"the model_config of {path.name}")
    own = usable_objects(custom_objects_of(custom_objects))
    check_config(config, path.name, {*own, *keras.saving.get_custom_objects()}, allow_code=allow_code)
    with limited_weights(path.name, capacity) as budget:
        try:
            model = load_with_keras3(path, ".h5", own, allow_code=allow_code)
        except Exception as error:
            if budget.refusal is not None:
                raise budget.refusal from error
            if any(word in str(error) for word in _SAFETY):
                raise unreadable(path, error) from error
            refusal = error
        else:
            return model, f"keras {keras.__version__}", ()
    stuck = unconnected(config)
    if stuck:  # tf-keras would wait for these for ever
        raise SourceError(
            f"{path.name} is damaged: its layers are connected in a circle, or to nothing: {', '.join(stuck[:5])}",
            "Copy or save the model again",
        ) from refusal
    return _load_with_tf_keras(path, own, gist(refusal), capacity)


def _load_with_tf_keras(
    path: Path, own: dict[str, Any], reason: str, capacity: int
) -> tuple[Any, str, tuple[str, ...]]:
    import tf_keras

    with limited_weights(path.name, capacity) as budget, named(path, ".h5") as file:
        try:
            model = tf_keras.models.load_model(file, custom_objects=own, compile=False)
        except Exception as error:
            raise _neither(path, reason, budget, error) from error
    loader = f"tf-keras {tf_keras.__version__}"
    note = f"Keras 3 refused the file ({reason}); loaded with {loader}"
    return model, loader, (note,)


def _neither(path: Path, reason: str, budget: WeightBudget, error: Exception) -> SourceError:
    if budget.refusal is not None:
        return budget.refusal
    return SourceError(
        f"{path.name} cannot be loaded: Keras 3 says {reason!r}, tf-keras says {gist(error)!r}",
        "Load and save it again with the Keras version that wrote it, or export a SavedModel folder",
    )


def _config(path: Path) -> str:
    """The text of the model's configuration; every fault of the file was found before, but for that of this text."""
    import h5py

    with h5py.File(path) as file:
        try:
            text = file.attrs.get("model_config")
            text = text.decode() if isinstance(text, bytes) else text
        except (OSError, TypeError, ValueError, RuntimeError) as error:
            raise SourceError(f"{path.name} is damaged: {gist(error)}", "Copy or save the model again") from error
    if text is None:
        raise SourceError(
            f"{path.name} holds weights without a model",
            "Save the whole model with model.save('model.keras')",
        )
    if not isinstance(text, str) or len(text) > MOST_CONFIG_BYTES:
        raise SourceError(f"{path.name} is damaged: its model_config is too large, or no text", "Save the model again")
    return text
