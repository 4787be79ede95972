"""Drawn pictures for the zoo's detectors, segmenters and others, and the annotations of them as people keep them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Pixels = npt.NDArray[np.uint8]
Generator = np.random.Generator

SIDE: Final = 96
SHAPES: Final = ("circle", "square", "triangle")
LEAST, MOST = 16, 42  # sides of shapes in pixels
CROSSED: Final = 4  # pixels by which shapes may lie over each other
POINTS: Final = ("head", "neck", "left hand", "right hand", "hip", "left foot", "right foot")
LIMBS: Final = ((0, 1), (1, 2), (1, 3), (1, 4), (4, 5), (4, 6))
NOISE: Final = 24.0  # of 255, the standard deviation
CORNERS: Final = 6  # of an emblem
EMBLEMS: Final = 48  # pixels of the side of its picture


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture with shapes: their boxes (left, top, right, bottom), their classes, and the mask, 0 for background."""

    pixels: Pixels
    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    mask: Pixels


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture of one stick figure, and its points (x, y) in the order of `POINTS`."""

    pixels: Pixels
    points: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture that a model gets, and the one that it should make of it."""

    pixels: Pixels
    wanted: Pixels


@dataclass(frozen=True, slots=True)
class Emblem:
    """A picture of one of many polygons, and which one it is."""

    pixels: Pixels
    identity: int


def scenes(count: int, seed: int) -> list[Scene]:
    """Draw pictures of 96 x 96 with one to three shapes on a cloudy background."""
    rng = np.random.default_rng(seed)
    return [_scene(rng) for _ in range(count)]


def _scene(rng: Generator) -> Scene:
    image, mask = _clouds(rng), Image.new("L", (SIDE, SIDE))
    pens = ImageDraw.Draw(image), ImageDraw.Draw(mask)
    boxes: list[tuple[int, int, int, int]] = []
    labels = []
    for _ in range(rng.integers(1, 4)):
        wide, tall = (int(side) for side in rng.integers(LEAST, MOST, 2))
        left, top = int(rng.integers(0, SIDE - wide)), int(rng.integers(0, SIDE - tall))
        box = (left, top, left + wide, top + tall)
        label, color = int(rng.integers(0, len(SHAPES))), _bright(rng)
        if any(_cross(box, other) for other in boxes):
            continue
        for pen, fill in zip(pens, (color, label + 1), strict=True):
            _shape(pen, box, label, fill)
        boxes.append(box)
        labels.append(label)
    return Scene(np.asarray(image), np.asarray(boxes, np.float32), np.asarray(labels, np.int64), np.asarray(mask))


