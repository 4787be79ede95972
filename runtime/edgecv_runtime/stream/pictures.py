"""Picture files: one, several, or all of a folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgecv_runtime.errors import StreamError
from edgecv_runtime.picture_files import SUFFIXES, others_in_words, pictures_below
from edgecv_runtime.stream.frame import Frame


class Pictures:
    """Picture files in a fixed order; each is read when its turn comes.

    Args:
        files: The files, each with the folder that was given, below which it was found; None where it was given itself.
    """

    live = False
    instant = True
    fps: float | None = None

    def __init__(self, files: Sequence[tuple[Path, Path | None]]) -> None:
        self.files = tuple(file for file, _ in files)
        self.names = tuple(map(str, self.files))
        self._folders = tuple(folder for _, folder in files)
        self.name = str(self.files[0]) if len(self.files) == 1 else f"{len(self.files)} pictures"
        self.count: int | None = len(self.files)

    def places(self) -> list[Path]:
        """The path of each picture below the folder that was given, or its name."""
        pairs = zip(self.files, self._folders, strict=True)
        return [Path(file.name) if folder is None else file.relative_to(folder) for file, folder in pairs]

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every file."""
        began = time.monotonic()
        for index, file in enumerate(self.files):
            if stop.is_set():
                return
            now = time.monotonic()
            yield Frame(image=file, name=str(file), index=index, seconds=now - began, captured=now)

    def close(self) -> None:
        """Nothing is open."""


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder and its subfolders, sorted by path; hidden ones are left out.

    Raises:
        StreamError: There is none, or the folder cannot be read.
    """
    try:
        found, others = pictures_below(folder)
    except OSError as error:
        raise StreamError(f"{folder} cannot be read: {error.strerror}") from error
    if not found:
        held = f", but {others_in_words(others)}" if others else ""
        kinds = ", ".join(sorted(SUFFIXES))
        raise StreamError(f"{folder} holds no pictures{held}", f"Pictures are files that end in {kinds}")
    return found
