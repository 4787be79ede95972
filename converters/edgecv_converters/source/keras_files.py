"""Keras's own files, `.keras` and `.h5`: read by Keras 3 where it reads them rightly, else by tf-keras."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from edgecv_runtime.errors import EdgecvError, SourceError

from edgecv_converters.source.archive import check_weights, has_old_names, read_config, read_version
from edgecv_converters.source.budget import limited_weights
from edgecv_converters.source.causes import EXPORT, hint_of
from edgecv_converters.source.code import check_config, named_classes, parse_config, usable_objects
from edgecv_converters.source.connections import unconnected
from edgecv_converters.source.custom import classes_inside, custom_objects_of
from edgecv_converters.source.detect import ModelFormat
from edgecv_converters.source.generations import functions_of_tensorflow, only_keras2, today
from edgecv_converters.source.hdf5 import check_hdf5, read_architecture, read_training
from edgecv_converters.source.keras_model import loaded_of
from edgecv_converters.source.losses import trained_as
from edgecv_converters.source.model import Loaded
from edgecv_converters.source.policies import check_plain, in_float32
from edgecv_converters.source.repack import readable
from edgecv_converters.source.words import gist

_SAFETY: Final = ("safe_mode", "unsafe_deserialization", "Not allowed", "security")
"""Words of Keras 3's own refusals: no reason to try tf-keras, which has fewer of them."""

_SAVE_AGAIN: Final = f"Load and save it again with the Keras version that wrote it, or {EXPORT}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasModel:
    """A model in memory, what read it ("keras 3.15.1"), the version that wrote it ("" if unknown), and notes.

    `training` is the configuration of its training, of any form; None where the file has none.
    """

    model: Any
    loader: str
    writer: str
    training: Any = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """A file that was looked through: what it holds, and the user's own classes and functions.

    Attributes:
        config: The configuration that is to be loaded; `changed` says that the file has another.
        precision: The float type that it had in the place of float32, or None.
    """

    path: Path
    suffix: str
    config: Any
    changed: bool
    precision: str | None
    old: bool
    writer: str
    training: Any
    capacity: int
    own: Mapping[str, Any]
    allow_code: bool


def load(path: Path, kind: ModelFormat, *, allow_code: bool, custom_objects: str | None) -> Loaded:
    """Load a Keras file as a source; see `read_model`."""
    read = read_model(path, kind, allow_code=allow_code, custom_objects=custom_objects)
    generation = "keras2" if read.writer.startswith("2") else "keras3"
    file_format = "keras2-h5" if kind is ModelFormat.HDF5 else generation
    try:
        loaded = loaded_of(read.model, file_format=file_format, loader=read.loader, notes=read.notes)
        return replace(loaded, trained_as=trained_as(read.training, loaded.output_names))
    except EdgecvError:
        raise
    except Exception as error:  # of a layer's own code, which is traced
        cause = gist(error)
        raise SourceError(f"the model in {path.name} does not run: {cause}", hint_of(cause, _SAVE_AGAIN)) from error


def read_model(path: Path, kind: ModelFormat, *, allow_code: bool, custom_objects: str | None) -> KerasModel:
    """The model of a Keras file, in float32, after everything in the file was checked.

    Keras 3 reads it where it can; tf-keras reads what only Keras 2 reads, or reads rightly.

    Raises:
        SourceError: The file holds no model, carries or names code, reads other files, needs custom classes, asks for
            more weights than it holds, is quantized already, or neither Keras can rebuild it.
    """
    file = _check(path, kind, allow_code=allow_code, custom_objects=custom_objects)
    rename = file.suffix == ".keras" and has_old_names(path)
    with readable(path, file.suffix, file.config if file.changed else None, rename=rename) as place:
        model, loader = _read(file, place)
    notes: tuple[str, ...] = (f"it is a Keras 2 file, read by {loader}",) if loader.startswith("tf-keras") else ()
    if file.precision:
        notes += (f"it was trained in {file.precision}: its weights are taken into the same model in float32",)
    return KerasModel(model=model, loader=loader, writer=file.writer, training=file.training, notes=notes)


