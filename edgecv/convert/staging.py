"""Bundles are made beside their place and moved into it whole: a reader sees the old one or the new one."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat
import sys
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from edgecv_converters.isolate.scratch import hold, remove_abandoned
from edgecv_runtime.bundle import MANIFEST
from edgecv_runtime.errors import EdgecvError, UsageError
from edgecv_runtime.files import MIB

SUFFIXES = (".edgecv", ".edgecv.zip")
RENAME_NOREPLACE = 1  # <linux/fs.h>
RENAME_EXCHANGE = 2
AT_FDCWD = -100  # <fcntl.h>
UNSUPPORTED = frozenset((errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM))
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
        self.force = force
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
            parent = self.out.parent.absolute()
            parent.mkdir(parents=True, exist_ok=True)
            remove_abandoned(parent, prefix, suffix)
            self.root = Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=parent))
        except OSError as error:
            raise EdgecvError(
                f"cannot write to {self.out.parent}: {error.strerror}", "Choose another --output"
            ) from error
        try:
            self._open.enter_context(hold(self.root))
            self.bundle.mkdir()
            self.work.mkdir()
        except BaseException:
            shutil.rmtree(self.root, ignore_errors=True)
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()
        self._open.close()

    def clear(self) -> None:
        """Remove what is here; nothing can be made here any more."""
        shutil.rmtree(self.root, ignore_errors=True)

    def commit(self) -> None:
        """Move the bundle (or its .zip) into place at once.

        Raises:
            UsageError: Something has come to lie there meanwhile, which is not to be replaced.
        """
        made = self.bundle
        if self.out.name.endswith(".zip"):
            made = self.root / "bundle.zip"
            write_zip(self.bundle, made)
        give_usual_modes(made, like=self.root / "lock")
        check_output(self.out, force=self.force)
        if self.out.exists():
            exchange(made, self.out)
            return
        try:
            move_to_free_place(made, self.out)
        except FileExistsError as error:
            raise UsageError(
                f"{self.out} exists: another program has made it meanwhile",
                "Give --force to replace it, or another --output",
            ) from error


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
    ours = (out / MANIFEST).is_file() if out.is_dir() else zipfile.is_zipfile(out)
    if not ours or out.is_dir() == out.name.endswith(".zip"):
        raise UsageError(
            f"{out} exists and is no bundle of this form, so --force does not replace it",
            "Give another --output",
        )


def give_usual_modes(made: Path, *, like: Path) -> None:
    """Let files and folders be read by whom the umask says, whoever made them: temporary files are their owner's alone.

    Args:
        made: A file, or a folder with all that is in it.
        like: A file with the mode that a new file has here.
    """
    file_mode = stat.S_IMODE(like.stat().st_mode)
    folder_mode = file_mode | (file_mode & 0o444) >> 2
    for path in (made, *made.rglob("*")):
        mode = folder_mode if path.is_dir() else file_mode
        if stat.S_IMODE(path.stat().st_mode) != mode:
            path.chmod(mode)


def exchange(made: Path, place: Path) -> None:
    """Put a folder or file where another one is: in one step where the system can, else in two renames."""
    if made.is_file():
        made.replace(place)
        return
    if renamed(made, place, RENAME_EXCHANGE):
        return
    old = made.with_name("old")
    place.rename(old)
    try:
        made.rename(place)
    except OSError:
        old.rename(place)
        raise


def move_to_free_place(made: Path, place: Path) -> None:
    """Move a folder or file to where nothing is, in one step.

    Raises:
        FileExistsError: Something is there; it stays as it is.
    """
    if renamed(made, place, RENAME_NOREPLACE):
        return
    if made.is_file():
        _link(made, place)
        return
    try:
        made.rename(place)  # replaces an empty folder at most
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.ENOTDIR}:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place)) from error
        raise


def _link(made: Path, place: Path) -> None:
    try:
        place.hardlink_to(made)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        place.touch(exist_ok=False)  # neither renames nor links here: the name is taken, then filled
        made.replace(place)


def renamed(made: Path, place: Path, flag: int) -> bool:
    """Rename with a flag of Linux's renameat2; False where the system or the file system does not know it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform != "linux" or not hasattr(libc, "renameat2"):
        return False
    if libc.renameat2(AT_FDCWD, os.fsencode(made), AT_FDCWD, os.fsencode(place), flag) == 0:
        return True
    code = ctypes.get_errno()
    if code in UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(made), None, str(place))


def write_zip(folder: Path, out: Path) -> None:
    """Pack a folder's files in sorted order without times: the same content gives the same bytes."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as packed:
                shutil.copyfileobj(source, packed, MIB)
