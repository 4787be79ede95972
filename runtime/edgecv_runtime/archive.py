"""Bundles packed into one .zip: unpacked after every entry was checked."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path

from edgecv_runtime.bundle import ANEW, inside
from edgecv_runtime.errors import BundleError

MAX_UNPACKED = 8 << 30  # bytes; no edge model comes near
MAX_RATIO = 1000  # unpacked over packed: weights do not compress like that, bombs do
METHODS = frozenset((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))


def unpack(path: Path) -> Path:
    """Unpack into a new temporary folder.

    Raises:
        BundleError: It is no .zip, or one that is damaged or would harm; nothing is left behind.
    """
    folder = Path(tempfile.mkdtemp(prefix="edgecv-"))
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                inside(entry.filename)
            _check_packing(path, archive)
            archive.extractall(folder)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        shutil.rmtree(folder)
        raise BundleError(f"{path} is not a readable .zip: {error}", ANEW) from error
    except BaseException:
        shutil.rmtree(folder)
        raise
    return folder


def _check_packing(path: Path, archive: zipfile.ZipFile) -> None:
    if any(entry.compress_type not in METHODS for entry in archive.infolist()):
        raise BundleError(f"{path} is packed with neither store nor deflate", "Pack it anew with an ordinary zip tool")
    total = sum(entry.file_size for entry in archive.infolist())
    if total > MAX_UNPACKED or total > MAX_RATIO * max(path.stat().st_size, 1):
        raise BundleError(f"{path} unpacks to {total / 1e9:.1f} GB, which no bundle does", "Do not use it")
