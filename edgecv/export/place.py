"""Folders are made beside their place and moved into it whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgecv.convert.staging import exchange


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
    if place.is_dir() and any(place.iterdir()):
        exchange(made, place)
    else:
        made.replace(place)
