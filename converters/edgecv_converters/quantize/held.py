"""Holds on disk what is needed later: the values that a file computes for some samples, and whole files."""

from __future__ import annotations

import math
import os
import tempfile
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from edgecv_converters.quantize.network import MismatchError
from edgecv_converters.quantize.watched import WatchedFile
from edgecv_converters.tflite.reader import Array

Name = TypeVar("Name")


def _file_of(owner: object) -> Any:
    """A temporary file that is gone with the object that it is of."""
    file = tempfile.TemporaryFile(prefix="edgecv-held-", buffering=0)  # noqa: SIM115
    weakref.finalize(owner, file.close)
    return file


@dataclass(frozen=True, slots=True)
class _Place:
    """The part of the file that holds the samples of a tensor, each of this shape."""

    start: int
    count: int
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]


class HeldValues:
    """The values of tensors by their numbers, sample by sample.

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
        self._file = _file_of(self)
        self._places: dict[int, _Place] = {}
        watched, end = WatchedFile(data, tensors), 0
        for row, feed in enumerate(feeds):
            watched.run(feed)
            for tensor in tensors:
                found = watched.value(tensor)
                if not row:
                    self._places[tensor] = _Place(end, count, found.shape, found.dtype)
                    end += count * found.nbytes
                if found.shape != self._places[tensor].shape:
                    raise MismatchError(f"tensor {tensor} has another shape in sample {row + 1}")
                self._file.seek(self._places[tensor].start + row * found.nbytes)
                self._file.write(found.tobytes())

    def rows(self, tensor: int) -> Iterator[Array]:
        """Read the values of a tensor, one sample after the other."""
        place = self._places[tensor]
        size = math.prod(place.shape) * place.dtype.itemsize
        for row in range(place.count):
            data = os.pread(self._file.fileno(), size, place.start + row * size)
            yield np.frombuffer(data, place.dtype).reshape(place.shape)


class HeldFiles(Mapping[Name, bytes]):
    """Whole files by name: in memory is what was asked for, as long as it is needed. Threads may read them at once."""

    def __init__(self) -> None:
        self._file = _file_of(self)
        self._places: dict[Name, tuple[int, int]] = {}
        self._end = 0

    def add(self, name: Name, data: bytes) -> None:
        """Hold one more file."""
        self._file.seek(self._end)
        self._file.write(data)
        self._places[name] = self._end, len(data)
        self._end += len(data)

    def __getitem__(self, name: Name) -> bytes:
        """Read a file."""
        start, size = self._places[name]
        return os.pread(self._file.fileno(), size, start)

    def __iter__(self) -> Iterator[Name]:
        """Go through the names in the order in which they were added."""
        return iter(self._places)

    def __len__(self) -> int:
        """Count the files."""
        return len(self._places)
