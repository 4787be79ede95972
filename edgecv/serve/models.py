"""The models that are served: each is loaded, watched, replaced without losing a request, and kept alive."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgecv_runtime.errors import EdgecvError, GateError
from edgecv_runtime.heads.kinds import heads_of
from edgecv_runtime.heads.thresholds import read_thresholds
from edgecv_runtime.schema import Manifest

from edgecv.serve.logs import JsonLog
from edgecv.serve.metrics import ModelMetrics
from edgecv.serve.options import ServiceOptions
from edgecv.serve.process import WorkerProcess
from edgecv.serve.queueing import TaskQueue
from edgecv.serve.refusals import unavailable
from edgecv.serve.snapshots import Snapshot, Stamp, stamp
from edgecv.serve.wire import WorkerReady, WorkerSetup, WorkReport

FIRST_WAIT, LONGEST_WAIT = 0.1, 30.0  # seconds until a process that cannot start is tried again
HUNG: Final = 30.0  # seconds over its deadline after which an order's process counts as hung
PIXELS: Final = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class LoadedBundle:
    """One state of a bundle, loaded by its worker processes.

    Attributes:
        snapshot: The files.
        setup: What each of its processes opens.
        ready: What the first process said of itself.
        queue: Where requests go.
    """

    snapshot: Snapshot
    setup: WorkerSetup
    ready: WorkerReady
    queue: TaskQueue

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest."""
        return self.snapshot.bundle.manifest

    async def close(self) -> None:
        """End its processes and remove its files."""
        await self.queue.close()
        await asyncio.to_thread(self.snapshot.remove)


