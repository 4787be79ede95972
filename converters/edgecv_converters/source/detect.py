"""The format of a trained model's file or folder, told by its content."""

from __future__ import annotations

from difflib import get_close_matches
from enum import Enum
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Final

from edgecv_runtime.bundle import MANIFEST
from edgecv_runtime.errors import SourceError
from edgecv_runtime.files import open_regular

from edgecv_converters.source.archive import CONFIG, WEIGHTS, holds_model, names_in
from edgecv_converters.source.hdf5 import WHOLE_MODEL

ALIKE: Final = 0.8  # from which on a name may be a slip of another: what ends in .keras alone is not enough
MOST_NAMES: Final = 1000  # of a folder, that a missing name is compared with
_TAKES = "edgecv takes a Keras 3 .keras file, a Keras 2 .h5 file or a SavedModel folder"
_LFS = b"version https://git-lfs.github.com/spec/"
_PULL = "Fetch the files themselves with: git lfs pull"
_MAGIC = (
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"%PDF", "a PDF"),
    (0, b"\x80\x04", "a Python pickle"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x1f\x8b", "a gzip archive (unpack it, and give what is in it)"),
    (257, b"ustar", "a tar archive (unpack it, and give what is in it)"),
    (4, b"TFL3", "a TFLite model, already converted"),
)
_HEAD = 512  # bytes, in which every kind of file says what it is
_MODELS = frozenset({".keras", ".h5", ".hdf5", ".pb"})
_NAMES = {
    "*.onnx": "an ONNX model, already converted",
    "checkpoint": "part of a checkpoint",
    "*.index": "part of a checkpoint",
    "*.data-?????-of-?????": "part of a checkpoint",
    "*.pb": "a graph without its folder (give the SavedModel's folder)",
    "*.pt": "a PyTorch model",
    "*.pth": "a PyTorch model",
}


class ModelFormat(Enum):
    """The formats that there is a loader for."""

    KERAS = "keras"
    HDF5 = "hdf5"
    SAVED_MODEL = "savedmodel"


def detect(path: Path) -> ModelFormat:
    """Tell the format of a model by its first bytes.

    Raises:
        SourceError: Nothing is there, or it is empty, damaged, or something else.
    """
    try:
        found = path.exists()
    except OSError as error:  # a name of an impossible length, a loop of links
        raise SourceError(f"{path.name[:100]} cannot be opened: {error.strerror}", _TAKES) from error
    if not found:
        raise SourceError(f"{path.name} does not exist", _instead(path.absolute()))
    return _folder(path) if path.is_dir() else _file(path)


def _instead(missing: Path) -> str:
    """Say where a model was looked for, and what lies there under a name much like it."""
    folder = missing.parent
    try:
        names = sorted(islice((path.name for path in folder.iterdir()), MOST_NAMES))
    except OSError:
        return f"There is no folder {folder}" if not folder.exists() else f"The folder {folder} cannot be read"
    near = get_close_matches(missing.name, names, n=1, cutoff=ALIKE)
    return f"Did you mean {near[0]}, in {folder}?" if near else f"It is looked for in {folder}; {_TAKES}"


def refuse_pointer(path: Path, name: str) -> None:
    """Refuse what Git LFS leaves in the place of a file that it did not fetch.

    Args:
        path: A regular file.
        name: What messages call it.

    Raises:
        SourceError: It is such a pointer.
    """
    with open_regular(path) as file:
        if file.read(len(_LFS)) == _LFS:
            raise SourceError(f"{name} is a pointer of Git LFS, in the place of the file itself", _PULL)


def _folder(path: Path) -> ModelFormat:
    if (path / "saved_model.pb").is_file():
        return ModelFormat.SAVED_MODEL
    if (path / MANIFEST).is_file():
        raise SourceError(f"{path.name} is a bundle, already converted, not a trained Keras model", _TAKES)
    if (path / "checkpoint").is_file() or any(path.glob("*.index")):
        raise SourceError(f"{path.name} is a checkpoint: weights without a model", WHOLE_MODEL)
    if all((path / part).is_file() for part in (CONFIG, WEIGHTS)):
        raise SourceError(
            f"{path.name} is an unpacked .keras file",
            f"Pack it again, without the folder itself: cd {path.name} && zip -0 -r ../model.keras .",
        )
    inner = next((found.parent for found in sorted(path.glob("*/saved_model.pb"))), None)
    if inner is not None:
        raise SourceError(
            f"{path.name} is a folder around the SavedModel {inner.name}", f"Give the SavedModel itself: {inner}"
        )
    raise SourceError(f"{path.name} is a folder without saved_model.pb", _TAKES)


def _file(path: Path) -> ModelFormat:
    try:
        with open_regular(path) as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error.strerror}", _TAKES) from error
    if not head:
        raise SourceError(f"{path.name} is empty", "Copy or save the model again")
    refuse_pointer(path, path.name)
    if head.startswith(b"PK"):
        if holds_model(path):
            return ModelFormat.KERAS
        raise _without_model(path)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return ModelFormat.HDF5
    if head.startswith(b"{") and b'class_name"' in head:
        raise SourceError(f"{path.name} holds the architecture of a model without its weights", WHOLE_MODEL)
    raise SourceError(f"{path.name} is {_foreign(path, head)}, not a trained Keras model", _TAKES)


def _without_model(path: Path) -> SourceError:
    """Say what a zip archive holds in the place of a Keras model."""
    names = names_in(path)
    inner = next((name for name in names if name != WEIGHTS and PurePosixPath(name).suffix in _MODELS), None)
    if inner is not None:
        what = "a SavedModel" if inner.endswith(".pb") else inner
        return SourceError(f"{path.name} is a zip archive with {what} in it", "Unpack it, and give what is in it")
    if WEIGHTS in names:
        return SourceError(f"{path.name} holds weights without a model", WHOLE_MODEL)
    if any(PurePosixPath(name).name == "data.pkl" for name in names):
        return SourceError(f"{path.name} is a PyTorch model, not a trained Keras model", _TAKES)
    return SourceError(f"{path.name} is a zip archive without a Keras model in it", _TAKES)


def _foreign(path: Path, head: bytes) -> str:
    """Say what the file seems to be, for the message."""
    for position, magic, name in _MAGIC:
        if head[position:].startswith(magic):
            return name
    for pattern, name in _NAMES.items():
        if path.match(pattern):
            return name
    text = head.decode("utf-8", errors="replace").rstrip("\ufffd")  # the head may end within a character
    readable = text != "" and "\ufffd" not in text and all(c.isprintable() or c.isspace() for c in text)
    return "text" if readable else "of an unknown format"
