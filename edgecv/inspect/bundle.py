"""Look at a bundle's manifest, in a folder or a zip file. Whether its files are whole is `edgecv verify`'s to say."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edgecv_converters.inspection import size_of
from edgecv_runtime.archive import Archive
from edgecv_runtime.bundle import MANIFEST, read_manifest, read_within
from edgecv_runtime.errors import BundleError
from edgecv_runtime.files import MIB

from edgecv.inspect.records import BundleInspection
from edgecv.terminal.words import preprocess_words

__all__ = ["MANIFEST", "inspect_bundle", "is_bundle_zip", "read_part"]

MOST: Final = 64 * MIB  # of a file that is shown


def inspect_bundle(path: Path) -> BundleInspection:
    """A bundle's manifest, decoded and checked against the schema.

    Raises:
        BundleError: The manifest is missing, damaged, or of another version.
    """
    if path.is_dir():
        found = read_manifest(path)
    else:
        with Archive(path) as archive:
            found = archive.manifest()
    lines = {name: preprocess_words(step) for name, step in found.manifest.preprocess.items()}
    return BundleInspection(
        file=path.name,
        bytes=size_of(path),
        preprocessing=lines,
        manifest=found.manifest,
        left_out=found.left_out.sentences,
    )


def is_bundle_zip(path: Path) -> bool:
    """Tell whether a file is a zip archive with a manifest at its top, or in the one folder there."""
    try:
        with Archive(path) as archive:
            return archive.holds_bundle
    except BundleError:
        return False


def read_part(path: Path, name: str) -> bytes:
    """One file of a bundle, in a folder or a zip file.

    Raises:
        BundleError: It is missing, too large, or damaged.
    """
    if path.is_dir():
        return read_within(path, name, MOST)
    with Archive(path) as archive:
        return archive.read(name, MOST)
