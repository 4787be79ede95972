"""Copies of the bundles that are served: all workers open the same files, whatever becomes of the originals."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgecv_runtime.bundle import MANIFEST, Bundle
from edgecv_runtime.errors import BundleError

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A checked copy of a bundle in a folder of its own, which `remove` removes.

    `stamp` is the original's from before it was copied: where it has another one now, it was changed since.
    """

    bundle: Bundle
    folder: Path
    stamp: Stamp | None

    @classmethod
    def taken(cls, path: Path, scratch: Path) -> Snapshot:
        """Copy a bundle into a new folder in `scratch`, and check every file of it.

        Raises:
            BundleError: It is missing, damaged, or was changed while it was copied.
        """
        seen = stamp(path)
        folder = Path(tempfile.mkdtemp(prefix="bundle-", dir=scratch))
        try:
            bundle = Bundle.load(_copied(path, folder), scratch=folder)
            bundle.verify_integrity()
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise BundleError(f"{path} cannot be read: {error.strerror or error}") from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(bundle, folder, seen)

    def remove(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _copied(path: Path, folder: Path) -> Path:
    """The path to open: a copy of a folder; a .zip is unpacked, which is a copy."""
    if not path.is_dir():
        return path
    target = folder / path.name
    try:
        shutil.copytree(path, target, symlinks=True)
    except shutil.Error as error:
        raise BundleError(f"{path} cannot be copied", "Was it changed in this moment?") from error
    return target


def stamp(path: Path) -> Stamp | None:
    """Tell by its file's number, size and time whether a bundle was changed; None where it is not there."""
    try:
        found = (path / MANIFEST if path.is_dir() else path).stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
