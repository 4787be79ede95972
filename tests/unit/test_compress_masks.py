"""Schedules and masks: how many zeros when, which weights, and that they stay."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_runtime.errors import SourceError
from hypothesis import given
from hypothesis import strategies as st

from edgecv.compress.fit import learning_rate
from edgecv.compress.load import flat
from edgecv.compress.masks import magnitude_masks, nm_mask, nm_targets, sparsity_at, targets_of
from edgecv.compress.options import Removal
from edgecv.compress.sparse import MaskSet
from tests.architectures import small_models


@given(final=st.floats(0.01, 0.99), begin=st.integers(0, 50), length=st.integers(1, 500), step=st.integers(0, 600))
def test_sparsity_follows_zhu_and_guptas_cubic(final, begin, length, step):
    end = begin + length
    found = sparsity_at(step, final=final, begin=begin, end=end)
    inside = min(max(step, begin), end)
    assert found == pytest.approx(final + (0 - final) * (1 - (inside - begin) / (end - begin)) ** 3)
    assert sparsity_at(begin, final=final, begin=begin, end=end) == 0
    assert sparsity_at(end, final=final, begin=begin, end=end) == final
    assert found <= sparsity_at(step + 1, final=final, begin=begin, end=end)


@given(
    sizes=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4),
    sparsity=st.floats(0, 1),
    scope=st.sampled_from(["layer", "global"]),
    seed=st.integers(0, 99),
)
def test_magnitude_leaves_out_exactly_the_smallest(sizes, sparsity, scope, seed):
    values = [np.random.default_rng(seed).normal(size=size) for size in sizes]
    masks = magnitude_masks(values, sparsity, scope)
    together = [(np.concatenate([v.reshape(-1) for v in values]), np.concatenate([m.reshape(-1) for m in masks]))]
    for value, mask in together if scope == "global" else zip(values, masks, strict=True):
        assert int((~mask).sum()) == round(sparsity * mask.size)
        assert np.abs(value[~mask]).max(initial=0) <= np.abs(value[mask]).min(initial=np.inf)


def test_what_is_left_out_stays_left_out():
    value = np.array([[0.0, 5.0, 1.0, 2.0]])
    held = [np.array([[True, False, True, True]])]
    [mask] = magnitude_masks([value], 0.5, "layer", held)
    assert mask.tolist() == [[False, False, True, True]]


@given(
    keep_group=st.integers(2, 8).flatmap(lambda m: st.tuples(st.integers(1, m - 1), st.just(m))),
    blocks=st.integers(1, 4),
    seed=st.integers(0, 99),
    axis=st.sampled_from([-2, -1]),
)
def test_n_of_every_m_neighbours_stay_and_they_are_the_largest(keep_group, blocks, seed, axis):
    keep, group = keep_group
    shape = [3, 3, 5, 5]
    shape[axis] = blocks * group
    value = np.random.default_rng(seed).normal(size=shape)
    mask = np.moveaxis(nm_mask(value, keep, group, axis), axis, -1).reshape(-1, group)
    rows = np.abs(np.moveaxis(value, axis, -1)).reshape(-1, group)
    assert (mask.sum(1) == keep).all()
    assert (np.where(mask, rows, np.inf).min(1) >= np.where(mask, -np.inf, rows).max(1)).all()


def test_equal_weights_still_give_the_pattern():
    assert nm_mask(np.zeros((4, 6)), 2, 4, 0).sum(0).tolist() == [2] * 6


def test_kernels_get_masks_and_nothing_else():
    model = flat(small_models()["separable"]())
    names = [target.name for target in targets_of(model)]
    assert names == [
        *("s1/depthwise_kernel", "s1/pointwise_kernel", "s2/depthwise_kernel", "s2/pointwise_kernel", "out/kernel")
    ]


def test_n_of_m_says_which_layers_it_does_not_fit():
    fitting, refused = nm_targets(targets_of(flat(small_models()["squeeze_excite"]())), 4)
    assert [target.name for target in fitting] == ["se_reduce/kernel", "se_expand/kernel", "project/kernel"]
    assert {item.layer: item.reason for item in refused} == {
        "stem": "its 3 input channels are no multiple of 4",
        "deep": "it has no axis of input channels",
        "out": "its 6 input channels are no multiple of 4",
    }


def test_a_model_without_a_fitting_kernel_is_an_error():
    model = flat(small_models()["flatten"]())
    with pytest.raises(SourceError, match=r"no kernel that can become sparse \(c1: its 3 input channels"):
        MaskSet(model, Removal(method="nm", pattern=(2, 64)))


def test_masks_grow_to_the_end_of_the_ramp_and_then_stay():
    masks = MaskSet(flat(small_models()["residual"]()), Removal(method="magnitude", sparsity=0.75, scope="layer"))
    seen = []
    for step in range(100):
        masks.advance(step, 100)
        seen.append(masks.sparsity)
    assert seen[0] == 0
    assert np.all(np.diff(seen) >= 0)
    assert seen[30] == pytest.approx(0.75 * (1 - 0.5**3), abs=0.01)
    assert masks.complete
    assert seen[60:] == [pytest.approx(0.75, abs=0.005)] * 40
    assert not masks.targets[0].weight.numpy()[~masks.masks[0]].any()


def test_masks_come_back_from_their_bits():
    model = flat(small_models()["residual"]())
    removal = Removal(method="magnitude", sparsity=0.6, scope="global")
    one = MaskSet(model, removal)
    one.grow(0.4)
    other = MaskSet(model, removal)
    other.restore(one.packed())
    assert all((a == b).all() for a, b in zip(one.masks, other.masks, strict=True))
    assert not other.complete


def test_the_learning_rate_warms_up_and_comes_down():
    rates = [learning_rate(step, 200, 0.01) for step in range(200)]
    assert rates[0] == pytest.approx(0.001)
    assert max(rates) == pytest.approx(0.01)
    assert np.argmax(rates) in {9, 10}
    assert np.all(np.diff(rates[10:]) < 0)
    assert rates[-1] == pytest.approx(0.0001, rel=0.05)
