"""The vectors of boxes: every form of decoder, which answers are candidates, suppression, the way to the picture."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from edgecv_runtime.decoders import Anchors, Centers, Columns, Decoded, Distances, Level, Offsets

from tests.golden.decode_plans import SIZE, VIEWS, Plan, floats, noise, plan

SCORES, BOXES = (Columns(output="scores"),), (Columns(output="boxes"),)
# Two maps of features with strides and grids that differ down and across.
GRIDS = (Level(grid=(3, 4), stride=(10.0, 12.0)), Level(grid=(2, 3), stride=(16.0, 16.5)))
CELLS = sum(level.grid[0] * level.grid[1] for level in GRIDS)
SIZES = ((9.0, 7.5), (14.25, 21.0))
ANCHORED = tuple(Level(grid=level.grid, stride=level.stride, sizes=SIZES) for level in GRIDS)


def box_plans() -> Iterator[Plan]:
    """All of them."""
    yield from _orders()
    yield from _columns()
    yield from _classes()
    yield from _thresholds()
    yield from _extremes()
    yield from _suppression()
    yield from _anchored()
    yield from _distances()
    yield from _centers()
    yield from _views()


def corners(name: str, count: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Boxes (left, top, right, bottom) in pixels, some of them over the border: one sample of an output."""
    random = np.random.default_rng(len(name) + count)
    height, width = size
    centre, half = random.uniform(0, (width, height), (count, 2)), random.uniform(2, 14, (count, 2))
    return floats(np.concatenate([centre - half, centre + half], axis=1))


def chances(name: str, count: int, classes: int) -> np.ndarray:
    """Scores between 0 and 1: one sample of an output."""
    return floats(np.random.default_rng(len(name) * 7 + count).uniform(0, 1, (count, classes)))


def boxes(name: str, scores: Any, places: Any = None, *, decode: dict[str, Any] | None = None, **fields: Any) -> Plan:
    """A case of boxes that the model decodes itself, with a threshold of a half."""
    scores = floats(scores) if isinstance(scores, list) else scores
    found = corners(name, scores.shape[1]) if places is None else floats(places) if isinstance(places, list) else places
    return plan(
        name,
        "detection",
        {"scores": scores, "boxes": found},
        decode=Decoded(**{"scores": SCORES, "boxes": BOXES, **(decode or {})}),
        **{"thresholds": (0.5,), **fields},
    )


def _orders() -> Iterator[Plan]:
    for order, unit in product(("xyxy", "yxyx", "xywh", "cxcywh"), ("pixels", "relative")):
        name = f"boxes_{order}_{unit}"
        left, top, right, bottom = corners("orders", 12)[0].astype(np.float64).T
        if unit == "relative":
            left, right, top, bottom = left / SIZE[1], right / SIZE[1], top / SIZE[0], bottom / SIZE[0]
        numbers = {
            "xyxy": (left, top, right, bottom),
            "yxyx": (top, left, bottom, right),
            "xywh": (left, top, right - left, bottom - top),
            "cxcywh": ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top),
        }[order]
        decode = {"order": order, "unit": unit}
        yield boxes(name, chances("orders", 12, 3), floats(np.stack(numbers, 1)), decode=decode, labels=3)


