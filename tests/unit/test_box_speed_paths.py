"""Fast ways to boxes give what the plain rules of docs/decoding.md give, and boxes are drawn whole at every border."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest
from edgecv_runtime.decoders import Columns, Decoded, Distances, Level
from edgecv_runtime.heads.arithmetic import activate, softmax_parts
from edgecv_runtime.heads.boxes import Cells, decode_boxes, overlaps, suppress
from edgecv_runtime.heads.candidates import find_candidates
from edgecv_runtime.heads.words import BoxMark

from edgecv.run.colors import color_of
from edgecv.run.drawing import draw


def decoder(**changed):
    return Decoded(scores=(Columns(output="scores"),), boxes=(Columns(output="boxes"),), **changed)


def plain_suppress(boxes, classes, how):
    kept, limit = [], np.float32(how.overlap)
    for place, box in enumerate(boxes):
        rivals = [other for other in kept if how.agnostic or classes[other] == classes[place]]
        if len(kept) < how.most and not any(overlaps(boxes[other], box[None])[0] > limit for other in rivals):
            kept.append(place)
    return kept


@pytest.mark.parametrize("changed", [{}, {"agnostic": True}, {"overlap": 0.0}, {"overlap": 1.0}, {"most": 7}])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e25])
@pytest.mark.parametrize("count", [1, 3, 60])
def test_suppression_is_greedy_by_class(changed, scale, count):
    rng = np.random.default_rng(5)
    how = decoder(**{"overlap": 0.4, **changed})
    corner, size = rng.uniform(0, 30, (80, 2)), rng.uniform(1, 25, (80, 2))
    boxes = (np.concatenate([corner, corner + size], axis=1) * scale).astype(np.float32)
    boxes[40:50] = boxes[:10]
    classes = rng.integers(0, count, 80)
    assert suppress(boxes, classes, how).tolist() == plain_suppress(boxes, classes, how)


@pytest.mark.parametrize("rows", [0, 1, 2, 7, 320])
def test_a_softmax_adds_in_the_order_of_the_values(rows):
    values = np.random.default_rng(7).normal(0, 1, (rows, 81)).astype(np.float32)
    powers, total = softmax_parts(values)
    exact = np.exp(values.astype(np.float64) - values.max(axis=1, keepdims=True))
    np.testing.assert_array_equal(powers, exact)
    assert total[:, 0].tolist() == [reduce(add, row) for row in exact.tolist()]  # `sum` of Python corrects roundings


@pytest.mark.parametrize("rows", [1, 5])
def test_a_mean_bin_adds_in_the_order_of_the_bins(rows):
    bins = np.random.default_rng(8).normal(0, 1, (rows, 4, 16)).astype(np.float32)
    levels = (Level(grid=(1, rows), stride=(1.0, 1.0)),)
    columns = {name: (Columns(output=name),) for name in ("scores", "boxes")}
    how = Distances(**columns, levels=levels, bins=16, centre=0.0)
    found = decode_boxes(how, bins.reshape(rows, -1), None, Cells.of(levels), (1, rows))
    powers = np.exp(bins.astype(np.float64) - bins.max(axis=2, keepdims=True))
    means = [[reduce(add, (one * np.arange(16)).tolist()) / reduce(add, one.tolist()) for one in row] for row in powers]
    columns_of_cells = np.arange(rows)[:, None] * [1, 0, 1, 0]
    np.testing.assert_array_equal(found, np.float32(columns_of_cells + means * np.array([-1, -1, 1, 1])))


@pytest.mark.parametrize("background", [None, 0, 4])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
def test_the_quick_look_misses_no_candidate(activation, background):
    rng = np.random.default_rng(6)
    values = rng.normal(0, 3, (200, 5)).astype(np.float32)
    values[::7] = values[::7, :1]  # all equal
    values[3] = (-120, 0, 0, 120, -120)
    limits = np.float32([0.2, 0.3, 0.5, 0.2, 1e-7])
    if background is not None:
        limits[background] = np.nan
    found = find_candidates(decoder(background=background), activation, values, None, limits)
    scores = activate(values, activation)
    rows, classes = np.nonzero(scores >= limits)
    order = np.lexsort((classes, rows, -scores[rows, classes]))[:1000]
    assert len(order) > 100
    assert found.rows.tolist() == rows[order].tolist()
    assert found.classes.tolist() == classes[order].tolist()
    np.testing.assert_array_equal(found.scores, scores[rows, classes][order])


@pytest.mark.parametrize(
    "place",
    [
        (0, 0, 640, 480),
        (639.6, 479.7, 640, 480),
        (0, 0, 0.2, 0.2),
        (600, 3, 640, 9),
        (0, 470, 640, 480),
        (5, 5, 9, 200),
    ],
)
def test_a_box_is_drawn_at_every_border(place):
    pixels = np.full((480, 640, 3), 90, np.uint8)
    drawn = draw(pixels, [BoxMark(place, 1, "a long name 97.1 %")])
    changed = (drawn != pixels).any(axis=2)
    assert drawn.shape == pixels.shape
    assert changed[min(479, round(place[3])), min(639, round(place[2]))]
    assert (drawn == color_of(1)).all(axis=2).sum() > 500  # the text's plate is whole
    assert (pixels == 90).all()


@pytest.mark.parametrize(("wide", "tall"), [(100, 60), (9, 60), (60, 9), (8, 60), (60, 8), (3, 3)])
def test_a_border_is_a_line_of_colour_between_two_of_black(wide, tall):
    drawn = draw(np.full((480, 640, 3), 90, np.uint8), [BoxMark((200, 200, 200 + wide, 200 + tall), 1, "")])
    row, column = np.indices((tall + 1, wide + 1))
    depth = np.minimum(np.minimum(row, tall - row), np.minimum(column, wide - column))
    found = drawn[200 : 201 + tall, 200 : 201 + wide]
    assert (found[depth == 0] == 0).all()
    assert (found[(depth > 0) & (depth <= 2)] == color_of(1)).all()
    assert (found[depth == 3] == 0).all()
    assert (found[depth > 3] == 90).all()
    around = drawn[199 : 202 + tall, 199 : 202 + wide]
    assert (around[-1] == 90).all()
    assert (around[:, [0, -1]] == 90).all()


def test_the_best_box_lies_on_top_and_a_word_is_drawn_again():
    pixels = np.zeros((300, 300, 3), np.uint8)
    best, other = BoxMark((20, 60, 120, 160), 0, "cat 97.0 %"), BoxMark((24, 64, 124, 164), 1, "cat 96.0 %")
    both, alone = draw(pixels, [best, other]), draw(pixels, [best])
    np.testing.assert_array_equal(both[60:100, 20:22], alone[60:100, 20:22])
    np.testing.assert_array_equal(draw(pixels, [best]), alone)
    left = draw(pixels, [BoxMark((20, 60, 120, 160), 0, "dog 97.0 %")])
    assert (left != alone).any()
