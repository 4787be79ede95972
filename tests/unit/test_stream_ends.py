"""Streams end when they shall, whatever is under way: nothing is lost before an error, nothing stays open."""

from __future__ import annotations

import threading
import time
import weakref

import numpy as np
import pytest
from edgecv_runtime.stream import Stream

from tests.streams import Predictor, Sequence, Source, threads


@pytest.fixture(autouse=True)
def nothing_is_left_running():
    yield
    assert not threads()


class Interruption(BaseException):
    """What is no Exception, as of code that is not Python's."""


@pytest.mark.parametrize("instant", [False, True])
def test_whatever_is_raised_in_preparing_is_told_after_the_answers_before_it(instant):
    predictor, source = Predictor(), Source(20, instant=instant)
    locate = predictor.locate

    def broken(picture, out=None):
        if picture[0, 0, 0] == 5:
            raise Interruption
        return locate(picture, out)

    predictor.locate = broken
    found = []
    with Stream(predictor, source) as stream, pytest.raises(Interruption):
        found.extend(answer.prediction.index for answer in stream)
    assert found == list(range(5))
    assert source.closed == 1


@pytest.mark.parametrize("way", ["duration", "stopping"])
def test_pictures_that_make_no_clip_yet_do_not_hold_up_the_end(way):
    predictor, began = Predictor(), time.monotonic()
    predictor.sequence = lambda: Sequence(1000, 0.02)
    asked = {"duration": 0.1} if way == "duration" else {"stopping": lambda: time.monotonic() - began > 0.1}
    with Stream(predictor, Source(500, instant=True), **asked) as stream:
        assert list(stream) == []
    assert time.monotonic() - began < 2


def test_clips_of_a_camera_have_no_gaps_however_long_inference_takes():
    predictor = Predictor(infer=0.1)
    predictor.sequence = lambda: Sequence(4, 0.0)
    clips = []
    infer = predictor.infer
    predictor.infer = lambda tensor, *more: clips.append(tensor.tolist()) or infer(tensor[:1].astype(np.float32), *more)
    with Stream(predictor, Source(60, live=True, interval=0.01)) as stream:
        answered = len(list(stream))
    assert answered == len(clips) >= 3
    assert all(clip == list(range(clip[0], clip[0] + 4)) for clip in clips)


@pytest.mark.parametrize("instant", [False, True])
def test_leaving_early_ends_the_iteration_of_the_source_before_it_is_closed(instant):
    source, order = Source(1000, instant=instant), []
    numbers, close = source.frames, source.close

    def frames(stop):
        try:
            yield from numbers(stop)
        finally:
            order.append("iteration ended")

    source.frames, source.close = frames, lambda: order.append("closed") or close()
    with Stream(Predictor(), source) as stream:
        next(iter(stream))
        stream.close()
    assert order == ["iteration ended", "closed"]
    reference = weakref.ref(stream)
    del stream
    assert reference() is None  # no circle that a collection has to find


def test_closing_waits_for_the_picture_that_another_thread_answers():
    predictor, source = Predictor(infer=0.3), Source(10, instant=True)
    stream, inside = Stream(predictor, source), threading.Event()
    infer = predictor.infer
    state = []

    def slow(*given):
        inside.set()
        answer = infer(*given)
        state.append("inferred")
        return answer

    predictor.infer = slow
    reader = threading.Thread(target=lambda: list(stream))
    with stream:
        reader.start()
        assert inside.wait(10)
        stream.close()
        state.append("closed")
    reader.join(10)
    assert state == ["inferred", "closed"]
    assert source.closed == 1
