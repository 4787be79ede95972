"""The zoo's data: the same for the same seed, in equal shares, in the stated range."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from benchmarks import zoo_data


@pytest.mark.parametrize(
    ("data", "shape", "classes", "low", "high"),
    [
        (zoo_data.digits, (28, 28, 1), 10, 0, 255),
        (zoo_data.pictures, (32, 32, 3), 10, 0, 255),
        (partial(zoo_data.textures, size=24), (24, 24, 3), 10, 0, 255),
        (zoo_data.shapes, (28, 28, 1), 3, 0, 255),
        (partial(zoo_data.shapes, size=20, classes=2, color=True), (20, 20, 3), 2, 0, 255),
        (zoo_data.features, (7, 7, 512), 10, 0, 20),
        (partial(zoo_data.clips, frames=4, size=32), (4, 32, 32, 1), 3, 0, 255),
        (zoo_data.spectrograms, (64, 64, 1), 3, -3, 10),
    ],
)
def test_data(data, shape: tuple[int, ...], classes: int, low: float, high: float) -> None:
    samples, labels = data(2 * classes, 7)
    assert samples.shape == (2 * classes, *shape)
    assert samples.dtype == np.float32
    assert np.bincount(labels).tolist() == [2] * classes
    assert low <= samples.min() < samples.max() <= high
    again, _ = data(2 * classes, 7)
    np.testing.assert_array_equal(samples, again)
    assert not np.array_equal(samples, data(2 * classes, 8)[0])
