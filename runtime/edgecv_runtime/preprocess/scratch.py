"""Memory that one thread uses again and again, so that a frame costs no allocation."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np


class Scratch(threading.local):
    """Named buffers, apart for every thread; what is handed out holds until the same name is asked for again."""

    def __init__(self) -> None:
        self._buffers: dict[str, np.ndarray] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """An array of any content."""
        kind = np.dtype(dtype)
        count = math.prod(shape) * kind.itemsize
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < count:
            buffer = self._buffers[name] = np.empty(count, np.uint8)
        part: np.ndarray = buffer[:count].view(kind)
        return part.reshape(shape)
