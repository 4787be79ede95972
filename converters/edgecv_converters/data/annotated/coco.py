"""COCO's JSON: boxes and keypoints of pictures, by ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec
import numpy as np
from edgecv_runtime.errors import DataError
from edgecv_runtime.files import MIB, read_regular
from edgecv_runtime.heads.annotation import Annotation, Annotations, MarkedBox

LARGEST: Final = 2048 * MIB
FORM: Final = "COCO JSON"


class _Image(msgspec.Struct, frozen=True):
    id: int
    file_name: str


class _Object(msgspec.Struct, frozen=True):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0
    keypoints: list[float] = msgspec.field(default_factory=list)


class _Category(msgspec.Struct, frozen=True):
    id: int
    name: str


class _File(msgspec.Struct, frozen=True):
    images: list[_Image]
    annotations: list[_Object]
    categories: list[_Category]


def read_coco(path: Path) -> tuple[Mapping[str, Path], Annotations]:
    """Read the pictures and marks of a file.

    Pictures lie beside the file, in a folder `images` there or above, or in the one that the file is called after, as
    `val2017` of `instances_val2017.json`.

    Raises:
        DataError: It is not COCO's JSON, or a picture is missing.
    """
    try:
        content = msgspec.json.decode(read_regular(path, LARGEST), type=_File)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(
            f"{path} is not COCO's JSON: {reason}", "It needs images, annotations and categories"
        ) from error
    names = {category.id: category.name for category in content.categories}
    objects: dict[int, list[_Object]] = defaultdict(list)
    for one in content.annotations:
        if one.category_id not in names:
            raise DataError(f"{path} has an object of the category {one.category_id}, which it does not list")
        objects[one.image_id].append(one)
    folders = _folders(path)
    pictures = {image.file_name: _picture(path, image.file_name, folders) for image in content.images}
    marks = {image.file_name: _marks(objects[image.id], names) for image in content.images}
    return pictures, Annotations(FORM, path, tuple(names.values()), marks)


def _folders(path: Path) -> tuple[Path, ...]:
    called = path.stem.rpartition("_")[2]
    near = (path.parent, path.parent.parent)
    return (*near, *(folder / name for folder in near for name in ("images", called)))


def _picture(path: Path, name: str, folders: tuple[Path, ...]) -> Path:
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or "\\" in name:
        raise DataError(f"{path} names the picture {name!r}, which is outside its folder", "Give names below it")
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if found is None:
        looked = ", ".join(str(folder) for folder in folders[:3])
        raise DataError(f"{path} names the picture {name!r}, which is not there", f"Looked in {looked}")
    return found


def _marks(objects: list[_Object], names: Mapping[int, str]) -> Annotation:
    boxes = tuple(
        MarkedBox(names[one.category_id], (x, y, x + width, y + height), ignored=bool(one.iscrowd))
        for one in objects
        for x, y, width, height in [one.bbox]
    )
    posed = [one for one in objects if one.keypoints]
    if not posed:
        return Annotation(boxes=boxes)
    largest = max(posed, key=lambda one: one.bbox[2] * one.bbox[3])
    points = np.asarray(largest.keypoints, np.float64).reshape(-1, 3)
    points[:, 2] = points[:, 2] > 0
    return Annotation(boxes=boxes, points=points, extent=max(largest.bbox[2:]))
