"""Folders are made beside their place and moved into it whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgecv_runtime.bundle import MANIFEST
from edgecv_runtime.errors import UsageError

from edgecv.convert.staging import exchange


def is_empty(folder: Path) -> bool:
    """Tell whether a path is a folder with nothing in it."""
    return folder.is_dir() and not any(folder.iterdir())


def check_bundle(place: Path, *, force: bool) -> None:
    """See that a bundle may be put there: nothing is there, or a bundle that `force` replaces.

    Raises:
        UsageError: Something is in the way.
    """
    if place.exists() and not force:
        raise UsageError(f"{place} exists", "Give --force to replace it, or another name to the bundle")
    if place.exists() and not (place / MANIFEST).is_file():
        raise UsageError(f"{place} exists and is no bundle, so --force does not replace it", "Remove it")


@contextmanager
def beside(place: Path) -> Iterator[Path]:
    """A private folder on the disk of `place`, removed in the end; its name begins with a dot, so Android skips it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".partial", dir=place.parent))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def put(made: Path, place: Path) -> None:
    """Move a folder to its place; what was there is left where `made` was."""
    made.chmod(0o755)
    if place.is_dir() and not is_empty(place):
        exchange(made, place)
    else:
        made.replace(place)
