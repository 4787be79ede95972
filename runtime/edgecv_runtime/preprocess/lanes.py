"""The order of the values in one row of a tensor: pixel by pixel (NHWC) or channel by channel (NCHW)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Lanes:
    """A tensor seen as rows of lanes, one lane for each column and channel.

    Every array of the resampling has the shape (..., rows, *row), where `row` is (columns * channels,) or, for NCHW,
    (channels, columns): so whatever belongs to a lane is one array of that shape, and NumPy's inner loops are long.
    """

    channels: int
    planar: bool

    def row(self, columns: int) -> tuple[int, ...]:
        """The shape of one row."""
        return (self.channels, columns) if self.planar else (columns * self.channels,)

    def view(self, tensor: np.ndarray) -> np.ndarray:
        """A contiguous tensor of batch 1 as (rows, *row), without a copy."""
        first: np.ndarray = tensor[0]
        return first.transpose(1, 0, 2) if self.planar else first.reshape(first.shape[0], -1)

    def cut(self, rows: np.ndarray, across: slice) -> np.ndarray:
        """The lanes of some columns."""
        if self.planar:
            return rows[..., across]
        return rows[..., across.start * self.channels : across.stop * self.channels]

    def spread(self, of_columns: np.ndarray, of_channels: Sequence[int]) -> np.ndarray:
        """For each lane its column's whole number plus its channel's: (..., *row)."""
        channels = np.asarray(of_channels, of_columns.dtype)
        if self.planar:
            planes: np.ndarray = of_columns[..., None, :] + channels[:, None]
            return planes
        both: np.ndarray = of_columns[..., :, None] + channels
        return both.reshape(*both.shape[:-2], -1)

    def repeat(self, of_columns: np.ndarray) -> np.ndarray:
        """Each lane's own copy of its column's number: (..., *row)."""
        if self.planar:
            return np.repeat(of_columns[..., None, :], self.channels, axis=-2)
        return np.repeat(of_columns, self.channels, axis=-1)

    def tile(self, of_channels: np.ndarray, columns: int) -> np.ndarray:
        """Each lane's own copy of its channel's number: (*row)."""
        return np.repeat(of_channels[:, None], columns, axis=1) if self.planar else np.tile(of_channels, columns)
