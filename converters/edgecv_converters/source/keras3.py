"""Keras 3 `.keras` files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgecv_runtime.errors import SourceError

from edgecv_converters.source.archive import check_weights, read_config
from edgecv_converters.source.budget import limited_weights
from edgecv_converters.source.code import check_config, parse_config, usable_objects
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
    """The `keras.Model` of a `.keras` file, after everything in the file was checked.

    Raises:
        SourceError: It carries or names code, reads other files, needs custom classes, asks for more weights than it
            holds, or Keras cannot rebuild it.
    """
    import keras

    config = parse_config(read_config(path), f"config.json in {path.name}")
    own = usable_objects(custom_objects_of(custom_objects))
    check_config(config, path.name, {*own, *keras.saving.get_custom_objects()}, allow_code=allow_code)
    with limited_weights(path.name, check_weights(path)):
        try:
            return load_with_keras3(path, ".keras", own, allow_code=allow_code)
        except SourceError:
            raise
        except Exception as error:
            raise unreadable(path, error) from error


def load_with_keras3(path: Path, suffix: str, own: dict[str, Any], *, allow_code: bool) -> Any:
    """`keras.models.load_model` for inference, of a file that was checked to be of the kind of `suffix`."""
    import keras

    with named(path, suffix) as file:
        return keras.models.load_model(file, custom_objects=own, compile=False, safe_mode=not allow_code)


def unreadable(path: Path, error: Exception) -> SourceError:
    """The error for a model that Keras 3 cannot rebuild."""
    import keras

    return SourceError(
        f"Keras {keras.__version__} cannot load {path.name}: {gist(error)}",
        "Load and save it again with the Keras version that wrote it, or export a SavedModel folder",
    )


@contextmanager
def named(path: Path, suffix: str) -> Iterator[Path]:
    """Give a file a name that ends in `suffix`.

    Keras tells formats by their names. A file that is HDF5 and a zip archive at once would be checked as one and
    loaded as the other.
    """
    with TemporaryDirectory(prefix="edgecv-") as folder:
        link = Path(folder) / f"model{suffix}"
        link.symlink_to(path.absolute())
        yield link
