"""The parts of streams alone: statistics, the channel between two threads, and the pace."""

from __future__ import annotations

import threading
import time

import pytest
from edgecv_runtime.errors import StreamError
from edgecv_runtime.stream import Stream
from edgecv_runtime.stream.channel import Channel, ClosedError
from edgecv_runtime.stream.frame import Pace
from edgecv_runtime.stream.statistics import KEPT, ReservoirSample

from tests.streams import Predictor, Source


def test_statistics_of_nothing_are_zero():
    with Stream(Predictor(), Source(0)) as stream:
        assert list(stream) == []
    assert (stream.statistics.fps, stream.statistics.seconds) == (0, 0)
    assert stream.statistics.milliseconds["latency"].percentile(50) is None


def test_a_long_run_keeps_a_fair_sample_in_fixed_memory():
    sample = ReservoirSample()
    for value in range(10 * KEPT):
        sample.add(float(value))
    assert len(sample._values) == KEPT
    for share in (10, 50, 90):
        assert sample.percentile(share) == pytest.approx(10 * KEPT * share / 100, rel=0.1)


def test_a_full_channel_displaces_the_oldest_or_waits():
    newest = Channel(2, newest=True)
    assert [newest.put(number) for number in range(4)] == [None, None, 0, 1]
    assert (newest.get(), newest.get(), newest.displaced) == (2, 3, 2)
    waiting = Channel(1)
    waiting.put("first")
    writer = threading.Thread(target=waiting.put, args=("second",))
    writer.start()
    assert (waiting.get(), waiting.get()) == ("first", "second")
    writer.join()
    with pytest.raises(TimeoutError):
        waiting.get(0.01)


def test_a_finished_channel_gives_what_is_inside_and_then_its_error():
    channel = Channel(3)
    channel.put(1)
    channel.finish(StreamError("over"))
    with pytest.raises(ClosedError):
        channel.put(2)
    assert channel.get() == 1
    with pytest.raises(StreamError, match="over"):
        channel.get()


def test_an_abandoned_channel_frees_a_writer_that_waits():
    channel = Channel(1)
    channel.put(1)
    errors = []

    def write():
        try:
            channel.put(2)
        except ClosedError as error:
            errors.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.02)
    channel.abandon()
    writer.join(2)
    assert len(errors) == 1


def test_the_pace_keeps_its_average(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pace = Pace(20)
    taken = 0
    for _ in range(300):  # ten seconds of a camera at 30 frames a second
        taken += pace.due()
        now[0] += 1 / 30
    assert 195 <= taken <= 202
    now[0] += 60  # after a pause no burst
    assert [pace.due(), pace.due()] == [True, False]
