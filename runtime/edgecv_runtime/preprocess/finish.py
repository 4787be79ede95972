"""The last steps, from pixels to the tensor's own numbers: normalize, quantize, pad."""

from __future__ import annotations

import numpy as np

from edgecv_runtime.preprocess.lanes import Lanes
from edgecv_runtime.preprocess.quantize import quantize
from edgecv_runtime.preprocess.scratch import Scratch
from edgecv_runtime.schema import Preprocess, QuantParams

F = np.float32


class Finish:
    """Writes rows of lanes into a tensor of `dtype`, for pictures `columns` wide.

    Bytes on their way to integers go through a table of 256 entries; it holds what the formula gives.
    """

    def __init__(self, spec: Preprocess, lanes: Lanes, columns: int, dtype: str, params: QuantParams | None) -> None:
        self._lanes, self._dtype, self._params = lanes, np.dtype(dtype), params
        self._float = self._dtype == F
        scale, offset = (
            np.broadcast_to(np.asarray(values, F), lanes.channels)
            for values in (spec.normalize.scale, spec.normalize.offset)
        )
        self._scale, self._offset = (_lane_values(values, lanes, columns) for values in (scale, offset))
        self._table: np.ndarray | None = None
        if params is not None:
            bytes_ = np.arange(256, dtype=F)
            self._table = quantize((bytes_ * scale[:, None] + offset[:, None]), params, dtype)
            self._starts = lanes.tile(256 * np.arange(lanes.channels), columns)
            if (self._table == self._table[0]).all():
                self._table = self._table[0]
            self._bytes = self._table.tobytes() if self._table.ndim == 1 and self._dtype.itemsize == 1 else None
        self.pad = self._padding(spec, columns)

    def _padding(self, spec: Preprocess, columns: int) -> np.ndarray:
        """One row of what is around the picture: (1, *row)."""
        pad = np.broadcast_to(np.asarray(spec.fit.pad or (0,), np.uint8), self._lanes.channels)
        row = np.ascontiguousarray(self._lanes.tile(pad, columns)[None])
        out = np.empty(row.shape, self._dtype)
        self.pixels(row, out, Scratch())
        return out

    def pixels(self, rows: np.ndarray, out: np.ndarray, scratch: Scratch) -> None:
        """From uint8 (rows, *row)."""
        if self._table is not None:
            self._look_up(self._table, rows, out, scratch)
            return
        values = out if self._float else scratch.take("values", rows.shape, F)
        np.multiply(rows, self._cut(self._scale, rows), out=values, dtype=F)
        values += self._cut(self._offset, rows)
        if not self._float:
            np.copyto(out, values, casting="unsafe")

    def values(self, out: np.ndarray, scratch: Scratch) -> np.ndarray:
        """Find memory for the float32 pixels (rows, *row) on their way to `out`, before `normalize`."""
        return out if self._float else scratch.take("values", out.shape, F)

    def normalize(self, values: np.ndarray, out: np.ndarray) -> None:
        """From float32 pixels, which are used up."""
        values *= self._cut(self._scale, values)
        values += self._cut(self._offset, values)
        if self._params is not None:
            quantize(values, self._params, self._dtype.name, steps=values, out=out)
        elif not self._float:
            np.copyto(out, values, casting="unsafe")

    def _cut(self, of_lanes: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The first lanes, as many as a narrower row has: every column has the same numbers."""
        return of_lanes if of_lanes.ndim == 0 else of_lanes[..., : rows.shape[-1]]

    def _look_up(self, table: np.ndarray, rows: np.ndarray, out: np.ndarray, scratch: Scratch) -> None:
        if self._bytes is not None:
            np.copyto(out, np.frombuffer(rows.tobytes().translate(self._bytes), self._dtype).reshape(rows.shape))
        elif table.ndim == 1:
            table.take(rows, out=out, mode="clip")
        else:
            index = scratch.take("index", rows.shape, np.intp)
            np.add(rows, self._cut(self._starts, rows), out=index, dtype=np.intp)
            table.reshape(-1).take(index, out=out, mode="clip")


def _lane_values(of_channels: np.ndarray, lanes: Lanes, columns: int) -> np.ndarray:
    """One number where all channels have the same bits, else one for each lane."""
    if len({value.tobytes() for value in of_channels}) == 1:
        return of_channels[0:1].reshape(())
    return lanes.tile(of_channels, columns)
