"""Digests and sizes of files and folders; what a digest cannot cover is refused."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from edgecv_runtime.files import open_regular


def sha256_file(path: Path, most: int | None = None) -> str:
    """SHA-256 of a regular file's bytes, in hex; raises as `files.open_regular`."""
    with open_regular(path, most) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_tree(path: Path) -> str:
    """A file's digest; a folder's is that of its `sha256  relative/path` lines, sorted by path.

    Raises:
        OSError: Something cannot be read; or a folder holds what no digest covers (see `tree_files`).
    """
    if not path.is_dir():
        return sha256_file(path)
    files = tree_files(path)
    lines = "".join(f"{sha256_file(files[name])}  {name}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def tree_bytes(path: Path) -> int:
    """The bytes of a file, or of all files in a folder; raises as `sha256_tree`."""
    if not path.is_dir():
        return path.stat().st_size
    return sum(file.stat().st_size for file in tree_files(path).values())


def tree_files(folder: Path) -> dict[str, Path]:
    """The files in a folder and below by their relative paths with `/`.

    Raises:
        OSError: A folder cannot be listed, a link leads out of `folder` or to a folder, or a name is not UTF-8.
    """
    base = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118 - as text: a root has its slash
    return {path.relative_to(folder).as_posix(): path for path in _checked(folder, base)}


def _checked(folder: Path, base: str) -> Iterator[Path]:
    for path in entries_below(folder):
        try:
            os.fspath(path).encode()
        except UnicodeEncodeError as error:
            raise OSError(errno.EILSEQ, "a name in it is not UTF-8", os.fspath(folder)) from error
        if path.is_symlink() and (path.is_dir() or not os.path.realpath(path).startswith(base)):
            raise OSError(errno.EINVAL, f"the link {path.name} in it leads outside, or to a folder", os.fspath(folder))
        yield path


def entries_below(folder: Path) -> Iterator[Path]:
    """Everything in a folder and below that is no folder itself; links are not followed.

    Raises:
        OSError: A folder cannot be listed.
    """
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                path = Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                else:
                    yield path
