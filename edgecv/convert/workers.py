"""The worker processes of one conversion: started, waited for, and followed up when they end."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar

from edgecv_converters.isolate import Job, WorkerLimits, WorkerPool
from edgecv_converters.isolate.store import POLL_SECONDS, Key, ObjectStore
from edgecv_runtime.errors import ConversionError

from edgecv.terminal.observer import Observer

T = TypeVar("T")


@dataclass(slots=True)
class Workers:
    """Starts worker processes and calls what follows each one, in the order in which they end.

    Attributes:
        pool: Runs the functions.
        limits: What each worker may use.
        observer: Is told of every job.
        model_bytes: The size of the source model, of which the memory that workers need is estimated.
        seconds: How long each job that ended took, by its name.
    """

    pool: WorkerPool
    limits: WorkerLimits
    observer: Observer
    model_bytes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    _pending: dict[Future[Any], tuple[Job, Callable[[Job], None]]] = field(default_factory=dict)

    @property
    def store(self) -> ObjectStore:
        """The store in which the workers hand objects to each other."""
        return self.pool.store

    def submit(
        self, name: str, done: Callable[[Job], None], function: Callable[..., Any], *, times: float, **arguments: Any
    ) -> Job:
        """Queue `function(**arguments)`; `done` is called with the job by `finish`, once it has ended.

        Args:
            name: What it is called.
            done: Called with the job.
            function: What runs, in a process of its own.
            times: It takes so many times the size of the source model of memory.
            **arguments: What it is called with.
        """
        job = self.pool.submit(name, function, self.limits, needs=int(times * self.model_bytes), **arguments)
        self._pending[job.future] = job, done
        self.observer.job(job)
        return job

    def wait_for(self, key: Key[T], job: Job) -> T:
        """Wait for an object that `job` puts into the store, and return it.

        Raises:
            EdgecvError: The job ended in this error, without the object.
        """
        while not self.store.has(key):
            if job.future.done():
                job.result()
                if not self.store.has(key):
                    raise ConversionError(f"{job.name} ended without its {key.name}")
            time.sleep(POLL_SECONDS)
        return self.store.get(key)

    def finish(self) -> None:
        """Wait until every job has ended, those included that another one's end has started."""
        while self._pending:
            ended, _ = wait(self._pending, return_when=FIRST_COMPLETED)
            for future in ended:
                job, done = self._pending.pop(future)
                done(job)
                self.seconds[job.name] = round(job.seconds, 3)
