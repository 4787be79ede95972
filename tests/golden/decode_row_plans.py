"""The vectors of finished boxes: one score a row, and the number of its class."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from edgecv_runtime.decoders import Columns, Decoded

from tests.golden.decode_box_plans import corners
from tests.golden.decode_plans import SIZE, VIEWS, Plan, floats, noise, plan

COUNT = 12
ODD = 1e-7  # relative; the next float32 is so far


def row_plans() -> Iterator[Plan]:
    """All of them."""
    yield from _forms()
    yield from _numbers()
    yield from _padding()
    yield from _chosen()
    yield from _tensorflow()


def finished(
    name: str, rows: np.ndarray, *, first: int = 0, decode: dict[str, Any] | None = None, **fields: Any
) -> Plan:
    """A case of one output of rows: from the column `first` on the box, the score and the number, one of three."""
    parts = {"boxes": (first, 4), "scores": (first + 4, 1), "numbers": (first + 5, 1)}
    columns: dict[str, Any] = {part: (Columns(output="y", first=at, count=n),) for part, (at, n) in parts.items()}
    made = Decoded(**{**columns, "class_count": 3, "overlap": None, **(decode or {})})
    return plan(name, "detection", {"y": rows}, decode=made, **{"thresholds": (0.5,), **fields})


def rows_of(name: str, scores: Any = None, numbers: Any = None, places: np.ndarray | None = None) -> np.ndarray:
    """Rows of left, top, right, bottom, score and number, best first; where nothing is given, drawn by the name."""
    random = np.random.default_rng(len(name))
    count = COUNT if scores is None and numbers is None else len(scores if scores is not None else numbers)
    scores = np.sort(random.uniform(0, 1, count))[::-1] if scores is None else scores
    numbers = random.integers(0, 3, count) if numbers is None else numbers
    return np.concatenate(
        [corners(name, count) if places is None else places, floats(np.stack([scores, numbers], axis=1))], axis=2
    )


def _forms() -> Iterator[Plan]:
    """Where the columns stand, and what is made of them."""
    rows = rows_of("forms")
    yield finished("rows", rows, labels=3)
    indexed = np.concatenate([np.zeros_like(rows[..., :1]), rows], axis=2)
    yield finished("rows_of_seven", indexed, first=1)
    second = {
        part: (Columns(output="y", first=at, count=n, channels="second"),)
        for part, (at, n) in {"boxes": (0, 4), "scores": (4, 1), "numbers": (5, 1)}.items()
    }
    yield finished("rows_second", np.ascontiguousarray(rows.transpose(0, 2, 1)), decode=second)
    relative = rows.copy()
    relative[..., :4] /= np.float32([SIZE[1], SIZE[0], SIZE[1], SIZE[0]])
    yield finished("rows_relative", relative, decode={"unit": "relative"})
    for order in ("yxyx", "cxcywh"):
        yield finished(f"rows_{order}", rows, decode={"order": order}, thresholds=(0.3,))
    logits = rows.copy()
    logits[..., 4] = noise("row_logits", COUNT)[0]
    yield finished("rows_logits", logits, activation="sigmoid")
    for activation in ("none", "sigmoid"):
        there = Columns(output="y", first=6)
        whole = np.concatenate([logits if activation == "sigmoid" else rows, noise("row_object", COUNT, 1)], axis=2)
        fields = {"activation": activation, "thresholds": (0.2,)}
        yield finished(f"rows_objectness_{activation}", whole, decode={"objectness": (there,)}, **fields)
    for name in ("letterbox_wide", "crop_fraction"):
        fit, picture = VIEWS[name]
        yield finished(f"rows_{name}", rows, fit=fit, picture=picture, thresholds=(0.2,))


def _numbers() -> Iterator[Plan]:
    """Numbers that are not whole, or those of no class."""
    halves = [0.5, 1.5, 2.5, 2.5 + 3 * ODD, -0.5, -0.5 - ODD, 0.5 + ODD, 1.5 - 2 * ODD, 2.4999998, 3.0, -1.0, 2.0]
    falling = np.linspace(0.95, 0.55, len(halves))
    yield finished("rows_halves", rows_of("halves", falling, halves))
    far = [1e30, -1e30, 3e9, -3e9, 4294967297.0, 1.0, -0.0, 1e-40, 255.0, 256.0]
    yield finished("rows_far_numbers", rows_of("far", np.linspace(0.95, 0.55, len(far)), far))
    many = [16777216.0, 65535.0, 65536.0, 65535.5, 65534.5]
    yield finished(
        "rows_many_classes", rows_of("many", np.linspace(0.95, 0.55, len(many)), many), decode={"class_count": 65536}
    )
    yield finished("rows_one_class", rows_of("one", [0.9, 0.8, 0.7], [0, 1, 0.2]), decode={"class_count": 1}, labels=1)
    for background in (0, 1, 2):
        yield finished(
            f"rows_background_{background}", rows_of("background"), decode={"background": background}, labels=2
        )
    yield finished("rows_thresholds", rows_of("limits"), thresholds=(0.9, 0.2, 0.6), labels=3)
    decode = {"background": 1}
    yield finished("rows_background_thresholds", rows_of("limits"), decode=decode, thresholds=(0.9, 0.2), labels=2)


def _padding() -> Iterator[Plan]:
    """Rows that stand for nothing: a score of 0 is under any threshold but 0, and no number is -1."""
    rows = rows_of("padding", [0.9, 0.6, 0, 0, 0, -0.0, 0], [2, 0, -1, 0, 1, 2, 0])
    rows[0, 3, :4] = 0  # no area
    rows[0, 6, 2:4] = rows[0, 6, :2]
    for threshold in (0.0, 0.5):
        yield finished(f"rows_padded_{threshold:g}".replace(".", "_"), rows, thresholds=(threshold,))
    yield finished("rows_all_padded", np.zeros((1, 4, 6), np.float32))
    yield finished("rows_padded_by_minus_one", np.full((1, 4, 6), -1, np.float32))


def _chosen() -> Iterator[Plan]:
    """Equal scores, cut off lists, and suppression after all."""
    scores = [0.5, 0.75, 0.75, 0.5, 0.75, 0.49999997]
    yield finished("rows_ties", rows_of("ties", scores, [2, 1, 0, 0, 1, 2]))
    cuts = {"before": {"before": 4}, "most": {"most": 3}, "before_and_most": {"before": 6, "most": 2}}
    for name, decode in cuts.items():
        yield finished(f"rows_{name}", rows_of("cut"), decode=decode, thresholds=(0.1,))
    places = floats([[3, 3, 20, 20], [4, 3, 20, 20], [3, 4, 21, 20], [3, 3, 20, 21], [30, 3, 40, 20], [31, 3, 40, 20]])
    near = rows_of("near", [0.9, 0.85, 0.8, 0.75, 0.7, 0.65], [0, 1, 0, 1, 2, 2], places)
    for agnostic, overlap in product((False, True), (0.5, 0.9)):
        decode = {"overlap": overlap, "agnostic": agnostic}
        name = f"rows_overlap_{overlap:g}{'_agnostic' if agnostic else ''}".replace(".", "_")
        yield finished(name, near, decode=decode)
    turned = rows_of("turned", [0.9, 0.8, 0.7], [0, 1, 2])
    turned[0, 0, :4] = turned[0, 0, [2, 3, 0, 1]]
    yield finished("rows_without_an_area", turned, decode={"before": 2})


def _tensorflow() -> Iterator[Plan]:
    """Four outputs as TensorFlow's Object Detection API has them, of which the count is no output of the head."""
    rows = rows_of("tensorflow", numbers=[1, 2, 3, 1, 1, 2, 3, 3, 1, 4, 1, 0])
    rows[0, 9:, 4] = 0
    boxes = rows[..., [1, 0, 3, 2]] / np.float32([SIZE[0], SIZE[1], SIZE[0], SIZE[1]])
    outputs = {"detection_boxes": boxes, "detection_classes": rows[..., 5], "detection_scores": rows[..., 4]}
    made = Decoded(
        scores=(Columns(output="detection_scores", width=1),),
        boxes=(Columns(output="detection_boxes"),),
        numbers=(Columns(output="detection_classes", width=1),),
        class_count=4,
        background=0,
        order="yxyx",
        unit="relative",
        overlap=None,
    )
    given = {name: np.ascontiguousarray(values) for name, values in outputs.items()}
    yield plan("rows_of_tensorflow", "detection", given, decode=made, thresholds=(0.3,), labels=3)
