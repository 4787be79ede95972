"""Bundles are made beside their place and moved into it whole: a reader sees the old one or the new one."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import sys
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from edgecv_runtime.errors import EdgecvError, UsageError

SUFFIXES = (".edgecv", ".edgecv.zip")
RENAME_EXCHANGE = 2  # <linux/fs.h>
AT_FDCWD = -100  # <fcntl.h>
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that the format can say; no time goes into what is hashed


class Staging:
    """A private folder beside `out`, removed on leaving whatever happens.

    Attributes:
        bundle: What will become `out`.
        work: For everything that will not.
    """

    def __init__(self, out: Path, *, force: bool = False) -> None:
        check_output(out, force=force)
        self.out = out
        self._open = ExitStack()
        self.root = Path()

    @property
    def bundle(self) -> Path:
        """The folder that is being filled."""
        return self.root / "bundle"

    @property
    def work(self) -> Path:
        """Scratch space on the same disk."""
        return self.root / "work"

    def __enter__(self) -> Self:
        prefix, suffix = f".{self.out.name}.", ".partial"
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            remove_abandoned(self.out.parent, prefix, suffix)
            self.root = Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=self.out.parent))
        except OSError as error:
            raise EdgecvError(
                f"cannot write to {self.out.parent}: {error.strerror}", "Choose another --output"
            ) from error
        lock = self._open.enter_context((self.root / "new.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        (self.root / "new.lock").rename(self.root / "lock")  # so that nobody finds it free
        self.bundle.mkdir()
        self.work.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        self._open.close()

    def commit(self) -> None:
        """Move the bundle (or its .zip) into place at once."""
        made = self.bundle
        if self.out.name.endswith(".zip"):
            made = self.root / "bundle.zip"
            write_zip(self.bundle, made)
        if self.out.is_dir() and made.is_dir():
            exchange(made, self.out)
        else:
            made.replace(self.out)


def check_output(out: Path, *, force: bool) -> None:
    """Refuse an output that has the wrong ending or is there already.

    Raises:
        UsageError: See the message.
    """
    if not out.name.endswith(SUFFIXES) or out.name in SUFFIXES:
        raise UsageError(
            f"the output must end in {' or '.join(SUFFIXES)}, got {out}",
            f"For example -o {out.stem or 'model'}.edgecv",
        )
    if not out.exists():
        return
    if not force:
        raise UsageError(f"{out} exists", "Give --force to replace it, or another --output")
    ours = (out / "bundle.json").is_file() if out.is_dir() else zipfile.is_zipfile(out)
    if not ours or out.is_dir() == out.name.endswith(".zip"):
        raise UsageError(
            f"{out} exists and is no bundle of this form, so --force does not replace it",
            "Give another --output",
        )


def remove_abandoned(parent: Path, prefix: str, suffix: str) -> None:
    """Remove staging folders of runs that were killed: those whose lock nobody holds."""
    for folder in parent.glob(f"{prefix}*{suffix}"):
        try:
            with (folder / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # held by a run that is alive, or too young to have its lock


def exchange(made: Path, place: Path) -> None:
    """Swap two folders: in one step where Linux can, else in two renames."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.renameat2(AT_FDCWD, os.fsencode(made), AT_FDCWD, os.fsencode(place), RENAME_EXCHANGE) == 0:
            return
    old = made.with_name("old")
    place.rename(old)
    made.rename(place)


def write_zip(folder: Path, out: Path) -> None:
    """Pack a folder's files in sorted order without times: the same content gives the same bytes."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