def _columns() -> Iterator[Plan]:
    """Where scores, boxes and objectness stand in the outputs."""
    values = np.concatenate([corners("one", 12), noise("objectness", 12, 1), noise("one", 12, 3, scale=2)], axis=2)
    parts: dict[str, Any] = {"boxes": (0, 4), "objectness": (4, 1), "scores": (5, 3)}
    for activation, channels in product(("none", "sigmoid", "softmax"), ("last", "second")):
        name = f"columns_{activation}_{channels}"
        columns = {
            part: (Columns(output="y", first=first, count=count, channels=channels),)
            for part, (first, count) in parts.items()
        }
        whole = values if channels == "last" else np.ascontiguousarray(values.transpose(0, 2, 1))
        fields = {"activation": activation, "thresholds": (0.2,), "decode": Decoded(**columns)}
        yield plan(name, "detection", {"y": whole}, **fields)
    columns = {part: (Columns(output="y", first=at, width=7, count=n),) for part, (at, n) in
               {"boxes": (0, 4), "objectness": (4, 1), "scores": (5, None)}.items()}  # fmt: skip
    wide = np.concatenate([corners("wide", 12), noise("wide", 12, 3)], axis=2).reshape(1, 2, 2, 21)
    yield plan(
        "columns_width", "detection", {"y": wide}, activation="sigmoid", thresholds=(0.2,), decode=Decoded(**columns)
    )
    second = {part: (Columns(output="y", first=c.first, width=7, count=c.count, channels="second"),)
              for part, (c,) in columns.items()}  # fmt: skip
    turned = np.ascontiguousarray(wide.transpose(0, 3, 1, 2))
    yield plan(
        "columns_width_second",
        "detection",
        {"y": turned},
        activation="sigmoid",
        thresholds=(0.2,),
        decode=Decoded(**second),
    )
    outputs = {
        "s1": noise("s1", 2, 3, 2),
        "b1": corners("b1", 6).reshape(1, 2, 3, 4),
        "s2": noise("s2", 2, 1, 2),
        "b2": np.ascontiguousarray(corners("b2", 2).reshape(1, 2, 1, 4).transpose(0, 3, 1, 2)),
    }
    several = Decoded(
        scores=(Columns(output="s1"), Columns(output="s2")),
        boxes=(Columns(output="b1"), Columns(output="b2", channels="second")),
    )
    yield plan("columns_several", "detection", outputs, activation="sigmoid", thresholds=(0.4,), decode=several)
    flat = {"scores": noise("flat", 6), "boxes": corners("flat", 3).reshape(1, 12)}
    rows = Decoded(scores=(Columns(output="scores", width=2),), boxes=(Columns(output="boxes", width=4),))
    yield plan("columns_flat", "detection", flat, activation="sigmoid", thresholds=(0.3,), decode=rows)


def _classes() -> Iterator[Plan]:
    """Which classes of a box are answers."""
    values = noise("classes", 9, 4, scale=2)
    for background, classes in product((0, 1, 3), ("all", "best")):
        for activation in ("softmax", "none") if classes == "all" else ("softmax",):
            decode = {"background": background, "classes": classes}
            name = f"background_{background}_{classes}_{activation}"
            fields = {"activation": activation, "thresholds": (0.15,), "labels": 3}
            yield boxes(name, values, decode=decode, **fields)
    yield boxes(
        "background_thresholds", values, decode={"background": 1}, activation="softmax", thresholds=(0.1, 0.5, 0.2)
    )
    yield boxes(
        "background_alone_wins", [[9, 1, 2]] * 3, decode={"background": 0, "classes": "best"}, activation="softmax"
    )
    ties = [[0.75, 0.75, 0.5], [0.5, 0.75, 0.75], [0.75, 0.5, 0.75]]
    for classes in ("all", "best"):
        decode = {"classes": classes, "overlap": None}
        yield boxes(f"ties_{classes}", ties, decode=decode)
        # The sigmoid of all of these rounds to 1: the best one is the largest before it.
        yield boxes(
            f"saturated_{classes}", [[20, 30, 25], [30, 30, 20], [-30, 18, 18]], decode=decode, activation="sigmoid"
        )
        yield boxes(
            f"softmax_ties_{classes}",
            [[2, 2, 2], [-1, -1, 0], [0, 5, 5]],
            decode=decode,
            activation="softmax",
            thresholds=(0.2,),
        )
    below = {"classes": "best"}
    yield boxes("best_below_its_threshold", [[0.6, 0.5], [0.4, 0.9]], decode=below, thresholds=(0.7, 0.3))
    yield boxes("one_class", chances("one_class", 8, 1), labels=1)


