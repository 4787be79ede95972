"""SavedModel folders, by one of their signatures: no Python code of the model runs."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from edgecv_runtime.errors import SourceError
from edgecv_runtime.files import MIB, read_regular

from edgecv_converters.source.detect import refuse_pointer
from edgecv_converters.source.graph_ops import check_graphs
from edgecv_converters.source.model import Loaded
from edgecv_converters.source.signatures import choose
from edgecv_converters.source.stateless import check_stateless, without_assignments
from edgecv_converters.source.words import gist

_MOST_BYTES = 2048 * MIB  # what a protocol buffer can have
_MOST_FILES = 10_000
_AGAIN = "Copy or export the folder again"
_FOLLOWED = "its links followed (cp -rL), if you trust where they lead"
_SERVES = frozenset({"serving_default", "__call__"})


def load(path: Path, *, allow_code: bool, wanted: str | None = None) -> Loaded:
    """Load a SavedModel folder, after everything in it was checked.

    Raises:
        UsageError: It has no signature of the name that is wanted.
        SourceError: It is damaged, it is not clear which signature to take, it keeps a state, calls Python
            code, leads out of its folder, or its graphs do more than compute (which `allow_code` permits).
    """
    import tensorflow as tf

    _check_folder(path)
    saved = _read(path)
    _check_assets(path, saved)
    check_graphs(saved, path.name, allow_code=allow_code)
    try:
        with tf.device("/CPU:0"), without_assignments(path, saved) as folder:
            restored = tf.saved_model.load(str(folder))
    except Exception as error:
        raise SourceError(
            f"TensorFlow {tf.__version__} cannot load {path.name}: {gist(error)}",
            "Copy the whole folder again, with its variables",
        ) from error
    signature = choose(restored, path.name, wanted)
    check_stateless(signature.graph, path.name)
    variables = {id(variable): variable for variable in signature.variables}.values()
    return Loaded(
        format="savedmodel",
        loader=f"tensorflow {tf.__version__}",
        inputs=signature.inputs,
        output_names=signature.outputs,
        call=signature.call,
        freezable=lambda _specs: signature.call,
        weights=tuple((variable.name, variable.numpy) for variable in variables),
        parameters=sum(int(np.prod(variable.shape)) for variable in variables),
        rows=None,
        has_preprocessing=None,
        notes=(
            *(() if signature.name in _SERVES else (f"the signature {signature.name!r} was taken",)),
            *signature.notes,
        ),
    )


def _check_folder(path: Path) -> None:
    """Nothing in the folder is, or leads to, anything but regular files in it."""
    root = path.resolve()
    for count, file in enumerate(path.rglob("*")):
        if count >= _MOST_FILES:
            raise SourceError(f"{path.name} holds more than {_MOST_FILES:,} files, which no model does", _AGAIN)
        place = f"{path.name}/{file.relative_to(path).as_posix()}"
        if file.is_symlink() and not file.resolve().is_relative_to(root):
            raise SourceError(f"{place} is a link that leads outside of the model", f"Copy the folder with {_FOLLOWED}")
        if not file.is_file() and not file.is_dir():
            raise SourceError(f"{place} is no regular file, or a link that leads nowhere", _AGAIN)
        if file.is_file():
            refuse_pointer(file, place)


def _read(path: Path) -> Any:
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    try:
        saved = SavedModel.FromString(read_regular(path / "saved_model.pb", _MOST_BYTES))
    except DecodeError as error:
        raise SourceError(f"{path.name}/saved_model.pb is damaged", _AGAIN) from error
    except OSError as error:
        raise SourceError(f"{path.name}/saved_model.pb cannot be read: {error.strerror}", _AGAIN) from error
    if not saved.meta_graphs:
        raise SourceError(f"{path.name}/saved_model.pb is empty or truncated", _AGAIN)
    return saved


def _check_assets(path: Path, saved: Any) -> None:
    """The files that a graph is given by name lie in the folder's `assets`."""
    for meta in saved.meta_graphs:
        for asset in meta.asset_file_def:
            name = PurePosixPath(asset.filename)
            if name.is_absolute() or ".." in name.parts:
                raise SourceError(f"{path.name} reads a file outside of it: its asset {asset.filename!r}", _AGAIN)
