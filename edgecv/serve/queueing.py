"""The queue of one loaded bundle: requests wait for a free worker process, and go together where the artifact can."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from edgecv.serve.process import WorkerProcess
from edgecv.serve.refusals import RequestRefusedError, busy, late, unavailable
from edgecv.serve.wire import PictureTask, Task, TaskDone, TaskFailed, WorkOrder, WorkReport, parts_of

TRIES: Final = 4  # a task that was in so many processes that died is to blame for it
AHEAD: Final = 2  # orders that a process of single samples has at most: one is answered, one is there when it is free
SPAN: Final = 4.0  # milliseconds that an order of single samples may take: fast models would wait for messages else
MOST_TOGETHER: Final = 16
OUTCOMES: Final = {400: "invalid", 413: "too_large"}


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The answer to a task: its record, its bytes, and the milliseconds that it waited."""

    done: TaskDone
    data: bytes
    queue_ms: float


@dataclass(slots=True, eq=False)
class QueuedTask:
    """A task that waits or is under way; `future` gets its `TaskResult`, or a `RequestRefusedError`."""

    task: Task
    data: bytes
    arrived: float
    future: asyncio.Future[TaskResult] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    tries: int = 0

    @property
    def over(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self.future.done()

    def refuse(self, error: RequestRefusedError) -> None:
        """End it with an error."""
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # where nobody waits any more, nobody is to be told that nobody looked


class TaskQueue:
    """The jobs of one loaded bundle, and the processes that take them, first come first served.

    `closed` says that it takes no more.

    Args:
        most: So many jobs may wait; those under way do not count.
        batch: So many pictures go through the model at once.
        measured: Called with every order that was answered: the number of samples of each call of the model.
    """

    def __init__(self, *, most: int, batch: int, measured: Callable[[int], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[QueuedTask] = deque()
        self._workers: list[WorkerProcess] = []
        self._most = most
        self._batch = batch
        self._ahead = AHEAD if batch == 1 else 1
        self._measured = measured
        self._idle = asyncio.Event()
        self._idle.set()
        self._working = SPAN  # milliseconds that a task takes, lately
        self.closed = False

    @property
    def depth(self) -> int:
        """The number of jobs that wait."""
        return len(self._waiting)

    @property
    def workers(self) -> tuple[WorkerProcess, ...]:
        """The processes that take jobs."""
        return tuple(self._workers)

    def add(self, worker: WorkerProcess) -> None:
        """Let a process that is ready take jobs."""
        if self.closed:
            worker.kill()
            return
        self._workers.append(worker)
        self._dispatch()

    def submit(self, task: Task, data: bytes) -> QueuedTask:
        """Hand a task to a free process, or let it wait.

        Raises:
            RequestRefusedError: Too many wait already.
        """
        if self.closed:
            raise unavailable("the server is ending")
        if len(self._waiting) >= self._most:
            raise busy(f"{self._most} requests wait for this model already")
        job = QueuedTask(task, data, self._loop.time())
        self._waiting.append(job)
        self._dispatch()
        return job

    def withdraw(self, job: QueuedTask, error: RequestRefusedError | None = None) -> None:
        """End a job that nobody waits for, or with an error; one that waits frees its place at once."""
        if error is not None:
            job.refuse(error)
        else:
            job.future.cancel()
        with suppress(ValueError):  # it may be under way: then its answer will be dropped
            self._waiting.remove(job)
        self._look_for_the_end()

    def expire(self, job: QueuedTask) -> None:
        """End a job whose deadline has passed."""
        if not job.over:
            self.withdraw(job, late())

    def reported(self, worker: WorkerProcess, report: WorkReport, body: bytes) -> None:
        """Take a process's report on its oldest order."""
        jobs: list[QueuedTask] = worker.orders.popleft()
        self._dispatch()  # before the answers are looked at: the process may be idle
        sizes = [result.size if isinstance(result, TaskDone) else 0 for result in report.results]
        now = self._loop.time()
        for job, result, data in zip(jobs, report.results, parts_of(body, sizes), strict=True):
            if not job.over:
                _settle(job, result, data, now)
        done = [result for result in report.results if isinstance(result, TaskDone)]
        for _ in range(0, len(done), self._batch):
            self._measured(done[0].together)
        for result in done:
            self._working += (_working_ms(result) - self._working) / 16
        self._look_for_the_end()

    def lost(self, worker: WorkerProcess) -> None:
        """Take back what a process that died had not answered; it goes first to the next one."""
        if worker in self._workers:
            self._workers.remove(worker)
        jobs = [job for order in worker.orders for job in order if not job.over]
        worker.orders.clear()
        for job in reversed(jobs):
            job.tries += 1
            if job.tries >= TRIES:
                job.refuse(RequestRefusedError(500, "the worker process died over this request", outcome="failed"))
            else:
                self._waiting.appendleft(job)
        self._dispatch()
        self._look_for_the_end()

    def kill_hung(self, seconds: float) -> list[int]:
        """End processes that have been at one order for longer; the numbers of those."""
        now = self._loop.time()
        hung = [worker for worker in self._workers if worker.orders and now - worker.since > seconds]
        for worker in hung:
            worker.kill()
        return [worker.pid for worker in hung]

    async def drained(self) -> None:
        """Wait until every job that was taken has its answer, or nobody waits for it any more."""
        while self._owes:
            self._idle.clear()
            await self._idle.wait()

    async def close(self) -> None:
        """End the processes; what still waits is refused."""
        self.closed = True
        for job in (*self._waiting, *(job for worker in self._workers for order in worker.orders for job in order)):
            job.refuse(unavailable("the server has ended"))
        self._waiting.clear()
        workers, self._workers = self._workers, []
        await asyncio.gather(*(worker.close() for worker in workers))

    def _dispatch(self) -> None:
        """Hand waiting jobs to the processes with the fewest orders, as long as one has room."""
        while self._waiting and self._workers:
            worker = min(self._workers, key=lambda one: len(one.orders))
            if len(worker.orders) >= self._ahead:
                return
            jobs = self._next()
            worker.submit(WorkOrder(tasks=tuple(job.task for job in jobs)), [job.data for job in jobs], jobs)

    def _next(self) -> list[QueuedTask]:
        """Take the next jobs that go together: as many pictures as a batch has, or are answered in no time."""
        jobs: list[QueuedTask] = []
        most = self._batch if self._batch > 1 else self._quick_ones()
        while self._waiting and len(jobs) < most:
            job = self._waiting[0]
            alone = job.tries > 0 or not isinstance(job.task, PictureTask)  # it may have killed others with it
            if jobs and alone:
                break
            self._waiting.popleft()
            jobs.append(job)
            if alone:
                break
        return jobs

    def _quick_ones(self) -> int:
        """The number of single samples that are answered within `SPAN`, and leave the other processes their share."""
        share = -(-len(self._waiting) // len(self._workers))
        return max(1, min(int(SPAN / max(self._working, SPAN / MOST_TOGETHER)), share))

    def _look_for_the_end(self) -> None:
        if not self._idle.is_set() and not self._owes:
            self._idle.set()

    @property
    def _owes(self) -> bool:
        """Whether somebody waits for an answer."""
        under_way = (job for worker in self._workers for order in worker.orders for job in order)
        return any(not job.over for job in (*self._waiting, *under_way))


def _settle(job: QueuedTask, result: TaskDone | TaskFailed, data: bytes, now: float) -> None:
    if isinstance(result, TaskFailed):
        outcome = OUTCOMES.get(result.status, "failed")
        job.refuse(RequestRefusedError(result.status, result.message, outcome=outcome, hint=result.hint))
        return
    waited = 1e3 * (now - job.arrived) - _working_ms(result)
    job.future.set_result(TaskResult(result, data, max(0.0, waited)))


def _working_ms(result: TaskDone) -> float:
    return result.preprocess_ms + result.inference_ms + result.postprocess_ms
