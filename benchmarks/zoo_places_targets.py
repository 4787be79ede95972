"""What the zoo's detectors and others are trained towards: targets of each cell, and losses of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from benchmarks.zoo_places_data import SIDE, Emblem, Figure, Scene
from benchmarks.zoo_places_models import CLASSES, MAP, SIZES, STRIDES, cells

Floats = npt.NDArray[np.float32]
Targets = dict[str, Floats]

VARIANCES: Final = (0.1, 0.1, 0.2, 0.2)
SMALL: Final = 30  # pixels; larger objects belong to the coarse level
MATCHED, UNCLEAR = 0.45, 0.35  # overlap of an anchor with its object, and from where on it is not nothing
CELL: Final = SIDE // MAP  # pixels
MARGIN: Final = 0.5  # of cosine distance between triplets


def anchors() -> Floats:
    """Return the SSD's anchors as (x, y, width, height) in pixels, in the order of its rows."""
    rows = []
    for stride, sizes in zip(STRIDES, SIZES, strict=True):
        for row in range(SIDE // stride):
            for column in range(SIDE // stride):
                rows += [((column + 0.5) * stride, (row + 0.5) * stride, *size) for size in sizes]
    return np.asarray(rows, np.float32)


def ssd_targets(found: Sequence[Scene]) -> Targets:
    """Offsets and a 1 for each anchor that has an object; its class, 0 for nothing, and a 0 where that is unclear."""
    prior = anchors()
    corners = np.concatenate([prior[:, :2] - prior[:, 2:] / 2, prior[:, :2] + prior[:, 2:] / 2], axis=1)
    boxes = np.zeros((len(found), len(prior), 5), np.float32)
    scores = np.zeros((len(found), len(prior), 2), np.float32)
    for place, one in enumerate(found):
        shared = _overlaps(corners, one.boxes)
        best = shared.argmax(axis=1)
        share = shared[np.arange(len(prior)), best]
        share[shared.argmax(axis=0)] = 1.0  # every object has its nearest anchor
        best[shared.argmax(axis=0)] = np.arange(len(one.boxes))
        has = share >= MATCHED
        truth = one.boxes[best]
        middle, size = (truth[:, :2] + truth[:, 2:]) / 2, truth[:, 2:] - truth[:, :2]
        offsets = np.concatenate([(middle - prior[:, :2]) / prior[:, 2:], np.log(size / prior[:, 2:])], axis=1)
        boxes[place] = np.concatenate([offsets / VARIANCES, has[:, None]], axis=1)
        scores[place] = np.stack([np.where(has, one.labels[best] + 1, 0), has | (share < UNCLEAR)], axis=1)
    return {"boxes": boxes, "scores": scores}


def _overlaps(boxes: Floats, others: Floats) -> Floats:
    wide = np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - np.maximum(boxes[:, None, :2], others[None, :, :2])
    common = wide.clip(0).prod(axis=2)
    areas = [(one[:, 2:] - one[:, :2]).prod(axis=1) for one in (boxes, others)]
    shares: Floats = (common / (areas[0][:, None] + areas[1][None] - common)).astype(np.float32)
    return shares


def ssd_box_loss(wanted: Any, found: Any) -> Any:
    """Huber's loss of the offsets of anchors with an object."""
    mask = wanted[..., 4]
    error = ops.sum(keras.losses.huber(wanted[..., :4], found) * mask)
    return error / ops.maximum(ops.sum(mask), 1.0)


def ssd_class_loss(wanted: Any, found: Any) -> Any:
    """Focal cross entropy of the classes where they are clear."""
    true = ops.one_hot(ops.cast(wanted[..., 0], "int32"), CLASSES + 1)
    likely = ops.sum(true * found, axis=-1)
    losses = -ops.square(1 - likely) * ops.log(ops.maximum(likely, 1e-7)) * wanted[..., 1]
    return ops.sum(losses) / ops.maximum(ops.sum(ops.cast(wanted[..., 0] > 0, "float32")), 1.0)


def grid_targets(found: Sequence[Scene]) -> Targets:
    """Distances in strides and a 1 for cells near the middle of an object of their level; and its class."""
    centres, strides = cells()
    boxes, scores = np.zeros((len(found), len(centres), 5), np.float32), []
    for place, one in enumerate(found):
        classes = np.zeros((len(centres), CLASSES), np.float32)
        for box, label in zip(one.boxes, one.labels, strict=True):
            level = STRIDES[int((box[2:] - box[:2]).max() > SMALL)]
            near = np.abs(centres - (box[:2] + box[2:]) / 2) <= 0.75 * level
            inside = (centres > box[:2]) & (centres < box[2:])
            chosen = (near & inside).all(axis=1) & (strides[:, 0] == level)
            sides = np.concatenate([centres - box[:2], box[2:] - centres], axis=1) / strides
            boxes[place, chosen] = np.concatenate([sides, np.ones_like(strides)], axis=1)[chosen]
            classes[chosen] = np.eye(CLASSES)[label]
        scores.append(classes)
    return {"boxes": boxes, "scores": np.stack(scores)}


def grid_box_loss(wanted: Any, found: Any) -> Any:
    """1 minus the intersection over union of the boxes of cells with an object."""
    common = _area(ops.minimum(wanted[..., :4], found))
    shares = common / (_area(wanted) + _area(found) - common + 1e-6)
    return ops.sum(wanted[..., 4] * (1 - shares)) / ops.maximum(ops.sum(wanted[..., 4]), 1.0)


def _area(sides: Any) -> Any:
    return (sides[..., 0] + sides[..., 2]) * (sides[..., 1] + sides[..., 3])


def grid_class_loss(wanted: Any, found: Any) -> Any:
    """Focal cross entropy of logits, T.-Y. Lin and others (2017)."""
    losses = keras.losses.binary_focal_crossentropy(wanted[..., None], found[..., None], from_logits=True, gamma=2.0)
    return ops.sum(losses) / ops.maximum(ops.sum(wanted), 1.0)


def center_targets(found: Sequence[Scene]) -> Targets:
    """Bumps around the centres; and, with a 1 at the centres' cells, the size in cells and the offset."""
    heat = np.zeros((len(found), MAP, MAP, CLASSES), np.float32)
    size, offset = (np.zeros((len(found), MAP, MAP, 3), np.float32) for _ in range(2))
    for place, one in enumerate(found):
        for box, label in zip(one.boxes / CELL, one.labels, strict=True):
            middle, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
            column, row = (int(value) for value in middle)
            bump = _bump((column, row), float(sides.min()) / 6)
            heat[place, ..., label] = np.maximum(heat[place, ..., label], bump)
            size[place, row, column] = (*sides, 1)
            offset[place, row, column] = (*(middle - (column, row)), 1)
    return {"heat": heat, "size": size, "offset": offset}


def _bump(middle: Sequence[float], spread: float) -> Floats:
    """A normal curve around (x, y), 1 there."""
    row, column = np.indices((MAP, MAP))
    distance = (column - middle[0]) ** 2 + (row - middle[1]) ** 2
    bump: Floats = np.exp(-distance / (2 * spread**2)).astype(np.float32)
    return bump


def heat_loss(wanted: Any, found: Any) -> Any:
    """The focal loss of CenterNet, which counts little near a centre."""
    found = ops.clip(found, 1e-5, 1 - 1e-5)
    peak = ops.cast(wanted > 0.999, "float32")
    losses = peak * ops.square(1 - found) * ops.log(found)
    losses += (1 - peak) * (1 - wanted) ** 4 * ops.square(found) * ops.log(1 - found)
    return -ops.sum(losses) / ops.maximum(ops.sum(peak), 1.0)


def centre_loss(wanted: Any, found: Any) -> Any:
    """The absolute error at the centres' cells."""
    mask = wanted[..., 2:]
    return ops.sum(ops.abs(wanted[..., :2] - found) * mask) / ops.maximum(ops.sum(mask), 1.0)


def point_targets(found: Sequence[Figure]) -> Floats:
    """A bump of one cell for each point, whose cells have their centre half a cell from their corner."""
    return np.stack([np.stack([_bump(point / CELL - 0.5, 1.0) for point in one.points], axis=-1) for one in found])


def map_loss(wanted: Any, found: Any) -> Any:
    """The squared error of heat maps, more where there is something."""
    return ops.mean(ops.square(wanted - found) * (1 + 20 * wanted)) * 10


def emblem_targets(found: Sequence[Emblem]) -> Floats:
    """The identity of each picture."""
    return np.asarray([one.identity for one in found], np.float32)


def triplet_loss(wanted: Any, found: Any) -> Any:
    """The mean over all triplets of a batch, A. Hermans and others (2017); the hardest alone make all vectors one."""
    unit = found / ops.maximum(ops.norm(found, axis=-1, keepdims=True), 1e-6)
    distance = 1 - ops.matmul(unit, ops.transpose(unit))
    identity = ops.reshape(wanted, (-1, 1))
    same = ops.cast(identity == ops.transpose(identity), "float32")
    own = same - ops.eye(ops.shape(same)[0])
    valid = own[:, :, None] * (1 - same)[:, None, :]
    losses = ops.relu(distance[:, :, None] - distance[:, None, :] + MARGIN) * valid
    return ops.sum(losses) / ops.maximum(ops.sum(valid), 1.0)