def _thresholds() -> Iterator[Plan]:
    """Scores at a threshold, and cut off lists."""
    yield boxes("thresholds_by_label", chances("by_label", 14, 3), thresholds=(0.9, 0.4, 0.65), labels=3)
    exact = np.float32([[0.3, 0.7, 0.1], [0.29999998, 0.69999993, 0.099999994]])
    # 0.7 in float32 is less than 0.7: the threshold is rounded as well.
    yield boxes("threshold_reached", floats(exact), thresholds=(0.3, 0.7, 0.1), decode={"overlap": None})
    yield boxes("threshold_0", [[0.0, -0.0], [-1e-45, 1e-45]], thresholds=(0.0,), decode={"overlap": None})
    yield boxes("threshold_1", [[1.0, 0.99999994], [1.0000001, 0.5]], thresholds=(1.0,))
    logits = [[15.5, 16.4], [16.2, 16.7], [17.5, 17.0], [10.0, 9.99]]
    yield boxes("threshold_almost_1", logits, thresholds=(0.99999994,), activation="sigmoid", decode={"overlap": None})
    yield boxes("threshold_tiny", [[-14.0, -13.7], [-15.0, -90.0]], thresholds=(1e-6,), activation="sigmoid")
    yield boxes("threshold_0_sigmoid", [[-1e30, 0.0], [-200.0, -100.0]], thresholds=(0.0,), activation="sigmoid")
    many = chances("many", 20, 2)
    for name, decode in {
        "before": {"before": 5}, "before_1": {"before": 1}, "most": {"most": 2},
        "before_and_most": {"before": 7, "most": 3}, "most_without_overlap": {"most": 4, "overlap": None},
    }.items():  # fmt: skip
        yield boxes(f"cut_{name}", many, decode=decode, thresholds=(0.2,))
    places = corners("cut", 6)
    places[0, 2:4, 2] = places[0, 2:4, 0]  # the second and the third best have no width
    falling = [[0.9 - row / 10] for row in range(6)]
    for name, decode in {"before": {"before": 3}, "most": {"most": 3, "overlap": 1.0}}.items():
        yield boxes(
            f"left_out_{name}",
            [falling[0], falling[4], *falling[1:3], falling[3], falling[5]],
            places,
            decode=decode,
            thresholds=(0.1,),
        )
    outside = corners("outside", 4)
    outside[0, 1, 0::2] += 100  # the second best is kept, and is outside the input
    yield boxes("most_counts_those_outside", falling[:4], outside, decode={"most": 2, "overlap": None})
    yield boxes("none_reaches", chances("none", 4, 2), thresholds=(1.0,))
    turned = corners("turned", 3)[:, :, [2, 3, 0, 1]]
    yield boxes("none_has_an_area", chances("turned", 3, 2), np.ascontiguousarray(turned), thresholds=(0.1,))
    yield boxes("none_is_inside", chances("away", 3, 2), corners("away", 3) + np.float32(500), thresholds=(0.1,))


def _extremes() -> Iterator[Plan]:
    places = [
        [-1e30, -1e30, 1e30, 1e30],
        [1e30, 0, 1e30, 9],
        [3, 4, 1e30, 9],
        [-1e30, 5, 7, 1e30],
        [0, 0, 1e-40, 1e-40],
    ]
    yield boxes("extreme_boxes", [[0.9], [0.8], [0.7], [0.95], [0.6]], places, decode={"overlap": 0.0})
    yield boxes("extreme_boxes_agnostic", [[0.9, 0.6]] * 5, places, decode={"agnostic": True, "overlap": 0.0})
    large = [[-3e38, -3e38, 3e38, 3e38], [0, 0, 3e38, 3e38], [-3e38, 0.1, 3e38, 0.9], [1, 1, 2, 2]]
    yield boxes("overflowing_areas", [[0.9], [0.8], [0.7], [0.6]], large)
    yield boxes(
        "overflowing_relative",
        [[0.9], [0.8]],
        [[0, 0, 3e38, 0.5], [0.25, 0.25, 0.75, 0.5]],
        decode={"unit": "relative"},
    )
    for activation in ("sigmoid", "softmax"):
        logits = [[1e30, -1e30, 0], [-1e30, -1e30, -1e30], [0, 88.8, 89], [-104, -88, -1e-30]]
        yield boxes(f"extreme_{activation}", logits, activation=activation, thresholds=(0.3,), decode={"overlap": None})
    products = {"scores": floats([[0.25, 1e30], [-2.0, -1e-30], [0.5, 3.0]]), "boxes": corners("products", 3)}
    products["objectness"] = floats([[4.0], [-0.75], [0.125]])
    decode = Decoded(scores=SCORES, boxes=BOXES, objectness=(Columns(output="objectness"),), overlap=None)
    yield plan("objectness_over_1", "detection", products, thresholds=(0.5,), decode=decode)
    yield plan("objectness_softmax", "detection", {**products, "objectness": floats([[1.5], [3.0], [1.0]])},
               activation="softmax", thresholds=(0.3,), decode=decode)  # fmt: skip


