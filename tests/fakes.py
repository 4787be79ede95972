"""Hand-written stand-ins for what a test must control: a runtime whose answers, delays and failures it chooses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import numpy as np
from edgecv_runtime.backends import BackendInfo
from edgecv_runtime.errors import BackendError

Answering = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]


class FakeBackend:
    """A runtime that answers with a function, one call at a time, and notes what it was given."""

    def __init__(self, answer: Answering) -> None:
        self.info = BackendInfo(name="fake", version="1", providers=("test",), threads=1)
        self.seen: list[dict[str, np.ndarray]] = []
        self.closed = False
        self._answer = answer
        self._lock = threading.Lock()

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        with self._lock:
            if self.closed:
                raise BackendError("the model was closed")
            self.seen.append({name: values.copy() for name, values in inputs.items()})
            return self._answer(inputs)

    def close(self) -> None:
        with self._lock:
            self.closed = True
