"""Capture, preprocessing and inference at the same time, a thread each, with bounded slots between them.

What is captured without work, as the names of picture files, has no thread of its own. Between the others frames
that took less than BURST seconds together go several at once, and none is kept while the next one is not there yet.
Where preparing is what takes long, as with photos, several frames are prepared side by side, and answered in order.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from edgecv_runtime.cpu import cores
from edgecv_runtime.errors import ImageError
from edgecv_runtime.geometry import View
from edgecv_runtime.prediction import Prediction
from edgecv_runtime.preprocess.clip import FrameSequence
from edgecv_runtime.stream.channel import Burst, Channel, ClosedError
from edgecv_runtime.stream.frame import Frame, FrameSource, Pace, Picture
from edgecv_runtime.stream.statistics import Statistics

WAITING = 3  # frames, or bursts of them, in a slot where nothing is dropped
BURST = 0.005  # seconds; what took longer goes on at once
LONG = 2.0  # milliseconds; handing over to another thread takes its time
MOST_HELPERS = WAITING + 1  # frames that are under way at once: what waits for inference, and what it waits for
SLOWER = 1.5  # times as long as inference must preparing take for other threads to help
Tensors = np.ndarray | dict[str, np.ndarray]
GLANCE = 0.1  # seconds between looks at whether to stop
PATIENCE = 2.0  # seconds for a source to let go; a read that hangs must not hang the end


class Answers(Protocol):
    """A predictor as far as the pipeline needs one."""

    def locate(self, source: Picture, out: np.ndarray | None = None) -> tuple[Tensors, View | None]:
        """The input tensor, in `out` where that fits, or one for each input by name; and where the picture is in it.

        Several threads call it at once.
        """

    def infer(self, tensor: Tensors, preprocess_ms: float = 0.0, view: View | None = None) -> Prediction:
        """The answer to what `locate` made."""

    def sequence(self) -> FrameSequence | None:
        """Begin a sequence of frames, for a model that takes clips of them; None for another model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameAnswer:
    """The answer to one frame: a prediction, or the reason why the frame could not be read.

    Attributes:
        frame: The frame.
        prediction: The answer, or None.
        error: Why there is none, or None.
        latency_ms: From capture to the answer.
    """

    frame: Frame
    prediction: Prediction | None = None
    error: ImageError | None = None
    latency_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class _Prepared:
    frame: Frame
    tensor: Tensors | None = None
    view: View | None = None
    error: ImageError | None = None
    milliseconds: float = 0.0


_Promise = Future[_Prepared]
_Ready = _Prepared | _Promise