def _suppression() -> Iterator[Plan]:
    values, places = chances("suppression", 16, 2), corners("near", 16, (20, 24))
    for name, decode in {
        "classes": {},
        "agnostic": {"agnostic": True},
        "none": {"overlap": None},
        "none_agnostic": {"overlap": None, "agnostic": True},
        "0": {"overlap": 0.0},
        "1": {"overlap": 1.0},
        "tight": {"overlap": 0.15, "agnostic": True},
    }.items():
        yield boxes(f"overlap_{name}", values, places, decode=decode, thresholds=(0.3,))
    # A chain: the first suppresses the second, which then does not suppress the third.
    chain = [[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10], [12, 0, 22, 10]]
    yield boxes("overlap_chain", [[0.9], [0.8], [0.7], [0.6]], chain, decode={"overlap": 0.25})
    half = [[0, 0, 4, 3], [0, 0, 4, 6], [10, 10, 14, 13], [10, 10, 14, 15.999999]]
    yield boxes("overlap_exactly_half", [[0.9], [0.8], [0.7], [0.6]], half)
    # In float32 and in the stated order the overlap is the limit; in float64, fused, or in another order it is more.
    close = [[17.87, 1.12, 22.58, 20.71], [14.93, -0.7, 24.06, 21.28]]
    yield boxes("overlap_operations", [[0.9], [0.8]], close, decode={"overlap": 0.4597870409488678})
    third = [[0, 0, 2, 2], [0, 0, 2, 6]]
    yield boxes("overlap_in_float32", [[0.9], [0.8]], third, decode={"overlap": 0.333333333})
    yield boxes(
        "overlap_touching",
        [[0.9], [0.8], [0.7]],
        [[0, 0, 5, 5], [5, 0, 9, 5], [4.9, 4.9, 9, 9]],
        decode={"overlap": 0.0},
    )
    yield boxes(
        "overlap_equal_boxes", [[0.7, 0.7], [0.7, 0.8], [0.7, 0.7]], [[3, 3, 9, 9]] * 3, decode={"overlap": 0.9}
    )


def _anchored() -> Iterator[Plan]:
    count = CELLS * len(SIZES)
    values = {"scores": noise("anchored", count, 2, scale=2), "boxes": noise("offsets", count, 4, scale=1.5)}
    common: dict[str, Any] = {"scores": SCORES, "boxes": BOXES, "levels": ANCHORED}
    for name, decode in {
        "ssd": Offsets(**common),
        "ssd_yxhw": Offsets(**common, order="yxhw", variances=(0.1, 0.15, 0.2, 0.25)),
        "ssd_variances": Offsets(**common, variances=(1.0, 0.9, 0.8, 0.7), largest=0.75),
        "ssd_largest_yxhw": Offsets(**common, order="yxhw", variances=(1.0, 1.0, 1.0, 1.0), largest=0.5, centre=0.0),
        "anchors": Anchors(**common),
        "anchors_stretch": Anchors(**common, stretch=1.05),
        "anchors_square": Anchors(**common, stretch=2.0, growth="square"),
        "anchors_square_plain": Anchors(**common, growth="square", classes="best", agnostic=True),
    }.items():
        yield plan(name, "detection", values, activation="sigmoid", thresholds=(0.6,), decode=decode)
    few = (Level(grid=(1, 2), stride=(8.0, 8.0), sizes=((4.0, 6.0), (12.0, 10.0))),)
    extremes = floats([[0, 0, 2000, 1], [1e30, 0, 0, 0], [-1e30, 0.5, -3000, 0], [0.5, -0.5, 0, 0]])
    decode = Offsets(scores=SCORES, boxes=BOXES, levels=few)
    sure = floats([[0.9], [0.8], [0.7], [0.6]])
    yield plan("ssd_extreme", "detection", {"scores": sure, "boxes": extremes}, thresholds=(0.5,), decode=decode)
    extremes = floats([[0, 0, 800, 1], [1e30, -1e30, 0, 0], [0, 0, -1e30, 0], [-1e30, 40, 5, 0.25]])
    for growth in ("exp", "square"):
        made = Anchors(scores=SCORES, boxes=BOXES, levels=few, growth=growth, overlap=None)
        yield plan(
            f"anchors_extreme_{growth}",
            "detection",
            {"scores": sure, "boxes": extremes},
            thresholds=(0.5,),
            decode=made,
        )
    # YOLOv3's form: one channel axis of anchors x (box, objectness, classes).
    y = noise("yolo", 3, 4, 2 * 7, scale=1.2)
    for channels in ("last", "second"):
        cut = {part: (Columns(output="y", width=7, first=first, count=n, channels=channels),)
               for part, first, n in (("boxes", 0, 4), ("objectness", 4, 1), ("scores", 5, None))}  # fmt: skip
        whole = y if channels == "last" else np.ascontiguousarray(y.transpose(0, 3, 1, 2))
        made = Anchors(**cut, levels=ANCHORED[:1])
        yield plan(
            f"anchors_width_{channels}", "detection", {"y": whole}, activation="sigmoid", thresholds=(0.3,), decode=made
        )


