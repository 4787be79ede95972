"""Capture, preprocessing and inference in threads: order, drops, ends and errors."""

from __future__ import annotations

import threading
import time

import pytest
from edgecv_runtime.errors import BackendError, EdgecvError, StreamError
from edgecv_runtime.stream import Stream

from tests.streams import Predictor, Source, threads


@pytest.fixture(autouse=True)
def nothing_is_left_running():
    yield
    assert not threads()


@pytest.mark.parametrize("slow", ["prepare", "infer", None])
def test_a_file_loses_nothing_and_keeps_its_order(slow):
    source, predictor = Source(100), Predictor(**({slow: 0.002} if slow else {}))
    with Stream(predictor, source) as stream:
        answers = list(stream)
    assert [answer.prediction.index for answer in answers] == list(range(100))
    assert [answer.frame.index for answer in answers] == list(range(100))
    assert (stream.statistics.frames, stream.statistics.dropped) == (100, 0)
    assert source.closed == 1
    assert len(predictor.tensors) <= 12  # buffers go round


def test_the_three_stages_overlap():
    with Stream(Predictor(prepare=0.02, infer=0.02), Source(20, interval=0.02)) as stream:
        began = time.monotonic()
        assert len(list(stream)) == 20
        took = time.monotonic() - began
    assert took < 0.8  # one after the other: 1.2 s


@pytest.fixture
def four_cores(monkeypatch):
    monkeypatch.setattr("edgecv_runtime.stream.pipeline.cores", lambda: 4)


@pytest.mark.parametrize("cores", [4, 64])
@pytest.mark.parametrize("instant", [False, True])
def test_frames_that_take_long_are_prepared_side_by_side_and_answered_in_order(monkeypatch, instant, cores):
    monkeypatch.setattr("edgecv_runtime.stream.pipeline.cores", lambda: cores)
    predictor = Predictor(prepare=0.03, bad={5, 11})
    with Stream(predictor, Source(40, instant=instant)) as stream:
        answers = list(stream)
    assert [answer.frame.index for answer in answers] == list(range(40))
    assert all(answer.prediction.index == answer.frame.index for answer in answers if answer.prediction)
    assert [answer.frame.index for answer in answers if answer.error] == [5, 11]
    assert 2 <= predictor.most <= 4


@pytest.mark.parametrize(
    ("cores", "options", "how"),
    [
        (4, {"live": True}, {"prepare": 0.03}),  # the newest frame counts, not how many there are
        (4, {}, {"prepare": 0.0}),  # handing over takes longer
        (4, {}, {"prepare": 0.01, "infer": 0.02}),  # it is inference that takes long
        (1, {}, {"prepare": 0.03}),
    ],
)
def test_one_thread_prepares_where_more_bring_nothing(monkeypatch, cores, options, how):
    monkeypatch.setattr("edgecv_runtime.stream.pipeline.cores", lambda: cores)
    predictor = Predictor(**how)
    with Stream(predictor, Source(20, **options)) as stream:
        list(stream)
    assert predictor.most == 1


@pytest.mark.usefixtures("four_cores")
def test_a_bug_beside_other_frames_comes_after_the_answers_before_it():
    predictor = Predictor(prepare=0.03)
    locate = predictor.locate

    def broken(source, out=None):
        if source[0, 0, 0] == 9:
            raise TypeError("a bug")
        return locate(source, out)

    predictor.locate = broken
    found = []
    with Stream(predictor, Source(40)) as stream, pytest.raises(TypeError, match="a bug"):
        found.extend(answer.prediction.index for answer in stream)
    assert found == list(range(9))


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize("instant", [False, True])
def test_leaving_while_frames_are_prepared_ends_every_thread(instant):
    source = Source(10_000, instant=instant)
    with Stream(Predictor(prepare=0.03), source) as stream:
        answers = iter(stream)
        for _ in range(4):
            next(answers)
    assert source.closed == 1
    assert source.given <= 40


def test_of_a_live_source_the_newest_frame_wins():
    source = Source(120, live=True, interval=0.005)
    with Stream(Predictor(infer=0.05), source) as stream:
        answers = list(stream)
    found = [answer.prediction.index for answer in answers]
    assert found == sorted(set(found))
    assert found[-1] == 119
    assert 5 <= len(found) <= 30
    assert stream.statistics.frames + stream.statistics.dropped == 120
    latest = stream.statistics.milliseconds["latency"].percentile(90)
    assert latest < 1500  # a queue would let it grow to 5400


def test_a_live_source_that_is_slow_enough_loses_nothing():
    source, answered = Source(20, live=True), threading.Event()
    numbers = source.frames

    def frames(stop):
        for frame in numbers(stop):
            yield frame
            answered.wait(20)
            answered.clear()

    source.frames = frames
    with Stream(Predictor(), source) as stream:
        for index, answer in enumerate(stream):
            assert answer.prediction.index == index
            answered.set()
    assert (stream.statistics.frames, stream.statistics.dropped) == (20, 0)


def test_a_bad_picture_is_an_answer_in_its_place():
    with Stream(Predictor(bad={3, 9}), Source(10)) as stream:
        answers = list(stream)
    assert [answer.frame.index for answer in answers] == list(range(10))
    assert [str(answer.error) for answer in answers if answer.error] == ["n: frame 3 is bad", "n: frame 9 is bad"]
    assert (stream.statistics.frames, stream.statistics.unreadable) == (8, 2)


