"""Multiply-adds of every kind of layer, against the count by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from edgecv_converters.source import load_source, save_live


def layer(kind: str, **options: Any) -> Any:
    import keras

    return getattr(keras.layers, kind)(**options, name="counted")


@pytest.mark.parametrize(
    ("made", "shape", "expected"),
    [
        (("Conv2D", {"filters": 8, "kernel_size": 3, "strides": 2}), (9, 9, 4), 4 * 4 * 8 * 9 * 4),
        (("Conv2D", {"filters": 8, "kernel_size": 3, "groups": 4}), (6, 6, 4), 4 * 4 * 8 * 9),
        (("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2}), (6, 6, 4), 4 * 4 * 8 * 9),
        (("SeparableConv2D", {"filters": 5, "kernel_size": 3}), (6, 6, 4), 4 * 4 * 4 * 9 + 4 * 4 * 4 * 5),
        (("Conv2DTranspose", {"filters": 3, "kernel_size": 2, "strides": 2}), (5, 5, 4), 5 * 5 * 4 * 2 * 2 * 3),
        (("Conv1D", {"filters": 6, "kernel_size": 5}), (12, 3), 8 * 6 * 5 * 3),
        (("Conv3D", {"filters": 2, "kernel_size": 3}), (4, 4, 4, 3), 2 * 2 * 2 * 2 * 27 * 3),
        (("Dense", {"units": 7}), (5, 3), 5 * 3 * 7),
        (("LSTM", {"units": 4}), (6, 5), 6 * (5 + 4) * 16),
    ],
)
def test_multiply_adds(made: tuple[str, dict[str, Any]], shape: tuple[int, ...], expected: int, tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input(shape), layer(made[0], **made[1])])
    source = load_source(save_live(model, tmp_path))
    assert source.info.multiply_adds == expected
    assert {row.name: row.multiply_adds for row in source.layers()}["counted"] == expected
