"""The places of a layer's map in the picture: what each looks at, and the map drawn there.

A convolution of stride two that pads with "same" pads one side more than the other, so that each place looks half a
stride further on than its share of the picture: five of them in a row are half a place of a map of 7 x 7. A map that is
only stretched over the picture lies beside what it shows by as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from edgecv_converters.explain.network import InnerNetwork
from edgecv_converters.explain.records import Floats, Tensor

NOISE: Final = 4  # pictures that the reach of a place is measured on
LEAST, MOST = 0.7, 1.4  # of the stretched map's step, between which a measured one is believed
AXES: Final = 2


@dataclass(frozen=True, slots=True)
class MapPlaces:
    """The places of a layer's map in the picture.

    Attributes:
        layer: Its name.
        down, across: The middles of what its rows and its columns look at, in pixels from the first pixel's middle.
    """

    layer: str
    down: Floats
    across: Floats

    def enlarged(self, small: Floats, size: tuple[int, int]) -> Floats:
        """Return a map in the size of the picture, (height, width), interpolated linearly between the middles."""
        down, across = _between(self.down, size[0]), _between(self.across, size[1])
        return np.asarray(down @ small.astype(np.float64) @ across.T, np.float32)


def measured(network: InnerNetwork, sample: Tensor, name: str) -> MapPlaces:
    """Measure where a layer's map looks: the middle of the pixels that move three of its rows, and three columns.

    Args:
        network: The model.
        sample: One picture, (1, height, width[, channels]): its size and its range are those of the noise that is used.
        name: The layer.

    Raises:
        UsageError: It gives no map.
    """
    rng = np.random.default_rng(0)
    noise = rng.uniform(sample.min(), sample.max(), (NOISE, *sample.shape[1:])).astype(np.float32)
    count = network.map_of(sample, name).shape[:AXES]
    asked = [sorted({length // 4, length // 2, length - 1 - length // 4}) for length in count]
    moved = network.reach(noise, name, asked)
    down, across = (
        _line(rows, profiles, many, length)
        for rows, profiles, many, length in zip(asked, moved, count, sample.shape[1:3], strict=True)
    )
    return MapPlaces(name, down, across)


def _line(rows: list[int], profiles: Floats, count: int, length: int) -> Floats:
    """The middles of all rows, on a straight line through those that were measured, where that is a plausible one.

    A step is a product of strides, mostly of twos. What is measured of it is a little short, for the places near the
    border have a part of their reach outside.
    """
    plain = _shares(count, length)
    sharp = profiles.astype(np.float64) - profiles.min(axis=1, keepdims=True)
    if len(rows) == 1 or not (sharp.sum(axis=1) > 0).all():
        return plain
    middles = (sharp * np.arange(length)).sum(axis=1) / sharp.sum(axis=1)
    usual, found = length / count, float(np.polyfit(rows, middles, 1)[0])
    if not LEAST <= found / usual <= MOST:
        return plain
    step = min((usual, *(2.0**power for power in range(12))), key=lambda one: abs(np.log(one / found)))
    start = float(np.mean(middles - step * np.asarray(rows)))
    return np.asarray(start + step * np.arange(count), np.float32)


def _shares(count: int, length: int) -> Floats:
    return np.asarray((np.arange(count) + 0.5) * length / count - 0.5, np.float32)


def _between(middles: Floats, length: int) -> Floats:
    """The matrix that interpolates the values at middles to every pixel; beyond the last one its value goes on."""
    rows = [np.interp(np.arange(length), middles, one) for one in np.eye(len(middles))]
    return np.asarray(np.stack(rows, axis=1))