class Stream:
    """Answers to the frames of a source, in order; a context manager.

    Args:
        predictor: Answers; `infer` is called from one thread, `locate` from others. One that takes clips answers
            whenever a frame completes one.
        source: Frames; the stream closes it. Of a live one the newest frame wins; of others none is lost.
        max_fps: At most so many frames a second. (A live source skips the others itself.)
        duration: Seconds after which it ends.
        stopping: Asked ten times a second or more, by the thread that iterates; True ends the stream.
    """

    def __init__(
        self,
        predictor: Answers,
        source: FrameSource,
        *,
        max_fps: float | None = None,
        duration: float | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.source = source
        self.statistics = Statistics()
        self._predictor = predictor
        self._sequence = predictor.sequence()
        self._newest: Frame | None = None  # the last frame that the sequence took
        self._pace = Pace(None if source.live else max_fps)
        self._duration = duration
        self._stopping = stopping
        self._stop = threading.Event()
        slots = 1 if source.live else WAITING
        self._frames: Channel[Frame] = Channel(slots, newest=source.live)
        self._tensors: Channel[list[_Ready]] = Channel(slots, newest=source.live)
        self._answers: Channel[list[FrameAnswer]] = Channel(slots)
        self._burst = 0.0 if source.live or max_fps is not None else BURST
        self._spare: list[np.ndarray] = []
        self._long = False  # preparing the newest two frames took long; one may have lost its core for a while
        self._prepare_ms = 0.0  # of the newest frame
        self._inference_ms = math.inf  # of the newest answer
        self._orders: Channel[tuple[Frame, _Promise]] = Channel(WAITING)
        helpers = min(cores(), MOST_HELPERS) if self._burst and cores() > 1 else 0
        stages = (self._prepare, self._infer) if source.instant else (self._capture, self._prepare, self._infer)
        self._threads = [
            threading.Thread(target=stage, name=f"edgecv{stage.__name__}", daemon=True)
            for stage in (*stages, *[self._help] * helpers)
        ]
        self._helped = helpers > 0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[FrameAnswer]:
        """Every answer as it comes.

        Raises:
            EdgecvError: The source or the runtime failed; the answers before that were given.
        """
        deadline = None if self._duration is None else time.monotonic() + self._duration
        answers: list[FrameAnswer] = []
        while not self._stopping() and (deadline is None or time.monotonic() < deadline):
            try:
                answers = answers or self._answers.get(GLANCE)[::-1]
            except TimeoutError:
                continue
            except ClosedError:
                return
            answer = answers.pop()
            self._count(answer)
            yield answer

    def close(self) -> None:
        """End every thread. Safe to call again."""
        self._stop.set()
        self._orders.finish()  # every promise is kept: someone may wait for it
        for channel in (self._frames, self._tensors, self._answers):
            channel.abandon()
        for thread in reversed(self._threads):  # they end with the call they are in; only then may the model be freed
            if thread.ident is not None:
                thread.join(PATIENCE if thread.name == f"edgecv{self._capture.__name__}" else None)

    @property
    def stuck(self) -> bool:
        """Tell whether a thread is still inside a read that hangs, or was left there by an interrupted `close`."""
        return any(thread.is_alive() for thread in self._threads)

    def _capture(self) -> None:
        try:
            for frame in self._captured():
                self._frames.put(frame)
            self._frames.finish()
        except ClosedError:
            return  # nobody reads any more: the stream is closing
        except BaseException as error:  # noqa: BLE001 - handed on to the thread that iterates
            self._frames.finish(error)
        finally:
            self.source.close()

    def _captured(self) -> Iterator[Frame]:
        for frame in self.source.frames(self._stop):
            self.statistics.begin()
            self._pace.wait(self._stop)
            yield frame

    def _prepare(self) -> None:
        burst: Burst[_Ready] = Burst(self._tensors, self._burst)
        try:
            try:
                for frame in self._captured() if self.source.instant else self._waiting(burst):
                    for ready in self._taken(frame):
                        self._recycle(burst.add(ready))
                        if isinstance(ready, Future):
                            burst.flush()
                for prepared in self._rest():
                    burst.add(prepared)
            finally:
                self._recycle(burst.flush())
            self._tensors.finish()
        except ClosedError:
            self._tensors.finish()
        except BaseException as error:  # noqa: BLE001 - as above
            self._tensors.finish(error)
            self._frames.abandon()
        finally:
            self._orders.finish()
            if self.source.instant:
                self.source.close()

    def _waiting(self, burst: Burst[_Ready]) -> Iterator[Frame]:
        """Every frame that was captured; what is prepared does not wait for one that is not there yet."""
        while True:
            if self._frames.empty:
                self._recycle(burst.flush())
            try:
                frame = self._frames.get()
            except ClosedError:  # the source ended
                return
            yield frame

    def _taken(self, frame: Frame) -> Iterator[_Ready]:
        """Prepare what a frame makes ready: itself; or the clip that it completes, and before it one that none will."""
        sequence = self._sequence
        if sequence is None or frame.whole or isinstance(frame.image, Mapping):
            yield self._promised(frame) if self._long and self._helped else self._prepared(frame)
            return
        if self._newest is not None and _place(frame) != _place(self._newest):
            yield from self._rest()
            sequence.clear()
        if not sequence.takes(frame.index):
            return
        began = time.perf_counter()
        try:
            clip = sequence.add(frame.image, frame.index)
        except ImageError as error:
            yield _Prepared(frame, error=_named(error, frame))
            return
        self._newest = frame
        if clip is not None:
            yield _Prepared(frame, *clip, milliseconds=1e3 * (time.perf_counter() - began))

    def _rest(self) -> Iterator[_Prepared]:
        """The clip of frames that were too few for one, where there are such and nothing follows them."""
        clip = None if self._sequence is None or self._stop.is_set() else self._sequence.rest()
        if clip is not None and self._newest is not None:
            yield _Prepared(self._newest, *clip)

    def _prepared(self, frame: Frame) -> _Prepared:
        began = time.perf_counter()
        try:
            tensor, view = self._predictor.locate(frame.image, self._spare_tensor())
        except ImageError as error:
            return _Prepared(frame, error=_named(error, frame))
        milliseconds = 1e3 * (time.perf_counter() - began)
        self._long = min(milliseconds, self._prepare_ms) >= max(LONG, SLOWER * self._inference_ms)
        self._prepare_ms = milliseconds
        return _Prepared(frame, tensor, view, milliseconds=milliseconds)

    def _spare_tensor(self) -> np.ndarray | None:
        try:
            return self._spare.pop()
        except IndexError:  # another thread took the last one
            return None

    def _promised(self, frame: Frame) -> _Promise:
        """Let another thread prepare a frame."""
        promise: _Promise = Future()
        self._orders.put((frame, promise))
        return promise

    def _help(self) -> None:
        """Prepare frames beside other threads; what is ordered when nobody wants it any more fails at once."""
        while True:
            try:
                frame, promise = self._orders.get()
            except ClosedError:
                return
            try:
                if self._stop.is_set():
                    raise ClosedError  # noqa: TRY301 - it is whoever waits that is told
                promise.set_result(self._prepared(frame))
            except BaseException as error:  # noqa: BLE001 - handed on to the thread that infers
                promise.set_exception(error)

    def _infer(self) -> None:
        burst = Burst(self._answers, self._burst)
        try:
            while True:
                for ready in self._tensors.get():
                    burst.add(self._answer(ready.result() if isinstance(ready, Future) else ready))
                burst.flush()
        except ClosedError:
            self._answers.finish()
        except BaseException as error:  # noqa: BLE001 - as above
            self._give_up(burst, error)
        finally:
            self._stop.set()
            self._frames.abandon()
            self._tensors.abandon()

    def _give_up(self, burst: Burst[FrameAnswer], error: BaseException) -> None:
        """Hand on the error, and before it the answers that there are."""
        with suppress(ClosedError):
            burst.flush()
        self._answers.finish(error)

    def _answer(self, prepared: _Prepared) -> FrameAnswer:
        frame = prepared.frame
        if prepared.tensor is None:
            return FrameAnswer(frame=frame, error=prepared.error)
        found = self._predictor.infer(prepared.tensor, prepared.milliseconds, prepared.view)
        self._inference_ms = found.inference_ms
        self._recycle([prepared])
        return FrameAnswer(frame=frame, prediction=found, latency_ms=1e3 * (time.monotonic() - frame.captured))

    def _count(self, answer: FrameAnswer) -> None:
        """Count what is handed out, not what is under way."""
        self.statistics.dropped = self._frames.displaced + self._tensors.displaced
        found = answer.prediction
        if found is None:
            self.statistics.unreadable += 1
        else:
            self.statistics.add(found.preprocess_ms, found.inference_ms, found.postprocess_ms, answer.latency_ms)

    def _recycle(self, done: Sequence[_Ready]) -> None:
        tensors = (ready.tensor for ready in done if isinstance(ready, _Prepared))
        self._spare += [tensor for tensor in tensors if isinstance(tensor, np.ndarray) and tensor.flags.writeable]


def _place(frame: Frame) -> Path | None:
    """The folder of a picture's file: frames of one folder follow one another."""
    return frame.image.parent if isinstance(frame.image, Path) else None


def _named(error: ImageError, frame: Frame) -> ImageError:
    """Return the error with the frame's name in it, where the decoder saw only bytes or numbers."""
    text = error.message
    if isinstance(frame.image, Path):
        return error
    if not isinstance(frame.image, bytes):
        return ImageError(f"{frame.name}: {text}", error.hint)
    return ImageError(text.replace("the picture", f"picture {frame.index} of {frame.name}", 1), error.hint)
