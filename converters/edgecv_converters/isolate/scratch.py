"""Temporary folders that do not stay: what a killed process left is removed by the next one that needs a folder."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

PREFIX: Final = "edgecv-work-"
YOUNG: Final = 60.0  # seconds; a folder that has no lock by then never gets one


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder that is removed on leaving; it is told from an abandoned one by a lock that is held."""
    remove_abandoned(Path(tempfile.gettempdir()), PREFIX)
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, hold(Path(name)):
        yield Path(name)


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keep others from taking a folder for abandoned."""
    with (folder / "new.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "new.lock").rename(folder / "lock")  # so that nobody finds it free
        yield


def remove_abandoned(parent: Path, prefix: str, suffix: str = "") -> None:
    """Remove this user's folders of that name whose lock nobody holds, or that never had one."""
    for folder in parent.iterdir():
        if not (folder.name.startswith(prefix) and folder.name.endswith(suffix)):
            continue
        with suppress(OSError):  # held by a process that is alive, or gone meanwhile
            found = folder.lstat()
            if found.st_uid != os.geteuid():
                continue
            if (folder / "lock").exists():
                with (folder / "lock").open("r+") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            elif time.time() - found.st_mtime > YOUNG:
                shutil.rmtree(folder, ignore_errors=True)
