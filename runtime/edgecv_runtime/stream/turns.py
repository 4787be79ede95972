"""The turns of workers that share the frames of a source: which does what next, so that answers come in order."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import Final, Generic, TypeVar

F = TypeVar("F")
S = TypeVar("S")
BRIEF: Final = 0.001  # seconds; handing over to another thread takes its time
SLOW: Final = 0.8  # of inference's time; where taking a frame lasts longer, inference would sometimes have to wait
AHEAD: Final = 2  # frames captured, and samples ready, beyond those that are being prepared


class StreamStage(Enum):
    """A stage of a frame's way, which a worker is to do."""

    CAPTURE = "capture the next frame"
    PREPARE = "prepare a frame"
    INFER = "answer the sample whose turn it is"
    END = "nothing any more"


class Ticket(Generic[F, S]):
    """The place of a frame in the order, and of its sample once that is ready."""

    def __init__(self, frame: F | None = None, sample: S | None = None) -> None:
        self.frame = frame
        self.sample = sample


class Turns(Generic[F, S]):
    """The state that workers share: at any time one of them captures and one infers, while several may prepare.

    A worker asks `next_stage`, does what it says, reports it, and asks again. Each of the three stages leaves its own
    things in a core's caches, so workers keep to what they did where they can: who infers goes on as long as samples
    are ready, and who captured last captures ahead for the others. More than one prepares where a frame takes about as
    long as its inference, or longer; where all of that is brief, one worker does everything.

    Args:
        preparers: How many may prepare at the same time.
        newest: A sample that is ready displaces one that still waits for inference.

    Attributes:
        displaced: How many samples were.
    """

    def __init__(self, preparers: int, *, newest: bool) -> None:
        self.displaced = 0
        self._preparers = preparers
        self._newest = newest
        self._changed = threading.Condition()
        self._tickets: deque[Ticket[F, S]] = deque()
        self._captured: deque[Ticket[F, S]] = deque()  # those of them that nobody prepares yet
        self._preparing = self._busy = 0
        self._capturing = self._inferring = False
        self._capturer = 0  # the thread that captured last
        self._ended = self._closed = False
        self._capture_seconds = self._prepare_seconds = 0.0
        self._infer_seconds = math.inf
        self._long = False  # the newest frame took longer than BRIEF
        # The newest two frames were not both long: one may have lost its core for a while. A camera always takes long.
        self._brief = not newest

    def next_stage(self) -> tuple[StreamStage, Ticket[F, S] | None]:
        """Wait until there is something to do: a stage, and the ticket that PREPARE and INFER are about."""
        with self._changed:
            while (stage := self._stage()) is None:
                self._changed.wait()
            ticket = None
            if stage is StreamStage.CAPTURE:
                self._capturing = True
                self._capturer = threading.get_ident()
            elif stage is StreamStage.PREPARE:
                ticket = self._captured.popleft()
                self._preparing += 1
            elif stage is StreamStage.INFER:
                ticket = self._tickets.popleft()
                self._inferring = True
            self._busy += 1
            self._wake()
            return stage, ticket

    def captured(self, frame: F, seconds: float) -> None:
        """Report a frame, which took so many seconds."""
        with self._changed:
            ticket: Ticket[F, S] = Ticket(frame)
            self._tickets.append(ticket)
            self._captured.append(ticket)
            self._let_go(seconds)

    def gathered(self, samples: Sequence[S], seconds: float, *, last: bool = False) -> list[S]:
        """Report samples that were prepared while nobody else captured, none or several; those that they displaced.

        Args:
            samples: In order.
            seconds: Since the capture began.
            last: No frame comes any more.
        """
        with self._changed:
            self._ended |= last
            self._tickets += [Ticket(sample=sample) for sample in samples]
            self._let_go(seconds)
            return self._displace()

    def prepared(self, ticket: Ticket[F, S], sample: S, seconds: float) -> list[S]:
        """Report the sample of a frame, which took so many seconds; the samples that it displaced."""
        with self._changed:
            ticket.sample = sample
            self._prepare_seconds = seconds
            self._preparing -= 1
            self._busy -= 1
            return self._displace()

    def inferred(self, seconds: float) -> None:
        """Report that a sample was answered, in so many seconds."""
        with self._changed:
            self._infer_seconds = seconds
            self._inferring = False
            self._busy -= 1
            before, self._long = self._long, self._capture_seconds + self._prepare_seconds + seconds >= BRIEF
            self._brief = not (self._newest or (before and self._long))

    def close(self) -> None:
        """Give nobody anything to do any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _stage(self) -> StreamStage | None:
        if self._closed or (self._ended and not self._tickets and not self._inferring):
            return StreamStage.END
        ready = not self._inferring and self._tickets and self._tickets[0].sample is not None
        infer = StreamStage.INFER if ready else None
        if self._brief:
            return infer or self._alone()
        if self._capturer == threading.get_ident():
            return self._taking(AHEAD if self._several else 1) or infer
        return infer or self._taking(1)

    def _alone(self) -> StreamStage | None:
        """Capture or prepare where nobody does anything; or prepare what who captures has left, and may wait long."""
        if self._busy == 0:
            return self._taking(1)
        left = self._capturing and self._captured and not self._preparing
        return StreamStage.PREPARE if left else None

    def _taking(self, ahead: int) -> StreamStage | None:
        """Capture or prepare, whichever there is room for, so that `ahead` frames are captured and not yet prepared."""
        full = len(self._tickets) >= self._preparers + AHEAD
        if self._newest:  # a frame that waits to be prepared grows old
            full = self._preparing > 0 or len(self._captured) > 0
        may_capture = not (self._ended or self._capturing or full)
        if may_capture and len(self._captured) < ahead:
            return StreamStage.CAPTURE
        may_prepare = self._captured and self._preparing < (self._preparers if self._several else 1)
        return StreamStage.PREPARE if may_prepare else None

    @property
    def _several(self) -> bool:
        """Tell whether it helps that several prepare."""
        return self._capture_seconds + self._prepare_seconds >= SLOW * self._infer_seconds

    def _wake(self) -> None:
        """Call one of the workers that wait, where there is something to do; it calls the next one."""
        if self._stage() is not None:
            self._changed.notify()

    def _let_go(self, seconds: float) -> None:
        """Another worker may capture."""
        self._capture_seconds = seconds
        self._capturing = False
        self._busy -= 1

    def _displace(self) -> list[S]:
        displaced = []
        while self._newest and len(self._tickets) > 1 and self._tickets[1].sample is not None:
            oldest = self._tickets.popleft().sample
            displaced += [] if oldest is None else [oldest]
        self.displaced += len(displaced)
        return displaced
