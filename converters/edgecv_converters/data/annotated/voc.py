"""Pascal VOC's XML files, one for each picture, corners counted from 1; and its masks, for some of the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from edgecv_runtime.errors import DataError
from edgecv_runtime.files import MIB, read_regular
from edgecv_runtime.heads.annotation import Annotation, Annotations, MarkedBox
from edgecv_runtime.picture_files import pictures_below

FORM: Final = "Pascal VOC"
LARGEST: Final = 16 * MIB
MASKS: Final = "SegmentationClass"
CORNERS: Final = ("xmin", "ymin", "xmax", "ymax")


def read_voc(images: Path, annotations: Path) -> tuple[Mapping[str, Path], Annotations]:
    """Read the pictures of a folder that have an XML file in another, with their masks where there are such.

    Raises:
        DataError: A file is damaged.
    """
    found, _ = pictures_below(images)
    files = {file.relative_to(images).as_posix(): (annotations / file.name).with_suffix(".xml") for file in found}
    marks = {name: _marks(file) for name, file in files.items() if file.is_file()}
    for name, one in marks.items():
        mask = (annotations.parent / MASKS / name).with_suffix(".png")
        if mask.is_file():
            marks[name] = replace(one, mask=mask)
    pictures = {name: images / name for name in marks}
    names = sorted({box.label for one in marks.values() for box in one.boxes})
    return pictures, Annotations(FORM, annotations, tuple(names), marks)


def _marks(file: Path) -> Annotation:
    data = read_regular(file, LARGEST)
    if b"<!ENTITY" in data:
        raise DataError(f"{file} defines XML entities, which annotations do not need")
    try:
        root = ET.fromstring(data)  # noqa: S314 - entities are refused above
        return Annotation(boxes=tuple(_box(one) for one in root.iter("object")))
    except (ET.ParseError, ValueError, TypeError) as error:
        raise DataError(
            f"{file} is no Pascal VOC annotation: {error}", "Each object needs a name and a bndbox"
        ) from error


def _box(one: ET.Element) -> MarkedBox:
    place = one.find("bndbox")
    name = one.findtext("name")
    if place is None or not name:
        raise ValueError("an object without a name or a bndbox")
    left, top, right, bottom = (float(place.findtext(corner) or "nan") for corner in CORNERS)
    return MarkedBox(name.strip(), (left - 1, top - 1, right, bottom), ignored=one.findtext("difficult") == "1")
