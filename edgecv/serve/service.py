"""All models of one server, from their loading to their end."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edgecv_converters.isolate import scratch_folder
from edgecv_runtime.errors import UsageError

from edgecv.machine import versions
from edgecv.serve.logs import JsonLog
from edgecv.serve.metrics import ModelMetrics, ServerMetrics
from edgecv.serve.models import ServedModel
from edgecv.serve.options import BundleChoice, ServiceOptions
from edgecv.serve.refusals import unavailable, unknown_model
from edgecv.serve.snapshots import Snapshot

TICK: Final = 1.0  # seconds between looks at whether a bundle has changed
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")


class Service:
    """The models that are served; `start` loads them, `stop` ends them.

    Attributes:
        options: How they are served.
        metrics: What is counted.
        log: Where events go.
        draining: Whether the server is about to end, so that nothing new should come.
    """

    def __init__(self, options: ServiceOptions, log: JsonLog | None = None) -> None:
        self.options = options
        self.version = versions(("edgecv",))["edgecv"]
        self.metrics = ServerMetrics(self.version)
        self.log = log or JsonLog()
        self.draining = False
        self._models: dict[str, dict[str, ServedModel]] = {}
        self._held = contextlib.ExitStack()
        self._ticking: asyncio.Task[None] | None = None
        self._starting: asyncio.Future[None] | None = None
        self._started = False

    @property
    def models(self) -> tuple[ServedModel, ...]:
        """Every version of every model."""
        return tuple(model for versions in self._models.values() for model in versions.values())

    @property
    def begun(self) -> bool:
        """Whether somebody has called `start`."""
        return self._started or self._starting is not None

    @property
    def ready(self) -> bool:
        """Whether every model has proven itself here and can answer."""
        return self._started and not self.draining and all(model.ready for model in self.models)

    async def start(self) -> None:
        """Load all bundles; those who call it meanwhile wait for the same.

        Raises:
            EdgecvError: One cannot be served; nothing is left running then.
            GateError: One does not give its golden answers on this machine.
        """
        if self._started:
            return
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
        starting = self._starting
        try:
            await asyncio.shield(starting)
        finally:
            if starting.done() and self._starting is starting:
                self._starting = None

    async def stop(self) -> None:
        """Answer what was taken, and end every process."""
        self.draining = True
        if self._starting is not None:
            self._starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._starting
        if self._ticking is not None:
            self._ticking.cancel()
        await asyncio.gather(*(model.close() for model in self.models))
        await asyncio.to_thread(self._held.close)
        self._started = False

    def find(self, name: str, version: str | None = None) -> ServedModel:
        """Return a model: that version, or the highest one.

        Raises:
            RequestRefusedError: It is not served, or nothing is loaded yet.
        """
        there = self._models.get(name)
        if there is None and not self._started:
            raise unavailable("the server is still loading")
        if there is None:
            raise unknown_model(f"there is no model {name[:200]!r}")
        if version is None:
            return there[max(there, key=int)]
        if version not in there:
            raise unknown_model(f"{name} has no version {version[:20]!r}")
        return there[version]

    def versions_of(self, name: str) -> Mapping[str, ServedModel]:
        """Return every version of a model."""
        return self._models.get(name, {})

    async def reload(self) -> None:
        """Load every bundle again, changed or not; each that cannot be served leaves the one before it in its place."""
        await asyncio.gather(*(model.reload() for model in self.models))

    async def _start(self) -> None:
        scratch = await asyncio.to_thread(self._held.enter_context, scratch_folder())
        try:
            models = [await self._add(choice, scratch) for choice in self.options.bundles]
            await asyncio.gather(*(model.load(snapshot) for model, snapshot in models))
        except BaseException:
            await asyncio.gather(*(model.close() for model in self.models))
            self._models.clear()
            self._held.close()
            raise
        self._started = True
        self._ticking = asyncio.create_task(self._tick())

    async def _add(self, choice: BundleChoice, scratch: Path) -> tuple[ServedModel, Snapshot]:
        snapshot = await asyncio.to_thread(Snapshot.taken, choice.path, scratch)
        name = choice.name or _NO_NAME.sub("-", snapshot.bundle.manifest.name).strip("-.") or "model"
        there = self._models.setdefault(name, {})
        if choice.version in there:
            raise UsageError(f"{name} has the version {choice.version} twice", "Give each a version of its own")
        version = choice.version or str(max(map(int, there), default=0) + 1)
        metrics = ModelMetrics(self.metrics, name, version)
        model = ServedModel(name, version, choice.path, self.options, scratch, metrics=metrics, log=self.log)
        there[version] = model
        return model, snapshot

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            for model in self.models:
                model.look_after()
