"""What counts as ruined in an int8 file."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.quantize.ruined import INFINITE, ruined

RNG = np.random.default_rng(0)


def test_a_small_column_beside_a_large_one_is_ruined_and_the_whole_is_not():
    wanted = np.stack([RNG.uniform(0, 640, (8, 1, 50)), RNG.uniform(0, 1, (8, 1, 50))], -1).astype(np.float32)
    got = np.round(wanted / 2.5) * 2.5
    assert ruined(wanted, got, by_column=False) == 0
    assert ruined(wanted, got, by_column=True) == 1
    got[..., 0] = 0
    assert ruined(wanted, got, by_column=False) == 1


def test_the_rows_of_a_list_count_as_its_columns_do():
    wanted = RNG.normal(0, 1, (8, 1, 100, 5)).astype(np.float32)
    got = wanted.copy()
    got[:, :, 3] = 0
    assert ruined(wanted[:, 0], got[:, 0], by_column=True) == 0
    assert ruined(wanted, got, by_column=True) == 1


def test_a_column_that_varies_between_samples_alone_is_ruined_where_it_is_constant():
    wanted = np.broadcast_to(np.linspace(10, 10.5, 8)[:, None, None], (8, 1, 3)).astype(np.float32)
    assert ruined(wanted, np.full_like(wanted, 10), by_column=True) == 3
    assert ruined(wanted, wanted, by_column=True) == 0
    constant = np.full_like(wanted, 10)
    assert ruined(constant, constant, by_column=True) == 0


def test_what_stands_for_infinity_and_what_is_no_float_is_left_out():
    wanted = RNG.normal(0, 1, (4, 1, 6)).astype(np.float32)
    wanted[..., 0] = -3 * INFINITE
    assert ruined(wanted, np.where(np.abs(wanted) < INFINITE, wanted, 0), by_column=True) == 0
    integers = np.arange(12).reshape(4, 1, 3)
    assert ruined(integers, integers * 0, by_column=True) == 0
    assert ruined(wanted[..., :0], wanted[..., :0], by_column=True) == 0


@pytest.mark.parametrize("count", [7, 43, 64])
def test_a_constant_that_float32_means_round_is_constant(count):
    """The standard deviation of 7 times 0.1 in float32 is not 0."""
    wanted = np.stack([np.linspace(0.09, 0.11, count), RNG.uniform(-6, 6, count)], -1)[:, None].astype(np.float32)
    got = wanted.copy()
    got[..., 0] = 0.1
    assert ruined(wanted, got, by_column=True) == 1


@pytest.mark.parametrize("by_column", [False, True])
def test_samples_may_be_numbers(by_column):
    wanted = np.linspace(1, 2, 5, dtype=np.float32)
    assert ruined(wanted, wanted * 0, by_column=by_column) == 1
