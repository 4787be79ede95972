"""The vectors of masks, points, pictures and embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from edgecv_runtime.decoders import Columns, Coordinates, Heatmaps, Pixels, Planes
from edgecv_runtime.schema import Fit

from tests.golden.decode_plans import LETTERBOX, SIZE, VIEWS, Plan, floats, noise, plan

CUTS = ("stretch_up", "crop_fraction", "resize_crop", "resize_crop_padded", "letterbox_tall", "letterbox_wide")


def picture_plans() -> Iterator[Plan]:
    """All of them."""
    yield from _masks()
    yield from _masks_by_hand()
    yield from _coordinates()
    yield from _heatmaps()
    yield from _pictures()
    yield from _pictures_by_hand()
    yield from _embeddings()


def mask(name: str, planes: np.ndarray, kernel: str = "bilinear", **fields: Any) -> Plan:
    """A case of a mask; one plane alone has a threshold of a half."""
    single = planes.ndim == 3 or planes.shape[-1] == 1
    usual = {"thresholds": (0.5,)} if single else {}
    return plan(name, "segmentation", {"y": planes}, decode=Planes(kernel=kernel), **{**usual, **fields})


def _masks() -> Iterator[Plan]:
    small = {"size": (14, 19)}
    for kernel in ("nearest", "bilinear"):
        single = noise("single", 5, 7, 1)
        yield mask(f"mask_{kernel}_one", single + np.float32(0.5), kernel, **small)
        yield mask(f"mask_{kernel}_sigmoid", single, kernel, activation="sigmoid", thresholds=(0.3,), labels=2, **small)
        yield mask(f"mask_{kernel}_flat", single[..., 0], kernel, activation="sigmoid", picture=(9, 11))
        for count in (2, 3, 5):
            yield mask(f"mask_{kernel}_{count}", noise("planes", 6, 5, count), kernel, labels=count, **small)
        softmax = np.exp(noise("softmax", 8, 12, 4))
        softmax = (softmax / softmax.sum(axis=-1, keepdims=True)).astype(np.float32)
        yield mask(f"mask_{kernel}_softmax", softmax, kernel, activation="softmax", **small)
        for name in VIEWS if kernel == "bilinear" else CUTS:
            fit, picture = VIEWS[name]
            yield mask(f"mask_{kernel}_{name}", noise("views", 8, 9, 3), kernel, fit=fit, picture=picture)
        # Pixels' centres exactly at the ends of what the model has seen, which are part of it.
        edge = {"size": (8, 8), "fit": Fit(mode="resize_crop", shorter=18), "picture": (9, 9)}
        yield mask(f"mask_{kernel}_at_the_ends", noise("ends", 8, 8, 2), kernel, **edge)


def _masks_by_hand() -> Iterator[Plan]:
    yield mask("mask_same_size", noise("same", 6, 7, 3), size=(6, 7))
    yield mask("mask_same_size_picture", noise("same", 6, 7, 3), size=(6, 7), picture=(6, 7))
    yield mask("mask_one_cell", noise("cell", 1, 1, 4), size=(4, 5), picture=(6, 3))
    yield mask("mask_finer_than_the_input", noise("finer", 16, 14, 2), size=(8, 7), picture=(11, 13))
    whole = np.random.default_rng(3).integers(0, 2, (1, 4, 5, 3)).astype(np.float32)
    for kernel in ("nearest", "bilinear"):
        yield mask(f"mask_ties_{kernel}", whole, kernel, size=(8, 10), picture=(8, 10))
    # Half between 0 and 1 is the threshold.
    steps = floats([[[0], [1], [0], [1]]])
    yield mask("mask_at_the_threshold", steps, size=(1, 4), picture=(2, 7))
    yield mask("mask_threshold_rounded", floats([[0.7, 0.3], [0.69999993, 0.7]]), size=(2, 2), thresholds=(0.7,))
    # Values whose last bits decide: weights and interpolation are those of float32, in the stated order.
    for count in (1, 2):
        steps = np.random.default_rng(count).integers(-3, 4, (1, 6, 5, count))
        yield mask(f"mask_operations_{count}", np.float32(0.5 + steps * 2.0**-24), size=(12, 10), picture=(19, 23))
    # Two planes that differ by two last bits at most: whichever of the three steps is fused, some pixels change class.
    random = np.random.default_rng(2)
    plane = random.uniform(0.3, 1.7, (5, 6)).astype(np.float32)
    near = (plane.view(np.int32) + random.integers(-2, 3, plane.shape).astype(np.int32)).view(np.float32)
    yield mask("mask_never_fused", np.stack([plane, near], axis=-1)[None], size=(19, 23))
    # A pixel's centre exactly between two cells, unless the quotient is rounded before it is multiplied.
    cells = floats(np.eye(10)[:, :, None] * [1, 2, 3])
    yield mask("mask_between_cells", cells, "nearest", size=(10, 10), picture=(77, 10))
    yield mask("mask_between_cells_of_the_input", cells, "nearest", size=(77, 10))
    extremes = floats([[[1e30, -1e30], [0, 0]], [[-1e30, 1e-30], [1e30, 1e30]]])
    yield mask("mask_extreme", extremes, size=(4, 4), picture=(5, 7))
    logits = floats([[[1e30], [-1e30]], [[40], [-40]]])
    yield mask("mask_extreme_sigmoid", logits, size=(4, 4), picture=(5, 7), activation="sigmoid")


def points(name: str, outputs: dict[str, np.ndarray], decode: Any, **fields: Any) -> Plan:
    """A case of points."""
    return plan(name, "keypoints", outputs, decode=decode, **fields)


def _coordinates() -> Iterator[Plan]:
    scores, places = noise("point scores", 5, 1, scale=2), noise("points", 5, 2, scale=0.4, mean=0.5)
    both = {"points": Columns(output="points"), "scores": Columns(output="scores")}
    for order, unit in product(("xy", "yx"), ("pixels", "relative")):
        scale = np.float32(1 if unit == "relative" else 37)
        decode = Coordinates(points=Columns(output="points"), order=order, unit=unit, skeleton=((0, 1), (1, 4)))
        fit, picture = VIEWS["letterbox_tall"]
        yield points(f"points_{order}_{unit}", {"points": places * scale}, decode, fit=fit, picture=picture, labels=5)
    for activation in ("none", "sigmoid"):
        outputs = {"points": places * np.float32(30), "scores": scores}
        yield points(f"points_scores_{activation}", outputs, Coordinates(**both), activation=activation)
    flat = {"y": noise("flat points", 4 * 3, scale=20)}
    cut = Coordinates(points=Columns(output="y", count=2, width=3), scores=Columns(output="y", first=2, width=3))
    yield points("points_width", flat, cut)
    second = {"y": np.ascontiguousarray(noise("second points", 4, 3, scale=20).transpose(0, 2, 1))}
    cut = Coordinates(
        points=Columns(output="y", first=1, channels="second"), scores=Columns(output="y", count=1, channels="second")
    )
    yield points("points_second", second, cut, activation="sigmoid")
    for name in CUTS:
        fit, picture = VIEWS[name]
        decode = Coordinates(points=Columns(output="points"))
        yield points(f"points_{name}", {"points": places * np.float32(40)}, decode, fit=fit, picture=picture)
    far = {"points": floats([[1e30, -1e30], [1e-30, 0], [-3, 99]])}
    yield points("points_extreme", far, Coordinates(points=Columns(output="points")), picture=(9, 9))


def _heatmaps() -> Iterator[Plan]:
    for name in ("none", *CUTS):
        fit, picture = VIEWS.get(name, (None, None))
        yield points(f"maps_{name}", {"y": noise("maps", 6, 8, 4)}, Heatmaps(), fit=fit, picture=picture)
    yield points("maps_sigmoid", {"y": noise("maps", 5, 7, 3, scale=3)}, Heatmaps(centre=0.0), activation="sigmoid")
    borders = np.zeros((4, 5, 6), np.float32)
    for index, (row, column) in enumerate(((0, 0), (0, 2), (3, 4), (2, 0), (1, 4), (3, 1))):
        borders[row, column, index] = 1
    borders[1, 2, :] += np.float32(0.25)
    yield points("maps_borders", {"y": floats(borders)}, Heatmaps(), labels=6)
    ties = np.zeros((4, 5, 4), np.float32)
    ties[1, 2:4, 0] = ties[2, 1, 0] = 1  # the first of three, whose neighbour is as large as itself
    ties[1:3, 2, 1] = ties[2, 3, 1] = 1
    ties[2, 2, 2], ties[2, 1, 2], ties[2, 3, 2], ties[1, 2, 2] = 2, 0.5, 0.5, -1
    yield points("maps_ties", {"y": floats(ties)}, Heatmaps(), picture=(30, 20))
    for height, width in ((1, 1), (2, 2), (1, 6), (6, 1)):
        yield points(f"maps_{height}x{width}", {"y": noise("small maps", height, width, 3)}, Heatmaps())
    yield points("maps_extreme", {"y": floats([[[1e30], [-1e30], [1e30]]] * 3)}, Heatmaps(), activation="sigmoid")
    near = floats([[[0.0], [1.0], [1e-45]]] * 3)
    yield points("maps_tiny_difference", {"y": near}, Heatmaps())


def made(name: str, values: np.ndarray, low: float = 0.0, high: float = 1.0, **fields: Any) -> Plan:
    """A case of a picture."""
    return plan(name, "image", {"y": values}, decode=Pixels(low=low, high=high), **fields)


def _pictures() -> Iterator[Plan]:
    for name in CUTS:
        fit, picture = VIEWS[name]
        for scale in (1, 2) if name.startswith("letterbox") else (1,):
            height, width = SIZE[0] // 4 * scale, SIZE[1] // 4 * scale
            values = noise("made", height, width, 1, scale=0.3, mean=0.5)
            yield made(f"picture_{name}_{scale}", values, fit=fit, picture=picture)


def _pictures_by_hand() -> Iterator[Plan]:
    yield made("picture_0_1", noise("rgb", 5, 7, 3, scale=0.4, mean=0.5), size=(5, 7))
    yield made("picture_minus_1_1", noise("rgb", 5, 7, 3, scale=0.7), -1.0, 1.0)
    yield made("picture_0_255", noise("rgb", 5, 7, 3, scale=90, mean=128), 0.0, 255.0)
    yield made("picture_caffe", noise("rgb", 5, 7, 3, scale=90), -103.939, 151.061)
    yield made("picture_negative", noise("gray", 5, 7, 1, scale=0.4, mean=0.5), 1.0, 0.0)
    yield made("picture_gray", noise("gray", 5, 7, 1, scale=0.4, mean=0.5))
    yield made("picture_flat", noise("gray", 5, 7, scale=0.4, mean=0.5))
    halves = floats(np.arange(-4, 12).reshape(4, 4) / 2)
    yield made("picture_ties", halves, 0.0, 255.0)
    yield made("picture_ties_shifted", halves, -128.0, 127.0)
    # Halves, but for what is lost in float32, or where the range is divided first.
    near = np.nextafter(np.float32([0.5, 0.5, 2.5, 2.5]), np.float32([0, 1, 0, 9]))
    yield made("picture_close_to_ties", near.reshape(1, 2, 2), -128.0, 127.0)
    yield made("picture_operations", floats([[5, 9, 17, 2.5], [4.5, 8.5, 10, 18]]), 0.0, 20.4)
    yield made("picture_extreme", floats([[1e30, -1e30, 3e38], [-0.0, 1e-45, 1.0]]))
    yield made("picture_one_pixel", noise("thin", 4, 6, 3), size=(32, 48), fit=LETTERBOX, picture=(1, 90))
    yield made("picture_last_pixel", noise("thin", 1, 1, 1), size=(9, 9), fit=LETTERBOX, picture=(1, 900))
    odd = {"size": (15, 15), "fit": LETTERBOX}
    yield made("picture_odd_pad_above", noise("odd", 5, 5, 1, mean=0.5), picture=(6, 21), **odd)
    yield made("picture_odd_pad_beside", noise("odd", 30, 30, 1, mean=0.5), picture=(21, 4), **odd)


def _embeddings() -> Iterator[Plan]:
    ones = np.zeros((1, 4), np.float32)
    for name, values in {
        "noise": noise("vector", 40, scale=3),
        "planes": noise("vector", 2, 2, 3),
        "zeros": ones,
        "negative_zero": np.float32([[-0.0, 0.0, -0.0]]),
        "one": np.float32([[-7.5]]),
        "tiny": np.float32([[1e-45, -3e-45, 1e-39]]),
        "huge": np.float32([[3e38, -1e38, 1.0]]),
        "mixed": np.float32([[1e30, -1e30, 1e-30, 5.0]]),
        "in_order": np.float32([[1e8, *[1.0] * 30, -1e8]]),
    }.items():
        yield plan(f"embedding_{name}", "embedding", {"y": values})
