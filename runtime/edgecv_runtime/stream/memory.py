"""Memory of frames that goes round."""

from __future__ import annotations

import math
import weakref
from collections import deque
from typing import Final

import numpy as np

KEPT: Final = 8  # pieces of memory that wait for a frame


class FrameMemory:
    """Memory for frames of one size, given out again when nobody holds an array of it any more, nor a view of one.

    New memory for every frame would be mapped and cleared by the system each time, and be in no cache.
    """

    def __init__(self) -> None:
        self._free: deque[bytearray] = deque(maxlen=KEPT)

    def take(self, shape: tuple[int, ...]) -> np.ndarray:
        """An uint8 array of any content. Any thread may let go of it."""
        size = math.prod(shape)
        try:
            memory = self._free.pop()
        except IndexError:
            memory = bytearray(size)
        if len(memory) != size:
            memory = bytearray(size)
        owner = np.frombuffer(memory, np.uint8)  # every view of it has it as its base, as it owns no memory itself
        weakref.finalize(owner, self._free.append, memory).atexit = False
        return owner.reshape(shape)
