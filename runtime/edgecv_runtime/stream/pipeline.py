"""Capture, preprocessing and inference at the same time, by workers that each do what comes next (see `turns`).

A live source has a thread of its own, which keeps the newest frame. Pictures that are there without waiting are
answered by the thread that asks, as long as each takes so little that handing it over would take longer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import msgspec

from edgecv_runtime.cpu import cores
from edgecv_runtime.errors import ImageError
from edgecv_runtime.prediction import Prediction
from edgecv_runtime.stream.channel import Channel, ClosedError
from edgecv_runtime.stream.frame import Frame, FrameSource, Pace
from edgecv_runtime.stream.preparing import Answers, Prepared, Preparer
from edgecv_runtime.stream.statistics import Statistics
from edgecv_runtime.stream.turns import BRIEF, StreamStage, Ticket, Turns

WAITING: Final = 3  # answers that nobody has taken yet
MOST: Final = 4  # workers that prepare at the same time
GLANCE: Final = 0.1  # seconds between looks at whether to stop
PATIENCE = 2.0  # seconds for a source to let go; a read that hangs must not hang the end


class FrameAnswer(msgspec.Struct, frozen=True, kw_only=True, eq=False):
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


class Stream:
    """Answers to the frames of a source, in order; a context manager.

    Args:
        predictor: Answers; one thread at a time calls `infer`, several `locate`. One that takes clips answers whenever
            a frame completes one.
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
        self._preparer = Preparer(predictor)
        self._pace = Pace(None if source.live else max_fps)
        self._duration = duration
        self._stopping = stopping
        self._stop = threading.Event()
        self._failure: BaseException | None = None  # of the source, told after the answers before it
        self._camera: Channel[Frame] = Channel(1, newest=True)
        self._frames = self._seen() if source.live else self._captured()
        self._answers: Channel[FrameAnswer] = Channel(1 if source.live else WAITING)
        waits = source.live or max_fps is not None
        self._alone = source.instant and not waits  # the thread that iterates answers itself
        self._turns: Turns[Frame, Prepared] = Turns(1 if waits else min(cores(), MOST), newest=source.live)
        self._working = 2 if waits else min(max(cores(), 2), MOST + 1)
        self._threads: list[threading.Thread] = []
        self._leaving = threading.Lock()
        self._here = threading.RLock()  # what the thread that iterates does itself
        self._inside: threading.Thread | None = None  # the thread that the source has not let go

    def __enter__(self) -> Self:
        if not self._alone:
            self._start()
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
        answers = self._answered()
        while not self._stopping() and (deadline is None or time.monotonic() < deadline):
            try:
                answer = next(answers)
            except StopIteration:
                return
            if answer is not None:
                self._count(answer)
                yield answer

    def close(self) -> None:
        """End every thread. Safe to call again."""
        self._end()
        self._answers.abandon()
        if self._alone:
            with self._here:
                self._alone = False
                self._let_go()
        patience = time.monotonic() + PATIENCE
        for thread in self._threads:  # they end with the call they are in; only then may the model be freed
            while thread.is_alive() and not (self._inside is thread and time.monotonic() > patience):
                thread.join(GLANCE)

    @property
    def stuck(self) -> bool:
        """Tell whether a thread is still inside a read that hangs, or was left there by an interrupted `close`."""
        return any(thread.is_alive() for thread in self._threads)

    def _start(self) -> None:
        self._alone = False
        stages = [self._work] * self._working + [self._capture] * self.source.live
        self._threads = [
            threading.Thread(target=stage, name=f"edgecv{stage.__name__}", daemon=True) for stage in stages
        ]
        for thread in self._threads:
            thread.start()

    def _let_go(self) -> None:
        """End the source's iteration, and close it."""
        with suppress(ValueError):  # this thread is inside of it: an interrupt that closes the stream
            self._frames.close()
        self.source.close()

    def _end(self) -> None:
        self._stop.set()
        self._turns.close()
        self._camera.abandon()

    def _answered(self) -> Iterator[FrameAnswer | None]:
        """Every answer, and None whenever there has been none for a while."""
        yield from self._answered_here()
        while True:
            try:
                yield self._answers.get(GLANCE)
            except TimeoutError:
                yield None
            except ClosedError:
                return

    def _answered_here(self) -> Iterator[FrameAnswer | None]:
        """Answer in this thread, until two answers one after the other were not brief; None for a frame without one."""
        before = long = False
        while not (before and long):
            with self._here:
                if not self._alone:
                    return
                answers = self._next_answers()
            for answer in answers or ():
                before, long = long, _milliseconds(answer) >= 1e3 * BRIEF
                yield answer
            if self._failure is not None:
                raise self._failure
            if answers is None:
                self._answers.finish()
                return
            if not answers:
                yield None
        with self._here:
            if self._alone:
                self._start()

    def _next_answers(self) -> list[FrameAnswer] | None:
        """The answers that the next frame makes ready; None where there is no frame and no answer any more."""
        frame = next(self._frames, None)
        answers: list[FrameAnswer] = []
        try:
            for sample in self._preparer.rest() if frame is None else self._samples(frame):
                answers.append(self._answer(sample))  # noqa: PERF401 - those before an error are given
        except BaseException as error:  # noqa: BLE001 - told after them
            self._failure = error
        return answers if answers or frame is not None else None

    def _samples(self, frame: Frame) -> Iterable[Prepared]:
        alone = self._preparer.alone(frame)
        return (self._preparer.prepare(frame),) if alone else self._preparer.gather(frame)

    def _captured(self) -> Generator[Frame]:
        """Every frame of the source, at the pace that was asked for."""
        for frame in self.source.frames(self._stop):
            self.statistics.begin()
            self._pace.wait(self._stop)
            yield frame

    def _capture(self) -> None:
        """Keep the newest frame of a live source."""
        self._inside = threading.current_thread()
        try:
            for frame in self._captured():
                self._camera.put(frame)
            self._camera.finish()
        except ClosedError:
            return  # nobody reads any more: the stream is closing
        except BaseException as error:  # noqa: BLE001 - handed on to the thread that iterates
            self._camera.finish(error)
        finally:
            self.source.close()

    def _seen(self) -> Generator[Frame]:
        """The newest frame of a live source, whenever one is asked for."""
        with suppress(ClosedError):
            while True:
                yield self._camera.get()

    def _work(self) -> None:
        """Do what comes next, until nothing does; who leaves last closes what is open."""
        try:
            while self._step():
                pass
        except BaseException as error:  # noqa: BLE001 - as above
            self._fail(error)
        with self._leaving:
            self._working -= 1
            last = self._working == 0
        if last:
            self._answers.finish(self._failure)
            if not self.source.live:
                self._let_go()

    def _step(self) -> bool:
        """Do one thing; whether there may be more to do."""
        stage, ticket = self._turns.next_stage()
        if stage is StreamStage.END:
            return False
        if ticket is None:
            self._take()
        elif ticket.sample is None:
            self._prepare(ticket)
        else:
            self._infer(ticket.sample)
        return True

    def _fail(self, error: BaseException) -> None:
        """Hand an error on to the thread that iterates, and end."""
        self._answers.finish(error)
        self._end()

    def _take(self) -> None:
        """Capture a frame; what there is to tell of the end is told after the answers before it."""
        began = time.perf_counter()
        samples: list[Prepared] = []
        try:
            frame = self._next()
            if frame is not None and self._preparer.alone(frame):
                self._turns.captured(frame, time.perf_counter() - began)
                return
            samples += self._preparer.rest() if frame is None else self._preparer.gather(frame)
        except BaseException as error:  # noqa: BLE001 - as above
            frame, self._failure = None, error
        displaced = self._turns.gathered(samples, time.perf_counter() - began, last=frame is None)
        self._preparer.recycle(displaced)

    def _next(self) -> Frame | None:
        if self.source.live:
            return next(self._frames, None)
        self._inside = threading.current_thread()
        try:
            return next(self._frames, None)
        finally:
            self._inside = None

    def _prepare(self, ticket: Ticket[Frame, Prepared]) -> None:
        if ticket.frame is not None:
            sample = self._preparer.prepare(ticket.frame)
            self._preparer.recycle(self._turns.prepared(ticket, sample, sample.milliseconds / 1e3))

    def _infer(self, sample: Prepared) -> None:
        began = time.perf_counter()
        seconds = 0.0
        try:
            answer = self._answer(sample)
            seconds = time.perf_counter() - began
            self._answers.put(answer)
        except ClosedError:
            self._end()
        except BaseException as error:  # noqa: BLE001 - as above
            self._fail(error)
        finally:
            self._turns.inferred(seconds)

    def _answer(self, sample: Prepared) -> FrameAnswer:
        frame = sample.frame
        if isinstance(sample.error, ImageError):
            return FrameAnswer(frame=frame, error=sample.error)
        if sample.error is not None:
            raise sample.error
        if sample.tensor is None:
            raise ValueError(f"{frame.name} has neither a tensor nor an error")
        found = self._predictor.infer(sample.tensor, sample.milliseconds, sample.view)
        self._preparer.recycle([sample])
        return FrameAnswer(frame=frame, prediction=found, latency_ms=1e3 * (time.monotonic() - frame.captured))

    def _count(self, answer: FrameAnswer) -> None:
        """Count what is handed out, not what is under way."""
        self.statistics.dropped = self._camera.displaced + self._turns.displaced
        found = answer.prediction
        if found is None:
            self.statistics.unreadable += 1
        else:
            self.statistics.add(found.preprocess_ms, found.inference_ms, found.postprocess_ms, answer.latency_ms)


def _milliseconds(answer: FrameAnswer) -> float:
    """Return what an answer took; 0 where there is none."""
    found = answer.prediction
    return 0.0 if found is None else found.preprocess_ms + found.inference_ms + found.postprocess_ms
