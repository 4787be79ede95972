"""Detectors of 320 x 320 of the sizes that people put on phones, with random weights, and outputs for them by design.

Random weights find nothing, so what decoders read is made: some objects in the picture, for each of which many rows
answer, as trained detectors do before suppression.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

Floats = npt.NDArray[np.float32]
SIDE: Final = 320
CLASSES: Final = 80
OBJECTS, EACH = 20, 16  # objects in the picture, and the rows that answer for each of them
BINS: Final = 16
STRIDES: Final = (8, 16, 32)  # of the YOLO
SSD_STRIDES: Final = (16, 32, 64, 107, 160, 320)
RATIOS: Final = (1.0, 2.0, 0.5, 3.0, 1 / 3, 1.0)
VARIANCES: Final = (0.1, 0.1, 0.2, 0.2)


@dataclass(frozen=True, slots=True)
class Case:
    """A detector: how it is built, its head's description, and outputs by their names."""

    build: Callable[[], Any]
    head: str
    outputs: Callable[[], dict[str, Floats]]


def _conv(x: Any, filters: int, kernel: int = 3, stride: int = 1) -> Any:
    x = layers.Conv2D(filters, kernel, stride, "same", use_bias=False)(x)
    return layers.Activation("silu")(layers.BatchNormalization()(x))


def _c2f(x: Any, filters: int, count: int, *, shortcut: bool) -> Any:
    """YOLOv8's block of `count` bottlenecks, whose results are all joined."""
    half = filters // 2
    x = _conv(x, filters, 1)
    parts = [x[..., :half], x[..., half:]]
    for _ in range(count):
        y = _conv(_conv(parts[-1], half), half)
        parts.append(layers.Add()([parts[-1], y]) if shortcut else y)
    return _conv(layers.Concatenate()(parts), filters, 1)


