"""Who does what next: which worker captures, prepares and infers, and in which order."""

from __future__ import annotations

import threading

import pytest
from edgecv_runtime.stream.turns import AHEAD, StreamStage, Turns

CAPTURE, PREPARE, INFER, END = StreamStage
LONG, LONGER, BRIEF = 0.01, 0.02, 0.0001  # seconds


class Worker:
    """Does what a worker does, in a thread of its own, one step at a time."""

    def __init__(self, turns):
        self.turns = turns
        self.told = None
        self.go, self.done = threading.Semaphore(0), threading.Semaphore(0)
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while True:
            self.go.acquire()
            self.told = self.turns.next_stage()
            self.done.release()

    def next(self, wait=0.3):
        """What it is told to do; None where it waits."""
        self.go.release()
        return self.told[0] if self.done.acquire(timeout=wait) else None

    def late(self):
        """What it is told after it had to wait."""
        assert self.done.acquire(timeout=10)
        return self.told[0]


def run_alone(turns, times, count):
    """One worker takes `count` frames through, in the seconds of capture, preparing and inference."""
    order = []
    for number in range(count):
        stage, _ = turns.next_stage()
        order.append(stage)
        turns.captured(number, times[0])
        stage, ticket = turns.next_stage()
        order.append(stage)
        assert ticket.frame == number
        turns.prepared(ticket, f"sample {number}", times[1])
        stage, ticket = turns.next_stage()
        order.append(stage)
        assert ticket.sample == f"sample {number}"
        turns.inferred(times[2])
    return order


def test_one_worker_does_everything_where_it_is_brief():
    turns = Turns(4, newest=False)
    assert run_alone(turns, (BRIEF, BRIEF, BRIEF), 3) == [CAPTURE, PREPARE, INFER] * 3
    first, second = Worker(turns), Worker(turns)
    assert first.next() is CAPTURE
    assert second.next(0.05) is None
    turns.close()
    assert second.late() is END


def test_one_long_frame_is_no_reason_for_others_to_help():
    turns = Turns(4, newest=False)
    run_alone(turns, (BRIEF, BRIEF, BRIEF), 1)
    run_alone(turns, (BRIEF, LONG, BRIEF), 1)
    run_alone(turns, (BRIEF, BRIEF, BRIEF), 1)
    first, second = Worker(turns), Worker(turns)
    assert first.next() is CAPTURE
    assert second.next(0.05) is None
    turns.close()
    assert second.late() is END


def long_turns(times, preparers=4):
    turns = Turns(preparers, newest=False)
    run_alone(turns, times, 2)
    return turns


def test_who_captured_goes_on_capturing_and_who_inferred_inferring():
    turns = long_turns((LONG, LONG, LONG))
    capturer, other = Worker(turns), Worker(turns)
    assert capturer.next() is CAPTURE
    turns.captured("a", LONG)
    assert capturer.next() is CAPTURE  # ahead, for the other one
    assert other.next() is PREPARE
    turns.captured("b", LONG)
    assert capturer.next() is CAPTURE
    turns.prepared(other.told[1], "A", LONG)
    assert other.next() is INFER
    turns.captured("c", LONG)
    assert capturer.next() is PREPARE  # enough are captured
    assert capturer.told[1].frame == "b"
    turns.inferred(LONG)
    assert other.next() is PREPARE
    assert other.told[1].frame == "c"
    turns.prepared(capturer.told[1], "B", LONG)
    assert capturer.next() is CAPTURE  # though there is something to infer: the other one will
    turns.prepared(other.told[1], "C", LONG)
    assert other.next() is INFER
    assert other.told[1].sample == "B"


def test_one_prepares_where_it_is_inference_that_takes_long():
    turns = long_turns((BRIEF, LONG, LONGER))
    first, second = Worker(turns), Worker(turns)
    assert first.next() is CAPTURE
    turns.captured("a", BRIEF)
    assert first.next() is PREPARE
    assert second.next() is CAPTURE
    turns.captured("b", BRIEF)
    assert second.next(0.05) is None
    turns.prepared(first.told[1], "A", LONG)
    assert {first.next(), second.late()} == {PREPARE, INFER}


