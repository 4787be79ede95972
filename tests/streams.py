"""A source of numbered frames and a predictor that answers with their numbers, each as slow as it is told to be."""

from __future__ import annotations

import threading
import time

import numpy as np
from edgecv_runtime.errors import BackendError, ImageError
from edgecv_runtime.heads.answers import HeadAnswer
from edgecv_runtime.prediction import Prediction
from edgecv_runtime.stream import Frame


class Source:
    """Numbered frames, `interval` seconds apart; then the end, `error`, or nothing at all (`hangs`)."""

    name, fps = "numbers", None

    def __init__(self, count, *, live=False, interval=0.0, error=None, hangs=False, instant=False):
        self.live, self.count, self.instant = live, None if live else count, instant
        self._count, self._interval, self._error, self._hangs = count, interval, error, hangs
        self.closed = 0
        self.given = 0
        self.released = threading.Event()

    def frames(self, stop):
        for index in range(self._count):
            if stop.wait(self._interval):
                return
            self.given += 1
            now = time.monotonic()
            yield Frame(image=np.full((2, 2, 3), index % 256, np.uint8), name="n", index=index, seconds=0, captured=now)
        if self._error:
            raise self._error
        if self._hangs:
            self.released.wait(20)

    def close(self):
        self.closed += 1


class Predictor:
    """Answers with the frame's own number, as slowly as it is told to."""

    def __init__(self, *, prepare=0.0, infer=0.0, bad=(), broken=None):
        self.prepare_s, self.infer_s, self.bad, self.broken = prepare, infer, bad, broken
        self.tensors = set()
        self.inside, self.most = 0, 0
        self.lock = threading.Lock()

    def locate(self, source, out=None):
        number = int(source[0, 0, 0])
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        time.sleep(self.prepare_s / (1 + number % 3))  # a later frame may be ready before an earlier one
        with self.lock:
            self.inside -= 1
        if number in self.bad:
            raise ImageError(f"frame {number} is bad")
        tensor = np.empty((1,), np.float32) if out is None else out
        tensor[0] = number
        self.tensors.add(id(tensor))
        return tensor, None

    def sequence(self):
        return None  # it takes no clips

    def infer(self, tensor, preprocess_ms=0.0, view=None):  # noqa: ARG002 - places are no part of these answers
        before = float(tensor[0])
        if before == self.broken:
            raise BackendError("the kernel failed")
        time.sleep(self.infer_s)
        assert tensor[0] == before  # nobody writes into a tensor that is being read
        answer = HeadAnswer(head="y", kind="classification", index=int(before), score=1.0, scores=tensor.copy())
        return Prediction(
            answers=(answer,),
            outputs={},
            preprocess_ms=preprocess_ms,
            inference_ms=1e3 * self.infer_s,
            postprocess_ms=0.0,
        )


def threads():
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("edgecv")}


class Sequence:
    """Clips of as many frames as it takes, each as slow as it is told to be."""

    def __init__(self, frames, seconds):
        self.frames, self.seconds, self.held = frames, seconds, []

    def takes(self, index):  # noqa: ARG002 - it takes every frame
        return True

    def add(self, picture, index):  # noqa: ARG002 - a frame is its number
        time.sleep(self.seconds)
        self.held = [*self.held, index][-self.frames :]
        return (np.array(self.held), None) if len(self.held) == self.frames else None

    def rest(self):
        return None