def _pooled(x: Any, filters: int) -> Any:
    parts = [_conv(x, filters // 2, 1)]
    for _ in range(3):
        parts.append(layers.MaxPooling2D(5, 1, "same")(parts[-1]))
    return _conv(layers.Concatenate()(parts), filters, 1)


def yolo() -> Any:
    """YOLOv8n's layers: a backbone to the strides 8, 16 and 32, two ways between them, distances in 16 bins."""
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = _c2f(_conv(_conv(image, 16, 3, 2), 32, 3, 2), 32, 1, shortcut=True)
    fine = _c2f(_conv(x, 64, 3, 2), 64, 2, shortcut=True)
    middle = _c2f(_conv(fine, 128, 3, 2), 128, 2, shortcut=True)
    coarse = _pooled(_c2f(_conv(middle, 256, 3, 2), 256, 1, shortcut=True), 256)
    joined = _c2f(layers.Concatenate()([layers.UpSampling2D()(coarse), middle]), 128, 1, shortcut=False)
    first = _c2f(layers.Concatenate()([layers.UpSampling2D()(joined), fine]), 64, 1, shortcut=False)
    second = _c2f(layers.Concatenate()([_conv(first, 64, 3, 2), joined]), 128, 1, shortcut=False)
    third = _c2f(layers.Concatenate()([_conv(second, 128, 3, 2), coarse]), 256, 1, shortcut=False)
    boxes, scores = [], []
    for x in (first, second, third):
        boxes.append(layers.Reshape((-1, 4 * BINS))(layers.Conv2D(4 * BINS, 1)(_conv(_conv(x, 64), 64))))
        scores.append(layers.Reshape((-1, CLASSES))(layers.Conv2D(CLASSES, 1)(_conv(_conv(x, 80), 80))))
    found = {"boxes": boxes, "scores": scores}
    return keras.Model(image, {name: layers.Concatenate(axis=1, name=name)(parts) for name, parts in found.items()})


def ssd() -> Any:
    """SSDLite on MobileNetV2 of width 0.35: six levels with six anchors a cell, logits of 80 classes and of nothing."""
    image = keras.Input((SIDE, SIDE, 3), name="image")
    body = keras.applications.MobileNetV2(input_tensor=image, alpha=0.35, include_top=False, weights=None)
    maps = [body.get_layer("block_13_expand_relu").output, body.output]
    for filters in (256, 128, 128, 64):
        x = layers.Conv2D(filters // 2, 1, activation="relu6")(maps[-1])
        maps.append(layers.SeparableConv2D(filters, 3, 2, "same", activation="relu6")(x))
    found = {}
    for name, width in (("boxes", 4), ("scores", CLASSES + 1)):
        parts = [layers.SeparableConv2D(width * len(RATIOS), 3, padding="same")(x) for x in maps]
        found[name] = layers.Concatenate(axis=1, name=name)([layers.Reshape((-1, width))(x) for x in parts])
    return keras.Model(image, found)


def objects() -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return boxes of different sizes, (left, top, right, bottom), and their classes."""
    rng = np.random.default_rng(0)
    middle = rng.uniform(40, SIDE - 40, (OBJECTS, 2))
    half = rng.uniform(14, 60, (OBJECTS, 2)) / 2
    return np.concatenate([middle - half, middle + half], axis=1).astype(np.float32), rng.integers(0, CLASSES, OBJECTS)


def _nearest(centres: Floats) -> list[npt.NDArray[np.int64]]:
    """The rows nearest to each object that no object before has."""
    boxes, _ = objects()
    free, chosen = np.ones(len(centres), bool), []
    for box in boxes:
        distance = np.abs(centres - (box[:2] + box[2:]) / 2).max(axis=1)
        rows = np.where(free, distance, np.inf).argsort(kind="stable")[:EACH]
        free[rows] = False
        chosen.append(rows)
    return chosen


def yolo_cells() -> tuple[Floats, Floats]:
    """Return the centre in pixels of every cell, and its stride: (n, 2), (n, 1)."""
    centres, strides = [], []
    for stride in STRIDES:
        row, column = (axis.reshape(-1) for axis in np.indices((SIDE // stride,) * 2))
        centres.append((np.stack([column, row], axis=1) + 0.5) * stride)
        strides.append(np.full((len(row), 1), stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def yolo_outputs() -> dict[str, Floats]:
    """Return bins whose mean is the distance to an object's side, a little off, and logits of its class."""
    rng = np.random.default_rng(1)
    centres, strides = yolo_cells()
    scores = rng.normal(-7, 1, (len(centres), CLASSES))
    bins = rng.normal(0, 1, (len(centres), 4, BINS))
    boxes, labels = objects()
    for rows, box, label in zip(_nearest(centres), boxes, labels, strict=True):
        off = box + rng.normal(0, 1.5, (EACH, 4))
        sides = np.concatenate([centres[rows] - off[:, :2], off[:, 2:] - centres[rows]], axis=1) / strides[rows]
        bins[rows] = -4 * np.abs(np.arange(BINS) - sides.clip(0.3, BINS - 1)[..., None])
        scores[rows, label] = rng.uniform(0, 3, EACH)
    return _batch(boxes=bins.reshape(len(bins), -1), scores=scores)


def ssd_anchors() -> Floats:
    """Return all anchors as (x, y, width, height) in pixels."""
    rows = []
    for level, stride in enumerate(SSD_STRIDES):
        sizes = ssd_sizes(level)
        cells = -(-SIDE // stride)
        for row in range(cells):
            for column in range(cells):
                rows += [((column + 0.5) * stride, (row + 0.5) * stride, *size) for size in sizes]
    return np.asarray(rows, np.float32)


def ssd_sizes(level: int) -> list[tuple[float, float]]:
    """Return the sizes of a level's anchors, whose area grows evenly from level to level."""
    side = SIDE * (0.12 + 0.16 * level)
    scales = (side,) * (len(RATIOS) - 1) + (side * 1.2,)
    return [
        (round(scale * ratio**0.5, 2), round(scale / ratio**0.5, 2))
        for scale, ratio in zip(scales, RATIOS, strict=True)
    ]


def ssd_outputs() -> dict[str, Floats]:
    """Return offsets from anchors to an object, a little off, and logits of its class; else those of nothing."""
    rng = np.random.default_rng(1)
    anchors = ssd_anchors()
    scores = rng.normal(-3, 1, (len(anchors), CLASSES + 1))
    scores[:, 0] = 6
    offsets = rng.normal(0, 1, (len(anchors), 4))
    boxes, labels = objects()
    for rows, box, label in zip(_nearest(anchors[:, :2]), boxes, labels, strict=True):
        off = box + rng.normal(0, 1.5, (EACH, 4))
        middle, size = (off[:, :2] + off[:, 2:]) / 2, off[:, 2:] - off[:, :2]
        own = anchors[rows]
        moved = np.concatenate([(middle - own[:, :2]) / own[:, 2:], np.log(size / own[:, 2:])], axis=1)
        offsets[rows] = moved / VARIANCES
        scores[rows, label + 1] = 6 + rng.uniform(0, 3, EACH)
    return _batch(boxes=offsets, scores=scores)


def _batch(**values: npt.NDArray[Any]) -> dict[str, Floats]:
    return {name: rows.astype(np.float32)[None] for name, rows in values.items()}


def _yolo_head() -> str:
    return f"""
activation = "sigmoid"
thresholds = 0.3
[decode]
form = "grid"
scores = "scores"
boxes = "boxes"
bins = {BINS}
levels = {[f"stride={stride}" for stride in STRIDES]}
""".replace("'stride=", "{stride=").replace("'", "}")


def _ssd_head() -> str:
    levels = "".join(
        f"[[decode.levels]]\nstride = {stride}\nsizes = {[list(size) for size in ssd_sizes(level)]}\n"
        for level, stride in enumerate(SSD_STRIDES)
    )
    return f"""
activation = "softmax"
thresholds = 0.3
[decode]
form = "ssd"
scores = "scores"
boxes = "boxes"
background = 0
{levels}"""


CASES: Final = {
    "ssdlite_mobilenet_v2_0.35": Case(ssd, _ssd_head(), ssd_outputs),
    "yolov8n": Case(yolo, _yolo_head(), yolo_outputs),
}