def _clouds(rng: Generator, side: int = SIDE) -> Image.Image:
    """A dark background that changes slowly."""
    coarse = rng.integers(0, 90, (side // 8, side // 8, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((side, side))


def _bright(rng: Generator) -> tuple[int, ...]:
    return tuple(int(value) for value in rng.integers(120, 255, 3))


def _cross(one: Sequence[int], other: Sequence[int]) -> bool:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    return wide > CROSSED and tall > CROSSED


def _shape(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], label: int, fill: Any) -> None:
    left, top, right, bottom = box
    if SHAPES[label] == "circle":
        pen.ellipse(box, fill=fill)
    elif SHAPES[label] == "square":
        pen.rectangle(box, fill=fill)
    else:
        pen.polygon([((left + right) // 2, top), (right, bottom), (left, bottom)], fill=fill)


def figures(count: int, seed: int) -> list[Figure]:
    """Draw pictures of 96 x 96 with a stick figure whose left limbs are reddish and right ones bluish."""
    rng = np.random.default_rng(seed)
    return [_figure(rng) for _ in range(count)]


def _figure(rng: Generator) -> Figure:
    image = _clouds(rng)
    size = rng.uniform(26, 36)
    lean = rng.uniform(-0.4, 0.4)
    neck = np.asarray([SIDE / 2, SIDE / 2 - 0.35 * size]) + rng.uniform(-10, 10, 2)

    def away(start: npt.NDArray[Any], angle: float, length: float) -> npt.NDArray[Any]:
        """The end of a limb; an angle of 0 points down."""
        return start + length * size * np.asarray([np.sin(angle + lean), np.cos(angle + lean)])

    hip = away(neck, 0.0, 0.7)
    arms, legs = rng.uniform(0.5, 2.4, 2), rng.uniform(0.2, 0.9, 2)
    points = np.asarray(
        [away(neck, np.pi, 0.4), neck, away(neck, arms[0], 0.7), away(neck, -arms[1], 0.7), hip,
         away(hip, legs[0], 0.8), away(hip, -legs[1], 0.8)]
    )  # fmt: skip
    pen, body = ImageDraw.Draw(image), _bright(rng)
    for number, (start, end) in enumerate(LIMBS):
        color = body if number in {0, 3} else (240, 80, 60) if number in {1, 4} else (70, 110, 250)
        pen.line([*points[start], *points[end]], fill=color, width=4)
    x, y = points[0]
    pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill=body)
    return Figure(np.asarray(image), points.clip(0, SIDE - 1).astype(np.float32))


def noisy(count: int, seed: int) -> list[Pair]:
    """Draw scenes, and each with normal noise."""
    rng = np.random.default_rng([seed, 1])
    return [
        Pair((one.pixels + rng.normal(0, NOISE, one.pixels.shape)).clip(0, 255).astype(np.uint8), one.pixels)
        for one in scenes(count, seed)
    ]


def halved(count: int, seed: int) -> list[Pair]:
    """Draw scenes, and each of half the size."""
    half = (SIDE // 2, SIDE // 2)
    small = Image.Resampling.BOX
    return [
        Pair(np.asarray(Image.fromarray(one.pixels).resize(half, small)), one.pixels) for one in scenes(count, seed)
    ]


def emblems(identities: Sequence[int], each: int, seed: int) -> list[Emblem]:
    """Draw every identity `each` times: a polygon of its own, in any colour, a little turned, moved and scaled."""
    rng = np.random.default_rng(seed)
    return [Emblem(_emblem(rng, identity), identity) for _ in range(each) for identity in identities]


def _emblem(rng: Generator, identity: int) -> Pixels:
    own = np.random.default_rng([identity, 7])
    angles = np.sort(own.uniform(0, 2 * np.pi, CORNERS)) + rng.uniform(-0.25, 0.25)
    lengths = own.uniform(0.25, 1.0, CORNERS) * rng.uniform(16, 21)
    middle = EMBLEMS / 2 + rng.uniform(-3, 3, 2)
    corners = middle + lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    image = _clouds(rng, EMBLEMS)
    ImageDraw.Draw(image).polygon([tuple(corner) for corner in corners.tolist()], fill=_bright(rng))
    return np.asarray(image)


def inputs(found: Sequence[Any]) -> npt.NDArray[np.float32]:
    """What a network of drawn pictures takes of them."""
    pixels = np.stack([one.pixels for one in found])
    return np.asarray(np.asarray(pixels, np.float32) / 255, np.float32)


def write_scenes(found: Sequence[Scene], folder: Path) -> None:
    """Write pictures and COCO's JSON of their boxes."""
    objects = [(number, one.labels, one.boxes) for number, one in enumerate(found)]
    marks = [
        {"image_id": number, "category_id": int(label) + 1, **_extent(box), "iscrowd": 0}
        for number, labels, boxes in objects
        for label, box in zip(labels, boxes, strict=True)
    ]
    _write_coco([one.pixels for one in found], marks, SHAPES, folder)


def write_figures(found: Sequence[Figure], folder: Path) -> None:
    """Write pictures and COCO's JSON of their points."""
    marks = []
    for number, one in enumerate(found):
        box = np.concatenate([one.points.min(axis=0), one.points.max(axis=0)])
        seen = np.concatenate([one.points, np.full((len(POINTS), 1), 2)], axis=1)
        marks.append(
            {"image_id": number, "category_id": 1, **_extent(box), "iscrowd": 0, "num_keypoints": len(POINTS),
             "keypoints": [round(float(value), 2) for value in seen.reshape(-1)]}
        )  # fmt: skip
    _write_coco([one.pixels for one in found], marks, ("figure",), folder)


def _extent(box: npt.NDArray[Any]) -> dict[str, Any]:
    left, top, right, bottom = (round(float(side), 2) for side in box)
    return {"bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top)}


def _write_coco(
    pictures: Sequence[Pixels], marks: Sequence[dict[str, Any]], categories: Sequence[str], folder: Path
) -> None:
    _write(pictures, folder / "images")
    images = [
        {"id": number, "file_name": _name(number), "width": one.shape[1], "height": one.shape[0]}
        for number, one in enumerate(pictures)
    ]
    named = [{"id": number + 1, "name": name} for number, name in enumerate(categories)]
    numbered = [{"id": number + 1, **mark} for number, mark in enumerate(marks)]
    content = {"images": images, "annotations": numbered, "categories": named}
    (folder / "annotations.json").write_text(json.dumps(content))


def write_masks(found: Sequence[Scene], folder: Path) -> None:
    """Write pictures, and masks of their classes beside them."""
    _write([one.pixels for one in found], folder / "images")
    _write([one.mask for one in found], folder / "masks")


def write_shapes(found: Sequence[Scene], folder: Path) -> None:
    """Write pictures, and masks that are 1 on any shape."""
    _write([one.pixels for one in found], folder / "images")
    _write([(one.mask > 0).astype(np.uint8) for one in found], folder / "masks")


def write_pairs(found: Sequence[Pair], folder: Path) -> None:
    """Write pictures, and what a model should make of them."""
    _write([one.pixels for one in found], folder / "images")
    _write([one.wanted for one in found], folder / "targets")


def write_emblems(found: Sequence[Emblem], folder: Path) -> None:
    """Write pictures in a folder for each identity."""
    for number, one in enumerate(found):
        place = folder / f"{one.identity:03}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(one.pixels).save(place / _name(number))


def _write(pictures: Sequence[Pixels], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(folder / _name(number))


def _name(number: int) -> str:
    return f"{number:04}.png"


def write_pictures(found: Sequence[Any], folder: Path) -> None:
    """Write the pictures of samples alone."""
    _write([one.pixels for one in found], folder)
