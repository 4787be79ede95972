"""The values that a file computes for some samples, held on disk: in memory are those of one tensor at a time."""

from __future__ import annotations

import math
import tempfile
import weakref
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from edgecv_converters.quantize.network import MismatchError
from edgecv_converters.quantize.watched import WatchedFile
from edgecv_converters.tflite.reader import Array


@dataclass(frozen=True, slots=True)
class _Place:
    """The part of the file that holds the samples of a tensor."""

    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]


class HeldValues:
    """The values of tensors, samples first, by the tensors' numbers.

    Args:
        data: The .tflite file.
        tensors: The numbers of its tensors that are held.
        feeds: The samples, one by one: a value of batch 1 for each input, in the file's order.
        count: How many samples there are.

    Raises:
        MismatchError: The shape of a tensor depends on the sample.
        UnusableFileError: LiteRT's kernels refuse the file.
    """

    def __init__(self, data: bytes, tensors: Collection[int], feeds: Iterable[Sequence[Array]], count: int) -> None:
        self._file = tempfile.TemporaryFile(prefix="edgecv-values-")  # noqa: SIM115 - gone with this object
        weakref.finalize(self, self._file.close)
        self._places: dict[int, _Place] = {}
        watched, end = WatchedFile(data, tensors), 0
        for row, feed in enumerate(feeds):
            watched.run(feed)
            for tensor in tensors:
                found = watched.value(tensor)
                if not row:
                    self._places[tensor] = _Place(end, (count, *found.shape), found.dtype)
                    end += count * found.nbytes
                if found.shape != self._places[tensor].shape[1:]:
                    raise MismatchError(f"tensor {tensor} has another shape in sample {row + 1}")
                self._file.seek(self._places[tensor].start + row * found.nbytes)
                self._file.write(found.tobytes())
        self._file.flush()

    def __getitem__(self, tensor: int) -> Array:
        """Read the values of a tensor."""
        place = self._places[tensor]
        self._file.seek(place.start)
        return np.fromfile(self._file, place.dtype, math.prod(place.shape)).reshape(place.shape)
