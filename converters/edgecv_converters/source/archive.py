"""`.keras` files as zip archives: what they may contain, checked before anything is unpacked."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final

from edgecv_runtime.errors import SourceError
from edgecv_runtime.files import MIB, open_regular

from edgecv_converters.source.hdf5 import MOST_CONFIG_BYTES, MOST_EXPANSION, check_hdf5

CONFIG: Final = "config.json"
METADATA: Final = "metadata.json"
WEIGHTS: Final = "model.weights.h5"
OLD_GROUP: Final = "_layer_checkpoint_dependencies"
"""The group of the layers' weights, as Keras 2.12 and 2.13 called it."""

_MOST_ENTRIES: Final = 10_000
_SLACK_BYTES: Final = 64 * MIB
_TEXTS: Final = frozenset({CONFIG, METADATA})
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_AGAIN: Final = "Copy or save the model again"


def holds_model(path: Path) -> bool:
    """Tell whether an archive, which is whole and of reasonable size, has a Keras model in it.

    Raises:
        SourceError: It is damaged, or unpacks to far more than it holds.
    """
    with _opened(path) as archive:
        damaged = archive.testzip()
        if damaged is not None:
            raise SourceError(f"{path.name} is damaged: {damaged} in it does not have its checksum", _AGAIN)
        return {CONFIG, WEIGHTS} <= set(archive.namelist())


def names_in(path: Path) -> list[str]:
    """The names of an archive's entries.

    Raises:
        SourceError: As `holds_model`.
    """
    with _opened(path) as archive:
        return archive.namelist()


def read_config(path: Path) -> bytes:
    """The model's configuration, as the JSON text that it is.

    Raises:
        SourceError: As `holds_model`.
    """
    with _opened(path) as archive:
        return archive.read(CONFIG)


def read_version(path: Path) -> str:
    """The version of Keras that wrote an archive, or "" where it does not say."""
    with _opened(path) as archive:
        try:
            metadata = json.loads(archive.read(METADATA))
        except (KeyError, ValueError, RecursionError):
            return ""
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    return version if isinstance(version, str) else ""


def check_weights(path: Path) -> int:
    """Look through the weights in an archive, and count the values that they can hold.

    Raises:
        SourceError: As `holds_model`, or they take data from another file (see `check_hdf5`).
    """
    with weights_in(path) as unpacked:
        return check_hdf5(unpacked, f"{WEIGHTS} in {path.name}")


@contextmanager
def weights_in(path: Path) -> Iterator[IO[bytes]]:
    """The weights in an archive, unpacked into a file that is gone after this.

    Raises:
        SourceError: As `holds_model`.
    """
    with _opened(path) as archive, archive.open(WEIGHTS) as packed, tempfile.TemporaryFile() as unpacked:
        shutil.copyfileobj(packed, unpacked, 1 << 20)
        yield unpacked


def has_old_names(path: Path) -> bool:
    """Tell whether the weights in an archive have names of Windows (backslashes), or of Keras 2.12 or 2.13."""
    import h5py

    with _opened(path) as archive, archive.open(WEIGHTS) as packed, h5py.File(packed, "r") as weights:
        return any("\\" in key or key == OLD_GROUP for key in weights)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, its directory checked; its faults become one kind of error."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            _check_directory(archive, file, path.name)
            yield archive
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SourceError(f"{path.name} is damaged: {reason}", _AGAIN) from error


def _check_directory(archive: zipfile.ZipFile, file: IO[bytes], name: str) -> None:
    entries = archive.infolist()
    if len(entries) > _MOST_ENTRIES:
        raise SourceError(f"{name} has {len(entries):,} entries, which is too large a number for a model", _AGAIN)
    twice = [entry for entry, count in Counter(archive.namelist()).items() if count > 1]
    if twice:
        raise SourceError(f"{name} is damaged: it has {twice[0]!r} twice", _AGAIN)
    for entry in entries:
        _check_entry(entry, name)
    size = file.seek(0, 2)
    if sum(entry.compress_size for entry in entries) > size:
        raise SourceError(f"{name} is damaged: its entries are larger than the file", _AGAIN)


def _check_entry(entry: zipfile.ZipInfo, name: str) -> None:
    parts = PurePosixPath(entry.filename).parts
    if entry.filename.startswith("/") or ".." in parts or {"\0", "\\"} & set(entry.orig_filename):
        raise SourceError(f"{name} has an entry outside of it: {entry.orig_filename!r}", _AGAIN)
    if entry.flag_bits & 1 or entry.compress_type not in _METHODS:
        raise SourceError(f"{name} is encrypted or packed in a way that Keras does not: {entry.filename}", _AGAIN)
    text = entry.filename in _TEXTS
    most = MOST_CONFIG_BYTES if text else _SLACK_BYTES + MOST_EXPANSION * entry.compress_size
    if entry.file_size > most:
        raise SourceError(
            f"{entry.filename} in {name} unpacks to {entry.file_size / MIB:,.0f} MiB, which is too large", _AGAIN
        )
