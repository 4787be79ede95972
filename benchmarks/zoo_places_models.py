"""The architectures of the zoo's detectors, segmenters and others, as people write them."""

from __future__ import annotations

from typing import Any, Final

import keras
import numpy as np
from keras import layers, ops

from benchmarks.zoo_places_data import EMBLEMS, POINTS, SHAPES, SIDE

CLASSES: Final = len(SHAPES)
STRIDES: Final = (8, 16)  # of the detectors' two levels
# SSD's anchors, (width, height) in pixels, of the cells of each level.
SIZES: Final = (((20.0, 20.0), (28.0, 20.0), (20.0, 28.0)), ((34.0, 34.0), (42.0, 28.0), (28.0, 42.0)))
MAP: Final = SIDE // 4  # cells of the side of CenterNet's and the key points' maps
VECTOR: Final = 32
BEST, OVERLAP = 60, 0.5  # boxes that the finished detector gives, and where one of two is left out
RARE: Final = keras.initializers.Constant(-3.0)  # most cells hold nothing


def _image(side: int = SIDE) -> Any:
    return keras.Input((side, side, 3), name="image")


def _block(x: Any, filters: int, stride: int = 1) -> Any:
    x = layers.Conv2D(filters, 3, stride, "same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def _levels(image: Any) -> list[Any]:
    """Maps of the strides 8 and 16."""
    x = _block(_block(_block(image, 16, 2), 32, 2), 48, 2)
    x = _block(_block(x, 48), 48)
    return [x, _block(_block(x, 64, 2), 64)]


def _rows(maps: list[Any], width: int, name: str, **options: Any) -> Any:
    """A 1 x 1 convolution of each level, as rows of `width` numbers."""
    parts = [
        layers.Reshape((-1, width))(layers.Conv2D(width * options.get("each", 1), 1, bias_initializer=first)(x))
        for x, first in zip(maps, options.get("begin", ("zeros",) * len(maps)), strict=True)
    ]
    return layers.Concatenate(axis=1, name=name)(parts)


def ssd() -> Any:
    """SSD: three anchors at each cell of two levels, offsets from them, and a softmax over the classes and nothing."""
    image = _image()
    maps = [_block(x, 48) for x in _levels(image)]
    boxes = _rows(maps, 4, "boxes", each=len(SIZES[0]))
    logits = _rows(maps, CLASSES + 1, "logits", each=len(SIZES[0]))
    return keras.Model(image, {"boxes": boxes, "scores": layers.Softmax(name="scores")(logits)}, name="ssd")


def grid_detector() -> Any:
    """An anchor-free detector as FCOS: at each cell of two levels distances in strides, and logits of the classes."""
    image = _image()
    maps = _levels(image)
    logits = _rows([_block(x, 48) for x in maps], CLASSES, "scores", begin=(RARE, RARE))
    raw = _rows([_block(x, 48) for x in maps], 4, "raw")
    boxes = layers.Activation("softplus", name="boxes")(raw)
    return keras.Model(image, {"boxes": boxes, "scores": logits}, name="detector")


def _corners(boxes: Any) -> Any:
    """Left, top, right and bottom in pixels, from distances in strides."""
    centres, strides = cells()
    before = ops.subtract(centres, boxes[..., :2] * strides)
    after = ops.add(centres, boxes[..., 2:] * strides)
    return ops.concatenate([before, after], axis=-1)


def cells() -> tuple[Any, Any]:
    """Return the centre (x, y) in pixels and the stride of each row of the detectors of two levels: (n, 2), (n, 1)."""
    centres, strides = [], []
    for stride in STRIDES:
        row, column = (axis.reshape(-1) for axis in np.indices((SIDE // stride,) * 2))
        centres.append((np.stack([column, row], axis=1) + 0.5) * stride)
        strides.append(np.full((len(row), 1), stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def joined(detector: Any) -> Any:
    """Corners in pixels beside the probabilities of the classes, in ONE output of rows."""
    scores = ops.sigmoid(detector.output["scores"])
    rows = layers.Concatenate(name="found")([_corners(detector.output["boxes"]), scores])
    return keras.Model(detector.input, rows, name="detector_joined")


def yolo(detector: Any) -> Any:
    """What YOLOv8 exports: centre and size in pixels, and the classes' probabilities, as rows of ONE output."""
    corners = _corners(detector.output["boxes"])
    before, after = corners[..., :2], corners[..., 2:]
    parts = [(before + after) / 2, after - before, ops.sigmoid(detector.output["scores"])]
    rows = layers.Permute((2, 1), name="output0")(layers.Concatenate()(parts))
    return keras.Model(detector.input, rows, name="detector_yolo")


def finished(detector: Any) -> Any:
    """What YOLO26 exports: sorted rows of corners in pixels, score and class number; overlapping ones score 0.

    The first candidates are those of the best class of each cell, then of all their classes, as in YOLOv10. One that a
    better one of its class overlaps is none, as in YOLACT's fast suppression, whose operations all converters have.
    """
    corners, chances = _corners(detector.output["boxes"]), ops.sigmoid(detector.output["scores"])
    _, rows = ops.top_k(ops.max(chances, axis=-1), BEST)
    corners, chances = _gathered(corners, rows), _gathered(chances, rows)
    scores, places = ops.top_k(ops.reshape(chances, (-1, BEST * CLASSES)), BEST)
    corners = _gathered(corners, ops.floor_divide(places, CLASSES))
    numbers = ops.cast(ops.mod(places, CLASSES), "float32")
    same = ops.cast(ops.equal(numbers[:, :, None], numbers[:, None]), "float32")
    shared = _shared(corners) * same
    most = ops.max(shared * np.tri(BEST, k=-1, dtype=np.float32), axis=-1)
    scores = scores * ops.cast(most <= OVERLAP, "float32")
    parts = [corners, scores[..., None], numbers[..., None]]
    return keras.Model(detector.input, layers.Concatenate(name="output0")(parts), name="detector_finished")


def _gathered(rows: Any, places: Any) -> Any:
    return ops.take_along_axis(rows, places[..., None], axis=1)


def _shared(corners: Any) -> Any:
    """The overlap of each box with each: (batch, n, n)."""
    one, other = corners[:, :, None], corners[:, None]
    sides = ops.maximum(ops.minimum(one[..., 2:], other[..., 2:]) - ops.maximum(one[..., :2], other[..., :2]), 0.0)
    common, size = sides[..., 0] * sides[..., 1], corners[..., 2:] - corners[..., :2]
    area = size[..., 0] * size[..., 1]
    return common / (area[:, :, None] + area[:, None] - common + 1e-6)


def centernet() -> Any:
    """CenterNet: for each cell of a quarter of the picture, a heat map a class, the size and the centre's offset."""
    image = _image()
    fine = _block(_block(image, 16, 2), 32, 2)
    coarse = _block(_block(_block(fine, 64, 2), 64), 64)
    x = _block(layers.Concatenate()([layers.UpSampling2D()(coarse), fine]), 48)
    heat = layers.Conv2D(CLASSES, 1, activation="sigmoid", bias_initializer=RARE, name="heat")(_block(x, 32))
    size = layers.Conv2D(2, 1, activation="softplus", name="size")(_block(x, 32))
    offset = layers.Conv2D(2, 1, name="offset")(_block(x, 32))
    return keras.Model(image, {"heat": heat, "size": size, "offset": offset}, name="centernet")


def _unet(image: Any, filters: tuple[int, int, int] = (16, 32, 48)) -> Any:
    first, second, third = filters
    a = _block(image, first, 2)
    b = _block(a, second, 2)
    c = _block(_block(b, third, 2), third)
    x = _block(layers.Concatenate()([layers.UpSampling2D()(c), b]), second)
    x = _block(layers.Concatenate()([layers.UpSampling2D()(x), a]), first)
    return _block(layers.UpSampling2D()(x), first)


def segmenter() -> Any:
    """A U-Net with a softmax over the background and the shapes at each pixel."""
    image = _image()
    mask = layers.Conv2D(CLASSES + 1, 3, padding="same", activation="softmax", name="mask")(_unet(image))
    return keras.Model(image, mask, name="segmenter")


def cutout() -> Any:
    """A U-Net with one plane: whether there is a shape, by a sigmoid at each pixel."""
    image = _image()
    mask = layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="mask")(_unet(image))
    return keras.Model(image, mask, name="cutout")


def poser() -> Any:
    """A heat map a quarter of the picture large for each point of a figure."""
    image = _image()
    fine = _block(_block(image, 16, 2), 32, 2)
    coarse = _block(_block(_block(fine, 64, 2), 64), 64)
    x = _block(_block(layers.Concatenate()([layers.UpSampling2D()(coarse), fine]), 48), 48)
    return keras.Model(image, layers.Conv2D(len(POINTS), 1, name="maps")(x), name="poser")


def denoiser() -> Any:
    """Convolutions that find the noise, at first none, which is taken off the picture."""
    image = x = _image()
    for _ in range(3):
        x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    noise = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros")(x)
    return keras.Model(image, layers.Subtract(name="clean")([image, noise]), name="denoiser")


def enlarger() -> Any:
    """Twice the size: what bilinear resampling gives, and what convolutions with a pixel shuffle add to it."""
    side = SIDE // 2
    image = _image(side)
    x = image
    for filters in (32, 32):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(12, 3, padding="same")(x)
    x = ops.transpose(ops.reshape(x, (-1, side, side, 2, 2, 3)), (0, 1, 3, 2, 4, 5))
    added = layers.Reshape((SIDE, SIDE, 3))(x)
    smooth = layers.UpSampling2D(interpolation="bilinear")(image)
    return keras.Model(image, layers.Add(name="large")([smooth, added]), name="enlarger")


def embedder() -> Any:
    """A vector of 32 numbers, near those of pictures of the same emblem."""
    image = _image(EMBLEMS)
    x = _block(_block(_block(_block(image, 24, 2), 48), 64, 2), 96, 2)
    return keras.Model(image, layers.Dense(VECTOR, name="vector")(layers.Flatten()(_block(x, 32))), name="embedder")
