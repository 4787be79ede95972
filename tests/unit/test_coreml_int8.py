"""Paddings, layouts and grids of the Core ML int8 target."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from edgecv_converters.coreml.int8.emitter import stored
from edgecv_converters.coreml.int8.value import TO_CHW, TO_FILE, Layout, Value, axis_in, laid_out
from edgecv_converters.coreml.int8.windows import SAME, WindowSizes, padding
from edgecv_converters.tflite.reader import Grid


@pytest.mark.parametrize(
    ("length", "kernel", "stride", "dilation"), list(itertools.product((5, 8, 9), (1, 2, 3, 5), (1, 2, 3), (1, 2)))
)
def test_same_padding_gives_as_many_steps_as_tensorflow_says(
    length: int, kernel: int, stride: int, dilation: int
) -> None:
    window = WindowSizes((kernel, kernel), (stride, stride), (dilation, dilation))
    found = padding(window, (length, length), SAME)
    pads: Any = found.get("pad", np.zeros(4, np.int32))
    assert found["pad_type"] == ("custom" if pads.any() else "valid")
    before, after = pads[:2].tolist()
    reach = (kernel - 1) * dilation + 1
    assert (length + before + after - reach) // stride + 1 == -(-length // stride)
    assert after - before in {0, 1}
    np.testing.assert_array_equal(pads[:2], pads[2:])


def test_valid_padding_is_none() -> None:
    assert padding(WindowSizes((3, 3), (2, 2), (1, 1)), (9, 9), 1) == {"pad_type": "valid"}


def test_layouts() -> None:
    array = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    moved = array.transpose(TO_CHW)
    assert laid_out(array.shape, Layout.CHW) == moved.shape == (2, 5, 3, 4)
    assert laid_out(array.shape, Layout.FILE) == array.shape
    np.testing.assert_array_equal(moved.transpose(TO_FILE), array)
    for axis in range(-4, 4):
        assert moved.shape[axis_in(axis, 4, Layout.CHW)] == array.shape[axis]
        assert axis_in(axis, 4, Layout.FILE) == axis % 4


@pytest.mark.parametrize(
    ("shape", "flat"),
    [((1, 1, 1, 8), True), ((1, 4, 5, 1), True), ((1, 4, 1, 8), False), ((1, 4, 5, 8), False), ((1, 8), False)],
)
def test_what_is_in_the_same_order_in_both_layouts(shape: tuple[int, ...], flat: bool) -> None:
    assert Value("x", shape, None, Layout.FILE).is_flat is flat


@pytest.mark.parametrize("zero", [-128, -127, -1, 0, 5, 127])
def test_a_grid_stands_for_the_same_numbers_as_it_is_stored(zero: int) -> None:
    grid = Grid(0.25, zero)
    dtype, shift = stored(grid)
    limits = np.iinfo(dtype)
    offset = 0 if shift is None else int(shift)
    assert shift is None or shift.dtype == dtype
    assert (limits.min - offset) * grid.scale == grid.low
    assert (limits.max - offset) * grid.scale == grid.high
