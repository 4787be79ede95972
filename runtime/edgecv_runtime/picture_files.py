"""Picture files: the formats that are read, the endings of their names, and the pictures of a folder."""

from __future__ import annotations

import warnings
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from edgecv_runtime.folders import files_below

__all__ = ["FORMATS", "FORMATS_IN_WORDS", "SUFFIXES", "PictureWarning", "others_in_words", "pictures_below"]

# Pillow's names; none of them runs another program, as EPS does. A Pillow from before 11.3 has no AVIF.
FORMATS: Final = (
    *("JPEG", "PNG", "BMP", "GIF", "PPM", "WEBP", "TIFF"),
    *(("AVIF",) if find_spec("PIL.AvifImagePlugin") else ()),
)
FORMATS_IN_WORDS: Final = f"{', '.join(FORMATS[:-1])} and {FORMATS[-1]}"
SUFFIXES: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".png", ".apng", ".bmp", ".dib", ".gif"),
        *(".ppm", ".pgm", ".pbm", ".pnm", ".webp", ".tif", ".tiff", ".avif"),
    }
)
_OF_SYSTEMS: Final = frozenset({"thumbs.db", "desktop.ini"})  # what Windows leaves in a folder of pictures
_MOST_ENDINGS: Final = 6


class PictureWarning(UserWarning):
    """Something that a person should know of pictures, and that stops nothing: what is lost, or left out.

    Attributes:
        kind: What it is about: it is worth saying once, for whichever picture came first.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


def pictures_below(folder: Path, *, hidden: bool = False) -> tuple[list[Path], list[Path]]:
    """The pictures of a folder and its subfolders by their names, sorted by path, and the files that are none.

    Files whose names begin with a dot are pictures only where `hidden` says so, and never among the others.

    Raises:
        OSError: The folder or one below cannot be read.

    Warns:
        PictureWarning: There are pictures, and files that are none by their names.
    """
    pictures, others = [], []
    for path in files_below(folder, hidden=hidden):
        if path.suffix.lower() in SUFFIXES:
            pictures.append(path)
        elif not path.name.startswith(".") and path.name.lower() not in _OF_SYSTEMS:
            others.append(path)
    if pictures and others:
        what = f"{len(others):,} files are no pictures" if len(others) > 1 else "a file is no picture"
        message = f"{folder}: {what} that can be read, and left out: {others_in_words(others)}"
        warnings.warn(PictureWarning(message, message), stacklevel=2)
    return pictures, others


def others_in_words(files: list[Path]) -> str:
    """The endings of files with their counts, the most frequent first: `12 .heic, 1 .txt (such as a.heic)`."""
    counts = Counter(file.suffix.lower() or "without an ending" for file in files).most_common()
    words = ", ".join(f"{count:,} {ending}" for ending, count in counts[:_MOST_ENDINGS])
    more = f" and {len(counts) - _MOST_ENDINGS} other endings" if len(counts) > _MOST_ENDINGS else ""
    first = next(file for file in files if (file.suffix.lower() or "without an ending") == counts[0][0])
    return f"{words}{more} (such as {first.name})"
