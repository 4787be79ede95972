"""Maps from answers alone: what is known of a linear model must come out, whatever form the pictures have."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.explain import compare
from edgecv_converters.explain.canvas import Canvas
from edgecv_converters.explain.masking import RandomMasks, occlusion, rise, starts
from edgecv_converters.explain.records import ExplainOrder
from edgecv_converters.explain.settings import METHODS, ExplainSettings, find_method
from edgecv_converters.explain.subjects import AnsweringArtifact, only_input
from edgecv_converters.explain.worker import explain
from edgecv_runtime.backends import open_backend
from edgecv_runtime.errors import UsageError

from tests import bundles, heads

RNG = np.random.default_rng(11)
SIZE = (20, 24)
PIXEL = ExplainSettings(window=0.01, stride=0.01, baseline="zero")  # a square of one pixel


def nothing(_):
    """Progress that nobody looks at."""


def linear(weights):
    return lambda raw: (raw.reshape(len(raw), -1).astype(np.float64) @ weights.reshape(-1)).astype(np.float64)


@pytest.mark.parametrize(("shape", "planar"), [((*SIZE, 3), False), ((3, *SIZE), True), (SIZE, False)])
def test_occlusion_of_a_linear_model_is_its_weights(shape, planar):
    weights = RNG.normal(size=shape)
    canvas = Canvas(np.ones(shape, np.float32), planar=planar, baseline="zero")
    found = occlusion(canvas, linear(weights), PIXEL, nothing)
    wanted = weights if len(shape) == 2 else weights.sum(axis=0 if planar else -1)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_occlusion_takes_the_mean_over_the_squares_that_hide_a_pixel():
    weights = RNG.normal(size=(*SIZE, 3))
    picture = RNG.random((*SIZE, 3)).astype(np.float32)
    settings = ExplainSettings(window=0.3, stride=0.1)
    found = occlusion(Canvas(picture), linear(weights), settings, nothing)
    lost = (weights * (picture - picture.mean(axis=(0, 1)))).sum(axis=-1)
    total, count = np.zeros(SIZE), np.zeros(SIZE)
    for top in range(0, SIZE[0] - 5, 2):
        for left in range(0, SIZE[1] - 5, 2):
            total[top : top + 6, left : left + 6] += lost[top : top + 6, left : left + 6].sum()
            count[top : top + 6, left : left + 6] += 1
    np.testing.assert_allclose(found, total / count, atol=1e-4)


@pytest.mark.parametrize(("length", "side", "step"), [(20, 6, 2), (21, 6, 4), (5, 6, 3), (7, 7, 1), (8, 1, 1)])
def test_squares_cover_an_axis(length, side, step):
    covered = {place + inside for place in starts(length, side, step) for inside in range(side)}
    assert covered >= set(range(length))
    assert max(starts(length, side, step)) == max(0, length - side)


@pytest.mark.parametrize(("shape", "planar"), [((*SIZE, 3), False), ((3, *SIZE), True), (SIZE, False)])
def test_rise_is_the_mean_score_of_the_masks_that_show_a_pixel(shape, planar):
    settings = ExplainSettings(masks=40, cells=5)
    picture, weights = RNG.random(shape).astype(np.float32), RNG.normal(size=shape)
    found = rise(Canvas(picture, planar=planar), linear(weights), settings, nothing)
    masks = RandomMasks.draw(SIZE, settings)
    total, shown = np.zeros(SIZE), np.zeros(SIZE)
    mean = picture.mean(axis=(1, 2) if planar else (0, 1), keepdims=True)
    for grid, (tall, wide) in zip(masks.grids, masks.shifts, strict=True):
        share = bilinear(grid, tall, wide)
        mask = share if len(shape) == 2 else share[None] if planar else share[..., None]
        total += share * float(((mean + mask * (picture - mean)) * weights).sum())
        shown += share
    np.testing.assert_allclose(found, total / shown, atol=1e-3)


def bilinear(grid, tall, wide):
    """A mask pixel by pixel: cells of 4 x 5 pixels, shifted by less than one."""
    found = np.zeros(SIZE)
    for row in range(SIZE[0]):
        for column in range(SIZE[1]):
            y, x = (row + tall) / 4, (column + wide) / 5
            top, left = int(y), int(x)
            down, across = y - top, x - left
            upper = grid[top, left] * (1 - across) + grid[top, left + 1] * across
            lower = grid[top + 1, left] * (1 - across) + grid[top + 1, left + 1] * across
            found[row, column] = upper * (1 - down) + lower * down
    return found


def test_rise_finds_the_only_place_that_counts():
    weights = np.zeros(SIZE)
    weights[4:9, 15:20] = 1
    picture = RNG.random(SIZE).astype(np.float32) + 1
    found = rise(Canvas(picture, baseline="zero"), linear(weights), ExplainSettings(masks=400), nothing)
    row, column = np.unravel_index(found.argmax(), SIZE)
    assert 3 <= row < 10
    assert 14 <= column < 21


@pytest.mark.parametrize("baseline", ["mean", "zero", "blur"])
def test_integers_are_mixed_as_the_real_values_are(baseline):
    scale, zero = 0.02, -20
    real = RNG.random((*SIZE, 3)).astype(np.float32) * 2
    raw = np.clip(np.rint(real / scale) + zero, -128, 127).astype(np.int8)
    zeros = np.full(raw.shape, zero, np.int8)
    share = RNG.random((2, *SIZE)).astype(np.float32)
    plain = Canvas((raw - np.float32(zero)) * np.float32(scale), baseline=baseline).mixed(share)
    mixed = Canvas(raw, baseline=baseline, zeros=zeros).mixed(share)
    assert mixed.dtype == np.int8
    np.testing.assert_allclose((mixed - np.float32(zero)) * scale, plain, atol=0.51 * scale)


def test_the_highest_point_is_the_middle_of_what_is_equally_high():
    values = np.zeros((20, 30), np.float32)
    values[4:13, 10:21] = 2.0  # a square that was hidden: its first pixel is its corner
    values[0, 0] = np.nan  # what the model has not seen
    assert compare.highest_point(values) == (15, 8)
    ring = np.ones((5, 5), np.float32)
    ring[1:4, 1:4] = 0
    x, y = compare.highest_point(ring)
    assert ring[y, x] == 1


def test_ranks_and_overlaps():
    one = RNG.random(SIZE).astype(np.float32)
    assert compare.rank_correlation(one, np.exp(3 * one)) == pytest.approx(1)
    assert compare.rank_correlation(one, -one) == pytest.approx(-1)
    assert compare.rank_correlation(one, np.zeros(SIZE, np.float32)) == 0
    ties = np.asarray([[1, 1, 2, 3]], np.float32)
    assert compare.rank_correlation(ties, np.asarray([[1, 2, 3, 4]], np.float32)) == pytest.approx(0.9486833)
    left, right = np.zeros((10, 10), np.float32), np.zeros((10, 10), np.float32)
    left[:2], right[1:3] = 1, 1
    assert compare.top_overlap(left, right) == pytest.approx(1 / 3)
    assert compare.top_region(left).sum() == 20


def test_curves_fall_and_rise_first_where_the_map_is_right():
    weights = np.zeros(SIZE)
    weights[4:9, 15:20] = 1
    picture = np.zeros(SIZE, np.float32)
    picture[4:9, 15:20] = 1
    canvas, settings = Canvas(picture, baseline="zero"), ExplainSettings(masks=8)
    right = compare.curves(canvas, linear(weights), weights.astype(np.float32), settings)
    wrong = compare.curves(canvas, linear(weights), -weights.astype(np.float32), settings)
    assert right.deletion[0] == right.insertion[-1] == 25
    assert right.deletion[-1] == 0
    assert right.area("deletion") < right.area("random_deletion") < wrong.area("deletion")
    assert right.gain > 0 > wrong.gain


@pytest.mark.parametrize("integers", [False, True])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("batch", [1, 3])
def test_an_artifact_is_explained_in_its_own_layout_type_and_batch(tmp_path, integers, layout, batch):
    file = tmp_path / "model.onnx"
    bundles.write_onnx(file, integers=integers, layout=layout, batch=batch)
    artifact = bundles.onnx_artifact(file, "model.onnx", integers=integers, layout=layout, batch=batch)
    picture = np.full((4, 4, 3), 60, np.float32)
    picture[:2, 2:, 0] = 250  # red at the upper right alone
    head = heads.head(labels=bundles.LABELS, name=artifact.outputs[0].name)
    backend = open_backend(artifact, file)
    subject = AnsweringArtifact(artifact, backend, head, "ONNX Runtime")
    order = ExplainOrder(
        method="occlusion", samples=picture[None], head=head, settings=ExplainSettings(window=0.5, stride=0.5)
    )
    found = explain(subject, order).maps[0]
    backend.close()
    assert found.explained.title == "red"
    assert found.values[:2, 2:].min() > 3 * np.abs(found.values[2:]).max()
    assert found.curves is not None
    assert found.curves.gain > 0


@pytest.mark.parametrize(
    ("settings", "word"), [({"masks": 0}, "masks"), ({"cells": 1}, "cells"), ({"window": 0.0}, "window")]
)
def test_numbers_out_of_range_are_refused(settings, word):
    with pytest.raises(UsageError, match=word):
        ExplainSettings(**settings)


def test_an_unknown_method_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match="magic") as raised:
        find_method("magic")
    assert all(name in raised.value.hint for name in METHODS)
    with pytest.raises(UsageError, match="several inputs"):
        only_input(["left", "right"])
