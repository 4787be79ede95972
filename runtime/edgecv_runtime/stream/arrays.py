"""The samples of an .npz file, one after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgecv_runtime.npz import headers, match_arrays, rows
from edgecv_runtime.schema import Manifest
from edgecv_runtime.stream.frame import Frame

SUFFIX = ".npz"


class Arrays:
    """The samples of an .npz file in their order; each is read when its turn comes.

    Args:
        path: The file: an array for each input of the model, or one array where the model has one input.
        model: The manifest of the bundle that answers.

    Attributes:
        names: Of each sample, for people: `samples.npz[0]`.

    Raises:
        DataError: The file is damaged, or its arrays do not fit the model's inputs.
    """

    live = False
    instant = False
    fps: float | None = None

    def __init__(self, path: Path, model: Manifest) -> None:
        self._path = path
        found = headers(path)
        heads = [head.name for head in model.heads]
        self._arrays = match_arrays(path, found, model.preprocess, model.inputs, heads)
        count = min(found[array].count for array in self._arrays.values())
        self.name = str(path)
        self.names = tuple(f"{path}[{index}]" for index in range(count))
        self.count: int | None = count

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every sample."""
        began = time.monotonic()
        columns = [rows(self._path, array) for array in self._arrays.values()]
        for index, values in enumerate(zip(*columns, strict=False)):  # a further array's rows have no partner
            if stop.is_set():
                return
            now = time.monotonic()
            yield Frame(
                image=self._sample(values),
                name=self.names[index],
                index=index,
                seconds=now - began,
                captured=now,
                whole=True,
            )

    def _sample(self, values: tuple[np.ndarray, ...]) -> np.ndarray | dict[str, np.ndarray]:
        return values[0] if len(values) == 1 else dict(zip(self._arrays, values, strict=True))

    def close(self) -> None:
        """Nothing is open between two samples that outlives the iteration."""