def _distances() -> Iterator[Plan]:
    values = noise("distances", CELLS, 2, scale=2)
    for bins, centre in ((1, 0.5), (1, 0.0), (2, 0.5), (5, 0.5), (16, 0.5)):
        numbers = noise(f"bins_{bins}", CELLS, 4 * bins, scale=0.6 if bins == 1 else 2.0, mean=0.9 if bins == 1 else 0)
        decode = Distances(scores=SCORES, boxes=BOXES, levels=GRIDS, bins=bins, centre=centre)
        name = f"grid_{bins}" if centre else "grid_corner"
        outputs = {"scores": values, "boxes": numbers}
        yield plan(name, "detection", outputs, activation="sigmoid", thresholds=(0.5,), decode=decode)
    extremes = floats([[0.0] * 12, [1e30, 0, 0] * 4, [-1e30, 1e30, 1e30] * 4, [-1e30, 0, 0.5] * 4])
    level = (Level(grid=(2, 2), stride=(7.0, 9.5)),)
    decode = Distances(scores=SCORES, boxes=BOXES, levels=level, bins=3, overlap=None)
    outputs = {"scores": floats([[0.6], [0.7], [0.8], [0.9]]), "boxes": extremes}
    yield plan("grid_extreme", "detection", outputs, thresholds=(0.5,), decode=decode)
    # YOLOv8's form: boxes and scores in one output whose channels come second.
    y = np.ascontiguousarray(noise("yolo8", 6, 4 * 4 + 3).transpose(0, 2, 1))
    cut = {
        "boxes": (Columns(output="y", count=16, channels="second"),),
        "scores": (Columns(output="y", first=16, channels="second"),),
    }
    decode = Distances(**cut, levels=GRIDS[1:], bins=4)
    yield plan("grid_second", "detection", {"y": y}, activation="sigmoid", thresholds=(0.5,), decode=decode, labels=3)


def _centers() -> Iterator[Plan]:
    heat, sizes = noise("heat", CELLS, 2, scale=3), np.abs(noise("sizes", CELLS, 2)) + np.float32(0.2)
    shifts = np.abs(noise("shifts", CELLS, 2, scale=0.4))
    common: dict[str, Any] = {"scores": SCORES, "boxes": BOXES, "levels": GRIDS}
    for window in (1, 2, 3, 5, 9):
        decode = Centers(**common, window=window)
        yield plan(
            f"center_{window}",
            "detection",
            {"scores": heat, "boxes": sizes},
            activation="sigmoid",
            thresholds=(0.3,),
            decode=decode,
        )
    outputs = {"scores": heat, "boxes": sizes, "shifts": shifts}
    decode = Centers(**common, offsets=(Columns(output="shifts"),), overlap=None)
    yield plan("center_offsets", "detection", outputs, activation="sigmoid", thresholds=(0.3,), decode=decode)
    level = (Level(grid=(3, 3), stride=(8.0, 12.0)),)
    decode = Centers(scores=SCORES, boxes=BOXES, levels=level, overlap=None)
    plateau = floats([[v] for v in (0.5, 0.5, 0.1, 0.5, 0.2, 0.3, 0.1, 0.3, 0.9)])
    yield plan(
        "center_plateau", "detection", {"scores": plateau, "boxes": sizes[:, :9]}, thresholds=(0.25,), decode=decode
    )
    # All of these have a score of 1: peaks are those of the values before the sigmoid.
    saturated = floats([[v] for v in (20, 21, 22, 23, 40, 24, 25, 26, 1e30)])
    yield plan("center_saturated", "detection", {"scores": saturated, "boxes": sizes[:, :9]}, activation="sigmoid",
               thresholds=(0.25,), decode=decode)  # fmt: skip


def _views() -> Iterator[Plan]:
    values = chances("views", 9, 2)
    for name, (fit, picture) in VIEWS.items():
        yield boxes(f"boxes_{name}", values, corners("views", 9), fit=fit, picture=picture, thresholds=(0.2,))
    # A box that is only in the pad, one over it, and one that ends where the picture begins: 30 rows of 32 are picture.
    fit, picture = VIEWS["letterbox_wide"]
    pads = [[2, 0, 9, 8], [2, 2, 9, 20], [20, 0, 30, 8.5], [-5, 9, 60, 31]]
    yield boxes("boxes_in_the_pad", [[0.9], [0.8], [0.7], [0.6]], pads, fit=fit, picture=picture)