class ServedModel:
    """One version of one model.

    Args:
        name, version: What it is served under.
        path: The bundle.
        options: How it is served.
        scratch: Where copies of the bundle go.
        metrics, log: Where its counts and its events go.
    """

    def __init__(
        self,
        name: str,
        version: str,
        path: Path,
        options: ServiceOptions,
        scratch: Path,
        *,
        metrics: ModelMetrics,
        log: JsonLog,
    ) -> None:
        self.name = name
        self.version = version
        self.metrics = metrics
        self._path = path
        self._options = options
        self._scratch = scratch
        self._log = log
        self._loaded: LoadedBundle | None = None
        self._stamp: Stamp | None = None
        self._changing = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> bool:
        """Whether a process is there that has proven the bundle."""
        return self._loaded is not None and bool(self._loaded.queue.workers)

    @property
    def loaded(self) -> LoadedBundle:
        """The bundle that answers now.

        Raises:
            RequestRefusedError: None is loaded yet.
        """
        if self._loaded is None:
            raise unavailable(f"{self.name} is not loaded yet")
        return self._loaded

    @property
    def changed(self) -> bool:
        """Whether the bundle on disk is another one than was last looked at."""
        found = stamp(self._path)
        return found is not None and found != self._stamp

    async def load(self, snapshot: Snapshot | None = None) -> None:
        """Load the bundle as it is now; the one before it answers until then, and finishes what it has begun.

        Raises:
            EdgecvError: It cannot be served here; nothing has changed then.
            GateError: It does not give its golden answers on this machine.
        """
        async with self._changing:
            self._stamp = stamp(self._path) if snapshot is None else snapshot.stamp
            if snapshot is None:
                snapshot = await asyncio.to_thread(Snapshot.taken, self._path, self._scratch)
            try:
                loaded = await self._started(snapshot)
            except BaseException:
                snapshot.remove()
                raise
            before, self._loaded = self._loaded, loaded
        self.metrics.serving(loaded.manifest.identity, loaded.ready.artifact, loaded.ready.runtime)
        self._log("info", "loaded", **self._labels, identity=loaded.manifest.identity, answers=loaded.ready.artifact)
        if before is not None:
            self._spawn(self._retire(before))

    async def reload(self) -> None:
        """Load the bundle again; where it cannot be served, the one that is loaded stays, and the log says why."""
        try:
            await self.load()
        except EdgecvError as error:
            outcome = "failed_golden" if isinstance(error, GateError) else "unusable"
            self.metrics.reloaded(outcome)
            self._log("error", "reload_refused", **self._labels, message=error.message, hint=error.hint)
        else:
            self.metrics.reloaded("swapped")

    def look_after(self) -> None:
        """Do what is to be done every second: load what has changed, end what hangs, and say how it stands."""
        if self._loaded is None:
            return
        if self._options.watch and self.changed and not self._changing.locked():
            self._spawn(self.reload())
        queue = self._loaded.queue
        for pid in queue.kill_hung(self._options.limits.deadline + HUNG):
            self._log("error", "worker_hung", **self._labels, worker=pid)
        self._tell_state(queue)

    async def close(self) -> None:
        """Finish what was taken, and end."""
        if self._loaded is not None:
            await self._loaded.queue.drained()
        tasks = list(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._loaded is not None:
            loaded, self._loaded = self._loaded, None
            await loaded.close()

    @property
    def _labels(self) -> dict[str, str]:
        return {"model": self.name, "version": self.version}

    async def _started(self, snapshot: Snapshot) -> LoadedBundle:
        options = self._options
        heads = heads_of(snapshot.bundle.manifest)
        setup = WorkerSetup(
            root=str(snapshot.bundle.root.absolute()),
            target=options.target,
            precision=options.precision,
            backend=options.backend,
            threads=options.threads,
            thresholds=read_thresholds(options.thresholds, heads) if options.thresholds else None,
            gates=options.gates,
            most_pixels=int(options.limits.pixels * PIXELS),
        )
        reports: list[TaskQueue] = []

        def reported(worker: WorkerProcess, report: WorkReport, body: bytes) -> None:
            reports[0].reported(worker, report, body)

        starting = [WorkerProcess.started(setup, reported) for _ in range(options.worker_count)]
        results = await asyncio.gather(*starting, return_exceptions=True)
        started = [result for result in results if not isinstance(result, BaseException)]
        errors = [result for result in results if isinstance(result, BaseException)]
        if errors:
            await asyncio.gather(*(worker.close() for worker, _ in started))
            raise errors[0]
        ready = started[0][1]
        queue = TaskQueue(most=options.limits.queue, batch=ready.batch, measured=self.metrics.batch)
        reports.append(queue)
        loaded = LoadedBundle(snapshot, setup, ready, queue)
        for worker, _ in started:
            self._let_work(loaded, worker)
        return loaded

    def _let_work(self, loaded: LoadedBundle, worker: WorkerProcess) -> None:
        worker.ended = lambda ended: self._lost(loaded, ended)
        loaded.queue.add(worker)
        self._tell_state(loaded.queue)

    def _lost(self, loaded: LoadedBundle, worker: WorkerProcess) -> None:
        loaded.queue.lost(worker)
        self.metrics.restarted()
        self._tell_state(loaded.queue)
        self._spawn(self._replace(loaded, worker))

    async def _replace(self, loaded: LoadedBundle, worker: WorkerProcess) -> None:
        """Start another process in the place of one that died, however often it takes."""
        self._log("error", "worker_lost", **self._labels, worker=worker.pid, reason=await worker.post_mortem())
        wait = FIRST_WAIT
        while not loaded.queue.closed:
            try:
                new, _ = await WorkerProcess.started(loaded.setup, loaded.queue.reported)
            except (EdgecvError, OSError) as error:
                self._log("error", "worker_not_started", **self._labels, message=str(error))
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                self._let_work(loaded, new)
                return

    def _tell_state(self, queue: TaskQueue) -> None:
        if self._loaded is None or queue is self._loaded.queue:
            self.metrics.state(queue.depth, len(queue.workers))

    async def _retire(self, loaded: LoadedBundle) -> None:
        await loaded.queue.drained()
        await loaded.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