def test_an_error_of_the_source_comes_after_the_frames_before_it():
    source = Source(5, error=StreamError("the camera vanished"))
    found = []
    with Stream(Predictor(infer=0.01), source) as stream, pytest.raises(StreamError, match="vanished"):
        found.extend(answer.prediction.index for answer in stream)
    assert found == [0, 1, 2, 3, 4]
    assert source.closed == 1


@pytest.mark.parametrize("live", [False, True])
def test_an_error_of_the_runtime_ends_it(live):
    source = Source(100_000, interval=0.001, live=live)
    with Stream(Predictor(broken=20), source) as stream, pytest.raises(BackendError, match="kernel"):
        for _ in stream:
            pass
    assert source.closed == 1


def test_a_bug_in_preprocessing_is_not_lost():
    predictor = Predictor()
    predictor.bad = None
    with Stream(predictor, Source(5)) as stream, pytest.raises(TypeError):
        list(stream)


def test_duration_ends_it():
    began = time.monotonic()
    with Stream(Predictor(), Source(10_000, interval=0.01), duration=0.3) as stream:
        count = len(list(stream))
    assert 2 < count < 40
    assert time.monotonic() - began < 3


def test_duration_ends_a_source_that_hangs(monkeypatch):
    monkeypatch.setattr("edgecv_runtime.stream.pipeline.PATIENCE", 0.1)
    source = Source(1, hangs=True)
    began = time.monotonic()
    with Stream(Predictor(), source, duration=0.3) as stream:
        assert len(list(stream)) == 1
    assert time.monotonic() - began < 3
    assert stream.stuck
    source.released.set()
    for thread in stream._threads:
        thread.join()
    assert not stream.stuck


def test_it_ends_when_asked_to():
    asked = []
    with Stream(Predictor(), Source(10_000, interval=0.01), stopping=lambda: len(asked) == 3) as stream:
        asked.extend(stream)
    assert len(asked) == 3


def test_only_answers_that_were_handed_out_are_counted():
    with Stream(Predictor(bad={1}), Source(50)) as stream:
        answers = iter(stream)
        for _ in range(5):
            next(answers)
        time.sleep(0.05)  # the pipeline runs ahead
    assert (stream.statistics.frames, stream.statistics.unreadable) == (4, 1)


def test_leaving_early_ends_the_threads():
    source = Source(10_000)
    with Stream(Predictor(infer=0.01), source) as stream:
        next(iter(stream))
    assert source.closed == 1
    assert source.given <= 12  # bounded: it did not run ahead


def test_a_file_is_slowed_down_to_max_fps():
    began = time.monotonic()
    with Stream(Predictor(), Source(10), max_fps=50) as stream:
        assert len(list(stream)) == 10
    assert time.monotonic() - began >= 0.18
    assert 5 < stream.statistics.fps < 65


def test_statistics_hold_what_was_measured():
    with Stream(Predictor(infer=0.01), Source(20)) as stream:
        list(stream)
    found = stream.statistics
    assert found.milliseconds["inference"].percentile(50) == pytest.approx(10)
    assert found.milliseconds["latency"].percentile(90) >= 10
    assert found.fps == pytest.approx(20 / found.seconds)
    assert found.seconds >= 0.2


def test_brief_pictures_are_answered_by_the_thread_that_asks():
    source = Source(100, instant=True)
    with Stream(Predictor(bad={7}), source) as stream:
        answers = []
        for answer in stream:
            answers.append(answer)
            assert source.given == answer.frame.index + 1
            assert not threads()
    assert [answer.frame.index for answer in answers] == list(range(100))
    assert [answer.frame.index for answer in answers if answer.error] == [7]
    assert all(answer.prediction.answers[0].index == answer.frame.index for answer in answers if answer.prediction)
    assert source.closed == 1


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize("slow", ["prepare", "infer"])
def test_workers_help_once_two_pictures_took_long(slow):
    predictor, source = Predictor(**{slow: 0.02}), Source(30, instant=True)
    with Stream(predictor, source) as stream:
        answers = iter(stream)
        found = [next(answers)]
        assert not threads()  # one picture may have taken long by chance
        found += [next(answers), next(answers)]
        assert threads()
        found += answers
    assert [answer.prediction.index for answer in found] == list(range(30))
    assert source.closed == 1


@pytest.mark.parametrize("way", [{"duration": 0.05}, {"stopping": lambda: True}])
def test_brief_pictures_end_when_they_shall(way):
    source = Source(10_000_000, instant=True)
    with Stream(Predictor(), source, **way) as stream:
        given = sum(1 for _ in stream)
    assert given < 100_000
    assert given == 0 or "duration" in way
    assert source.closed == 1


def numbers_until_the_error(stream):
    given = []
    try:
        given.extend(answer.frame.index for answer in stream)
    except EdgecvError as error:
        return given, error.message
    return given, None


@pytest.mark.parametrize("instant", [False, True])
def test_answers_before_an_error_are_given(instant):
    with Stream(Predictor(), Source(20, error=StreamError("it broke"), instant=instant)) as stream:
        assert numbers_until_the_error(stream) == (list(range(20)), "it broke")
    with Stream(Predictor(broken=12), Source(20, instant=instant)) as stream:
        assert numbers_until_the_error(stream) == (list(range(12)), "the kernel failed")


def test_an_answer_does_not_wait_for_a_frame_that_is_not_there():
    source = Source(3, interval=0.3)
    with Stream(Predictor(), source) as stream:
        for answer in stream:
            assert source.given == answer.frame.index + 1