def _check(path: Path, kind: ModelFormat, *, allow_code: bool, custom_objects: str | None) -> _Checked:
    text: str | bytes
    if kind is ModelFormat.KERAS:
        capacity, writer, text = check_weights(path), read_version(path), read_config(path)
        what = f"config.json in {path.name}"
    else:
        capacity = check_hdf5(path, path.name)
        (text, writer), what = read_architecture(path), f"the model_config of {path.name}"
    config = parse_config(text, what)
    check_plain(config, path.name)
    own = usable_objects(custom_objects_of(custom_objects))
    own = {**classes_inside(custom_objects, named_classes(config, path.name)), **own}
    own = {**functions_of_tensorflow(config), **own}
    check_config(config, path.name, {*own, *_registered()}, allow_code=allow_code)
    generation = writer.partition(".")[0]
    old = generation in {"1", "2"} or (kind is ModelFormat.HDF5 and not generation)
    loaded, precision = in_float32(today(config) if old else config)
    return _Checked(
        path=path,
        suffix=".keras" if kind is ModelFormat.KERAS else ".h5",
        config=loaded,
        changed=loaded != config,
        precision=precision,
        old=old,
        writer=writer,
        training=config.get("compile_config") if kind is ModelFormat.KERAS else read_training(path),
        capacity=capacity,
        own=own,
        allow_code=allow_code,
    )


def _registered() -> Collection[str]:
    import keras

    return set(keras.saving.get_custom_objects())


def _read(file: _Checked, place: Path) -> tuple[Any, str]:
    """The model and what read it."""
    refusal: Exception | None = None
    if not file.old or not only_keras2(file.config):
        try:
            return _with_keras3(file, place)
        except SourceError:
            raise
        except Exception as error:
            if not file.old or any(word in str(error) for word in _SAFETY):
                raise _unreadable(file, error) from error
            refusal = error
    stuck = unconnected(file.config)
    if stuck:  # tf-keras would wait for these for ever
        raise SourceError(
            f"{file.path.name} is damaged: its layers are connected in a circle, or to nothing: {', '.join(stuck[:5])}",
            "Copy or save the model again",
        ) from refusal
    try:
        return _with_tf_keras(file, place)
    except SourceError:
        raise
    except Exception as error:
        raise _unreadable(file, error, refusal) from error


def _with_keras3(file: _Checked, place: Path) -> tuple[Any, str]:
    import keras

    with _bounded(file):
        safe = not file.allow_code
        model = keras.models.load_model(place, custom_objects=dict(file.own), compile=False, safe_mode=safe)
    return model, f"keras {keras.__version__}"


def _with_tf_keras(file: _Checked, place: Path) -> tuple[Any, str]:
    import tf_keras

    with _bounded(file):
        safe = {"safe_mode": not file.allow_code} if file.suffix == ".keras" else {}
        model = tf_keras.models.load_model(place, custom_objects=dict(file.own), compile=False, **safe)
    return model, f"tf-keras {tf_keras.__version__}"


@contextmanager
def _bounded(file: _Checked) -> Iterator[None]:
    """Let no layer ask for more weights than the file holds, whatever the loader makes of that refusal."""
    with limited_weights(file.path.name, file.capacity) as budget:
        try:
            yield
        except Exception:
            if budget.refusal is not None:
                raise budget.refusal from None  # what the loader made of it may have it as its cause
            raise


def _unreadable(file: _Checked, error: Exception, refusal: Exception | None = None) -> SourceError:
    """The error for a model that Keras cannot rebuild, with the cause, and the hint that fits the cause."""
    import keras

    name = f"{file.path.name} (of Keras {file.writer})" if file.writer else file.path.name
    cause = gist(error)
    if not file.old:
        return SourceError(f"Keras {keras.__version__} cannot load {name}: {cause}", hint_of(cause, _SAVE_AGAIN))
    first = "" if refusal is None or gist(refusal) == cause else f"Keras 3 says {gist(refusal)!r}, "
    said = f"{name} cannot be loaded: {first}tf-keras says {cause!r}"
    return SourceError(said, hint_of(cause, _SAVE_AGAIN))
