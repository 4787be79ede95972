"""Look at a bundle's manifest, in a folder or a zip file. Whether its files are whole is `edgecv verify`'s to say."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Final

from edgecv_runtime.bundle import read_manifest
from edgecv_runtime.errors import BundleError
from edgecv_runtime.schema import Manifest

from edgecv.inspecting.coreml import size_of
from edgecv.inspecting.records import BundleInspection
from edgecv.words import preprocess_words

MANIFEST: Final = "bundle.json"
_LARGEST: Final = 64 * 1024 * 1024


def inspect_bundle(path: Path) -> BundleInspection:
    """A bundle's manifest, decoded and checked against the schema.

    Raises:
        BundleError: The manifest is missing, damaged, or of another version.
    """
    manifest = read_manifest(path / MANIFEST) if path.is_dir() else _from_zip(path)
    lines = {name: preprocess_words(step) for name, step in manifest.preprocess.items()}
    return BundleInspection(file=path.name, bytes=size_of(path), preprocessing=lines, manifest=manifest)


def is_bundle_zip(path: Path) -> bool:
    """Whether a file is a zip archive with a manifest at its top, or one folder down."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return _member(archive, MANIFEST) is not None


def unpacked(path: Path, name: str) -> bytes:
    """One file of a zipped bundle.

    Raises:
        BundleError: It is missing, too large, or damaged.
    """
    with zipfile.ZipFile(path) as archive:
        item = _member(archive, name)
        if item is None or item.file_size > _LARGEST:
            raise BundleError(f"{path.name} holds no {name} of a sane size")
        try:
            return archive.read(item)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
            raise BundleError(f"{path.name} is a damaged zip file", "Fetch the bundle again") from error


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo | None:
    found = [item for item in archive.infolist() if item.filename.split("/")[-1] == name]
    top = [item for item in found if item.filename.count("/") <= 1]
    return min(top, key=lambda item: item.filename.count("/"), default=None)


def _from_zip(path: Path) -> Manifest:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / MANIFEST
        copy.write_bytes(unpacked(path, MANIFEST))
        return read_manifest(copy)
