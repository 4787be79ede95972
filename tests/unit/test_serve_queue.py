"""The queue of `edgecv serve`, with processes whose moments of answering the test chooses."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from edgecv.serve.queueing import AHEAD, TRIES, TaskQueue
from edgecv.serve.refusals import RequestRefusedError
from edgecv.serve.wire import PictureTask, TaskDone, TaskFailed, TensorTask, WorkReport

PICTURE = PictureTask(size=1, top=1, drawing=False)
TENSOR = TensorTask(size=1, json_size=1)


class StandInProcess:
    """Takes orders as a worker process does, and answers when it is told to: each task with its own byte."""

    def __init__(self, queue: TaskQueue) -> None:
        self.queue = queue
        self.orders: deque[object] = deque()
        self.sent: list[list[bytes]] = []
        self.since = 0.0
        self.pid = 1
        self.killed = False
        self.milliseconds = 5.0
        self.batch = queue._batch

    def submit(self, _, parts, owner) -> None:
        self.orders.append(owner)
        self.sent.append([bytes(part) for part in parts])

    def answer(self, *failed: int) -> None:
        parts = self.sent[-len(self.orders)]
        done = [
            TaskFailed(status=400, message="bad")
            if number in failed
            else TaskDone(
                size=1,
                json_size=1,
                samples=1,
                together=min(len(parts), self.batch),
                preprocess_ms=0,
                inference_ms=self.milliseconds,
                postprocess_ms=0,
                labels=(),
            )
            for number in range(len(parts))
        ]
        answered = [part for part, one in zip(parts, done, strict=True) if isinstance(one, TaskDone)]
        self.queue.reported(self, WorkReport(results=tuple(done)), b"".join(answered))

    def kill(self) -> None:
        self.killed = True


def run(test):
    """Run an asynchronous test."""
    asyncio.run(test())


def queue_with(processes=1, *, most=4, batch=1):
    calls: list[int] = []
    queue = TaskQueue(most=most, batch=batch, measured=calls.append)
    found = [StandInProcess(queue) for _ in range(processes)]
    for one in found:
        queue.add(one)
    return queue, found, calls


def names(process):
    return [b"".join(parts).decode() for parts in process.sent]


def test_a_lone_request_is_taken_at_once_and_goes_to_a_free_process():
    async def test():
        queue, (first, second), _ = queue_with(2)
        jobs = [queue.submit(PICTURE, name) for name in (b"a", b"b")]
        assert (names(first), names(second), queue.depth) == (["a"], ["b"], 0)
        second.answer()
        result = await jobs[1].future
        assert result.data == b"b"
        assert result.queue_ms >= 0

    run(test)


def test_what_comes_while_the_model_is_busy_goes_together():
    async def test():
        queue, (process,), calls = queue_with(batch=4, most=9)
        jobs = [queue.submit(PICTURE, name.encode()) for name in "abcdefg"]
        process.answer()
        process.answer()
        process.answer()
        assert names(process) == ["a", "bcde", "fg"]
        assert calls == [1, 4, 2]
        assert [(await job.future).data for job in jobs] == [name.encode() for name in "abcdefg"]

    run(test)


def test_a_fast_model_gets_several_pictures_in_one_message_and_a_slow_one_does_not():
    async def test():
        for milliseconds, longest in ((0.1, 16), (0.45, 8), (5.0, 1)):
            queue, (process,), calls = queue_with(most=200)
            process.milliseconds = milliseconds
            jobs = [queue.submit(PICTURE, b"x") for _ in range(120)]
            while process.orders:
                process.answer()
            assert max(map(len, process.sent)) == longest
            assert calls == [1] * 120
            assert all(job.future.done() for job in jobs)

    run(test)


def test_tensors_go_alone_and_nothing_overtakes():
    async def test():
        queue, (process,), _ = queue_with(batch=4, most=9)
        for task, name in ((PICTURE, b"a"), (PICTURE, b"b"), (TENSOR, b"t"), (PICTURE, b"c"), (PICTURE, b"d")):
            queue.submit(task, name)
        for _ in range(4):
            process.answer()
        assert names(process) == ["a", "b", "t", "cd"]

    run(test)


def test_a_full_queue_refuses_and_a_withdrawn_request_frees_its_place():
    async def test():
        queue, (process,), _ = queue_with(most=2)
        jobs = [queue.submit(PICTURE, b"x") for _ in range(AHEAD + 2)]
        with pytest.raises(RequestRefusedError) as refused:
            queue.submit(PICTURE, b"y")
        assert refused.value.status == 429
        assert refused.value.headers["retry-after"]
        queue.withdraw(jobs[-1])
        assert jobs[-1].future.cancelled()
        assert queue.submit(PICTURE, b"z")
        for _ in range(AHEAD + 2):
            process.answer()
        assert names(process)[-1] == "z"

    run(test)


def test_a_deadline_ends_a_request_that_waits_and_one_that_is_under_way():
    async def test():
        queue, (process,), _ = queue_with()
        jobs = [queue.submit(PICTURE, name) for name in (b"a", b"b", b"c")]
        for job in (jobs[0], jobs[2]):
            queue.expire(job)
        for job in (jobs[0], jobs[2]):
            with pytest.raises(RequestRefusedError, match="deadline"):
                await job.future
        process.answer()
        process.answer()
        assert names(process) == ["a", "b"]
        assert (await jobs[1].future).data == b"b"

    run(test)


def test_a_failed_task_fails_alone():
    async def test():
        queue, (process,), calls = queue_with(batch=3)
        jobs = [queue.submit(PICTURE, name) for name in (b"a", b"b", b"c", b"d")]
        process.answer()
        process.answer(1)
        assert calls == [1, 3]
        with pytest.raises(RequestRefusedError, match="bad"):
            await jobs[2].future
        assert (await jobs[3].future).data == b"d"

    run(test)


def test_what_a_lost_process_had_is_answered_by_another_in_the_same_order_one_by_one():
    async def test():
        queue, (first,), _ = queue_with(batch=3, most=9)
        jobs = [queue.submit(PICTURE, name.encode()) for name in "abcde"]
        first.answer()
        queue.lost(first)
        assert queue.workers == ()
        second = StandInProcess(queue)
        queue.add(second)
        for _ in range(4):
            second.answer()
        assert names(second) == ["b", "c", "d", "e"]
        assert [(await job.future).data for job in jobs] == [b"a", b"b", b"c", b"d", b"e"]

    run(test)


def test_a_request_over_which_process_after_process_dies_is_to_blame():
    async def test():
        queue, (process,), _ = queue_with()
        job = queue.submit(PICTURE, b"a")
        for _ in range(TRIES):
            queue.lost(process)
            process = StandInProcess(queue)
            queue.add(process)
        with pytest.raises(RequestRefusedError, match="died over this request"):
            await job.future
        assert names(process) == []

    run(test)


def test_a_process_that_hangs_is_killed():
    async def test():
        queue, (first, second), _ = queue_with(2)
        queue.submit(PICTURE, b"a")
        first.since -= 100
        assert queue.kill_hung(50) == [1]
        assert (first.killed, second.killed) == (True, False)

    run(test)


def test_drained_does_not_wait_for_a_process_that_hangs_longer_than_its_requests():
    async def test():
        queue, _, _ = queue_with()
        jobs = [queue.submit(PICTURE, name) for name in (b"a", b"b", b"c")]
        waiting = asyncio.create_task(queue.drained())
        await asyncio.sleep(0)
        for job in jobs:
            assert not waiting.done()
            queue.expire(job)
        await asyncio.wait_for(waiting, 1)

    run(test)


def test_drained_waits_for_every_answer_and_a_closed_queue_takes_nothing():
    async def test():
        queue, (process,), _ = queue_with()
        queue.submit(PICTURE, b"a")
        waiting = asyncio.create_task(queue.drained())
        await asyncio.sleep(0)
        assert not waiting.done()
        process.answer()
        await waiting
        queue.lost(process)
        await queue.close()
        with pytest.raises(RequestRefusedError) as refused:
            queue.submit(PICTURE, b"b")
        assert refused.value.status == 503

    run(test)
