"""Telling which form of annotations a folder or file has, and reading them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgecv_runtime.errors import DataError
from edgecv_runtime.heads.annotation import Annotation, Annotations
from edgecv_runtime.picture_files import pictures_below

from edgecv_converters.data.annotated.coco import read_coco
from edgecv_converters.data.annotated.voc import MASKS, read_voc
from edgecv_converters.data.annotated.yolo import read_yolo

Marks = tuple[Mapping[str, Path], Annotations]
IMAGES: Final = ("images", "JPEGImages")
INPUTS: Final = "inputs"
HINT: Final = "docs/data.md shows the folders that are read"


@dataclass(frozen=True, slots=True)
class MarkedPictures:
    """The pictures that have marks, by their ids, and the marks."""

    pictures: Mapping[str, Path]
    annotations: Annotations


def find_annotated(path: Path) -> MarkedPictures | None:
    """Read the annotations of a data set; None where it has none of a known form.

    A `.json` file is COCO's. A folder has `annotations.json` or one `.json` beside `images`, or `images` beside
    `labels` (YOLO), `masks` or `targets`, or is Pascal VOC's with `JPEGImages` and `Annotations`, and
    maybe `SegmentationClass`.

    Raises:
        DataError: They are damaged, or a picture that they name is missing.
    """
    if path.is_file():
        return _marked(read_coco(path)) if path.suffix.lower() == ".json" else None
    return _of_folder(path) if path.is_dir() else None


def _of_folder(path: Path) -> MarkedPictures | None:
    images = next((path / name for name in (*IMAGES, INPUTS) if (path / name).is_dir()), None)
    files = sorted(file for file in path.glob("*.json") if not file.name.startswith("."))
    if len(files) == 1 and (images is not None or not _has_folders(path)):
        return _marked(read_coco(files[0]))
    if images is None:
        return None
    for name, read in READERS:
        if (path / name).is_dir():
            return _marked(read(images, path / name))
    return None


def _has_folders(path: Path) -> bool:
    return any(entry.is_dir() for entry in path.iterdir())


def _marked(found: Marks) -> MarkedPictures:
    pictures, annotations = found
    if not pictures:
        raise DataError(f"{annotations.path} names no pictures", HINT)
    return MarkedPictures(pictures, annotations)


def _with_masks(images: Path, masks: Path) -> Marks:
    twins = _twins(images, masks)
    by_id = {name: Annotation(mask=mask) for name, (_, mask) in twins.items()}
    return {name: picture for name, (picture, _) in twins.items()}, Annotations("mask PNGs", masks, by_id=by_id)


def _with_targets(images: Path, targets: Path) -> Marks:
    twins = _twins(images, targets)
    by_id = {name: Annotation(target=target) for name, (_, target) in twins.items()}
    return {name: picture for name, (picture, _) in twins.items()}, Annotations(
        "pairs of pictures", targets, by_id=by_id
    )


def _twins(images: Path, others: Path) -> dict[str, tuple[Path, Path]]:
    """Pictures with another one of the same name: its mask, or what a model should make of it."""
    twins = _by_stem(others)
    found = {}
    for stem, picture in _by_stem(images).items():
        if stem not in twins:
            raise DataError(f"{picture} has no {others.name}/{stem}", "Give each picture one of the same name")
        found[picture.relative_to(images).as_posix()] = picture, twins[stem]
    return found


READERS: Final[tuple[tuple[str, Callable[[Path, Path], Marks]], ...]] = (
    ("Annotations", read_voc),
    ("labels", read_yolo),
    ("masks", _with_masks),
    (MASKS, _with_masks),
    ("targets", _with_targets),
)


def _by_stem(folder: Path) -> dict[str, Path]:
    found, _ = pictures_below(folder)
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in found}
