"""YOLO's text files: a line for each object, class and centre and size relative to the picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edgecv_runtime.errors import DataError
from edgecv_runtime.files import MIB, read_regular
from edgecv_runtime.heads.annotation import Annotation, Annotations, MarkedBox
from edgecv_runtime.picture_files import pictures_below

from edgecv_converters.data.inputs import read_labels

FORM: Final = "YOLO text files"
NAMES: Final = ("classes.txt", "obj.names")
NUMBERS: Final = 5  # class, centre x and y, width, height
LARGEST: Final = 16 * MIB


def read_yolo(images: Path, labels: Path) -> tuple[Mapping[str, Path], Annotations]:
    """Read the pictures of a folder and the marks of another; a picture without a file has no objects.

    Classes are named by `classes.txt` or `obj.names` beside or in one of the folders; else they are the indices of the
    model's labels.

    Raises:
        DataError: A line is not of that form, or names a class that is not listed.
    """
    names = next(
        (
            read_labels(folder / name)
            for folder in (labels, labels.parent)
            for name in NAMES
            if (folder / name).is_file()
        ),
        (),
    )
    found, _ = pictures_below(images)
    pictures = {file.relative_to(images).as_posix(): file for file in found}
    by_id = {}
    for name in pictures:
        file = (labels / name).with_suffix(".txt")
        lines = read_regular(file, LARGEST).decode("utf-8-sig").splitlines() if file.is_file() else []
        rows = [_row(line, number, file) for number, line in enumerate(lines, 1) if line.strip()]
        by_id[name] = Annotation(boxes=tuple(_box(row, names, file) for row in rows))
    return pictures, Annotations(FORM, labels, names, by_id)


def _row(line: str, number: int, file: Path) -> list[float]:
    try:
        values = [float(part) for part in line.split()]
    except ValueError:
        values = []
    if len(values) < NUMBERS or not all(-1e6 < value < 1e6 for value in values) or values[0] != int(values[0]):
        raise DataError(f"{file}, line {number}: {line[:60]!r} is no object", "Write: class x y width height, in 0..1")
    return values[:NUMBERS]


def _box(row: list[float], names: tuple[str, ...], file: Path) -> MarkedBox:
    kind, x, y, wide, tall = int(row[0]), *row[1:]
    if names and not 0 <= kind < len(names):
        raise DataError(f"{file} has the class {kind}, and there are {len(names)} names", "List them in classes.txt")
    place = (x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2)
    return MarkedBox(names[kind] if names else str(kind), place, relative=True)