def test_a_captured_frame_does_not_wait_for_who_waits_for_the_next_one():
    """Nor where everything has become brief meanwhile: a pipe's writer may stop for hours."""
    turns = long_turns((LONG, BRIEF, BRIEF))
    capturer, other = Worker(turns), Worker(turns)
    assert capturer.next() is CAPTURE
    turns.captured("a", LONG)
    assert capturer.next() is CAPTURE
    assert other.next() is PREPARE
    turns.captured("b", BRIEF)
    assert capturer.next() is CAPTURE
    turns.prepared(other.told[1], "A", BRIEF)
    assert other.next() is INFER
    turns.inferred(BRIEF)
    assert other.next() is PREPARE
    assert other.told[1].frame == "b"
    turns.prepared(other.told[1], "B", BRIEF)
    assert other.next() is INFER


def test_samples_are_inferred_in_the_order_of_their_frames():
    turns = long_turns((BRIEF, LONG, BRIEF))
    slow, fast = Worker(turns), Worker(turns)
    assert slow.next() is CAPTURE
    turns.captured("a", BRIEF)
    assert fast.next() is PREPARE
    late = fast.told[1]
    assert slow.next() is CAPTURE
    turns.captured("b", BRIEF)
    assert slow.next() is CAPTURE
    turns.captured("c", BRIEF)
    assert slow.next() is PREPARE
    turns.prepared(slow.told[1], "B", LONG)
    assert slow.next() is not INFER
    turns.prepared(late, "A", LONG)
    assert fast.next() is INFER
    assert fast.told[1].sample == "A"


def test_no_more_frames_are_taken_than_there_is_room_for():
    turns = long_turns((LONG, LONG, BRIEF), preparers=2)
    workers = [Worker(turns) for _ in range(4)]
    taken = 0
    waiting = []
    for _ in range(20):
        worker = next((one for one in workers if one not in waiting), None)
        if worker is None:
            break
        match worker.next(0.05):
            case StreamStage.CAPTURE:
                turns.captured(taken, LONG)
                taken += 1
            case None | StreamStage.PREPARE:
                waiting.append(worker)  # it never finishes
    assert taken == 2 + AHEAD
    turns.close()


def test_of_a_live_source_a_ready_sample_displaces_the_one_before_and_no_frame_waits_to_be_prepared():
    turns = Turns(1, newest=True)
    taker, other = Worker(turns), Worker(turns)
    assert taker.next() is CAPTURE
    turns.captured("a", LONG)
    assert taker.next() is PREPARE
    assert other.next(0.05) is None  # a newer frame will be there when this one is prepared
    assert turns.prepared(taker.told[1], "A", LONG) == []
    assert taker.next() is CAPTURE
    assert other.late() is INFER
    turns.captured("b", LONG)
    assert taker.next() is PREPARE
    assert turns.prepared(taker.told[1], "B", LONG) == []
    assert taker.next() is CAPTURE
    turns.captured("c", LONG)
    assert taker.next() is PREPARE
    assert turns.prepared(taker.told[1], "C", LONG) == ["B"]
    assert turns.displaced == 1
    turns.inferred(LONG)
    assert other.next() is INFER
    assert other.told[1].sample == "C"


@pytest.mark.parametrize("rest", [[], ["the last clip"]])
def test_the_end_comes_after_all_that_is_under_way(rest):
    turns = long_turns((LONG, LONG, LONG))
    first, second = Worker(turns), Worker(turns)
    assert first.next() is CAPTURE
    turns.captured("a", LONG)
    assert second.next() is PREPARE
    assert first.next() is CAPTURE
    turns.gathered(rest, LONG, last=True)
    assert first.next(0.05) is None
    turns.prepared(second.told[1], "A", LONG)
    assert second.next() is INFER
    turns.inferred(LONG)
    assert [second.next() for _ in rest] == [INFER for _ in rest]
    for _ in rest:
        turns.inferred(LONG)
    assert second.next() is END
    assert first.late() is END
