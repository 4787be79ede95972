"""The endpoints that answer: pictures, and tensors of the Open Inference Protocol v2."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from edgecv_runtime.schema import TensorSpec
from starlette.requests import Request
from starlette.responses import Response

from edgecv.run.colors import PALETTE
from edgecv.serve.gateway import error_response
from edgecv.serve.intake import HeldBytes, fetch_picture, form_pictures, read_body
from edgecv.serve.models import LoadedBundle, ServedModel
from edgecv.serve.options import MIB
from edgecv.serve.queueing import QueuedTask, TaskQueue, TaskResult
from edgecv.serve.refusals import RequestRefusedError, invalid, late
from edgecv.serve.service import Service
from edgecv.serve.tensors import NAMES
from edgecv.serve.wire import PictureTask, Task, TensorTask

JSON: Final = "application/json"
HEADER_LENGTH: Final = "inference-header-content-length"
EXTENSIONS: Final = ("binary_tensor_data", "classification", "statistics")
MOST_CLASSES: Final = 1000
SOON: Final = 0.02  # seconds in which most answers come: until then nobody needs to look whether the client has gone
_YES: Final = frozenset({"1", "true", "yes"})
_MILLISECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")


class Endpoints:
    """The endpoints of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._limits = service.options.limits
        self._held = HeldBytes(self._limits.held * MIB)

    async def live(self, request: Request) -> Response:  # noqa: ARG002 - all endpoints have one form
        """Tell that the process runs."""
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:  # noqa: ARG002
        """Tell whether every model has given its golden answers on this machine, and can answer."""
        ready = self._service.ready
        return _json({"ready": ready}, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:  # noqa: ARG002
        """Return all metrics for Prometheus."""
        return Response(self._service.metrics.exposition(), media_type="text/plain; version=0.0.4")

    async def server(self, request: Request) -> Response:  # noqa: ARG002
        """Describe the server, as the protocol has it."""
        return _json({"name": "edgecv", "version": self._service.version, "extensions": EXTENSIONS})

    async def models(self, request: Request) -> Response:  # noqa: ARG002
        """List the models with what the page shows of them."""
        return _json({"models": [self._about(model) for model in self._service.models], "palette": PALETTE})

    async def model_ready(self, request: Request) -> Response:
        """Tell whether a model can answer."""
        ready = self._model(request).ready
        return _json({"ready": ready}, 200 if ready else 503)

    async def model(self, request: Request) -> Response:
        """Describe a model's tensors, as the protocol has it."""
        model = self._model(request)
        manifest = model.loaded.manifest
        return _json(
            {
                "name": model.name,
                "versions": [*self._service.versions_of(model.name)],
                "platform": f"edgecv_{model.loaded.ready.artifact.partition('/')[0]}",
                "inputs": [_tensor(spec) for spec in manifest.inputs],
                "outputs": [{**_tensor(spec), "datatype": "FP32"} for spec in manifest.outputs],
            }
        )

    async def statistics(self, request: Request) -> Response:
        """Return the counts of a model, or of all, as the protocol has it."""
        models: Sequence[ServedModel] = self._service.models
        if "name" in request.path_params:
            only = self._model(request)
            named = "version" in request.path_params
            models = [only] if named else [*self._service.versions_of(only.name).values()]
        return _json({"model_stats": [one.metrics.statistics.record(one.name, one.version) for one in models]})

    async def report(self, request: Request) -> Response:
        """Return the report of a model's bundle as a page on which no script runs."""
        path = self._model(request).loaded.snapshot.bundle.root / "report.html"
        if not path.is_file() or path.is_symlink():
            raise RequestRefusedError(404, "the bundle has no report", outcome="unknown")
        policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
        content = await asyncio.to_thread(path.read_bytes)
        return Response(content, media_type="text/html", headers={"content-security-policy": policy})

    async def predict(self, request: Request) -> Response:
        """Answer one picture, or several of a form."""
        model = self._model(request)
        return await self._counted(model, self._predict(request, model))

    async def infer(self, request: Request) -> Response:
        """Answer tensors, as the protocol has it."""
        model = self._model(request)
        return await self._counted(model, self._infer(request, model))

    def _model(self, request: Request) -> ServedModel:
        return self._service.find(request.path_params["name"], request.path_params.get("version"))

    async def _counted(self, model: ServedModel, work: Any) -> Response:
        try:
            response: Response = await work
        except RequestRefusedError as error:
            model.metrics.outcome(error.outcome)
            return error_response(error)
        except asyncio.CancelledError:
            model.metrics.outcome("cancelled")
            raise
        model.metrics.outcome("ok")
        return response

    async def _predict(self, request: Request, model: ServedModel) -> Response:
        deadline = self._deadline(request)
        query = request.query_params
        top = _whole(query.get("top"), self._service.options.top, MOST_CLASSES)
        drawing = query.get("drawing", "").lower() in _YES
        with self._held.share() as share:
            body = await read_body(request, self._limits, share, deadline)
            pictures, one = await self._pictures(request, body, deadline)
            loaded = model.loaded
            tasks = [PictureTask(size=len(picture), top=top, drawing=drawing) for picture in pictures]
            answers = await self._answers(request, loaded.queue, tasks, pictures, deadline)
        head = _head(model, loaded)
        if one:
            if isinstance(answers[0], RequestRefusedError):
                raise answers[0]
            model.metrics.answered(answers[0])
            return Response(head + _body(answers[0]), media_type=JSON)
        return Response(head + b'"predictions":[' + b",".join(self._each(model, answers)) + b"]}", media_type=JSON)

    def _each(self, model: ServedModel, answers: Sequence[TaskResult | RequestRefusedError]) -> list[bytes]:
        """Every picture's answer, or its error; where none has an answer, the first error is that of the request."""
        failed = [answer for answer in answers if isinstance(answer, RequestRefusedError)]
        if len(failed) == len(answers):
            raise failed[0]
        parts = []
        for answer in answers:
            if isinstance(answer, RequestRefusedError):
                parts.append(msgspec.json.encode({"error": answer.message, "status": answer.status}))
            else:
                model.metrics.answered(answer)
                parts.append(b"{" + _body(answer))
        return parts

    async def _pictures(self, request: Request, body: bytes, deadline: float) -> tuple[list[bytes], bool]:
        """The pictures of a request, and whether it is about a single one."""
        kind = request.headers.get("content-type", "")
        if kind.startswith("multipart/form-data"):
            files = form_pictures(kind, body, self._limits)
            return files, len(files) == 1
        if kind.startswith(JSON):
            allowed = self._service.options.allow_urls
            if not allowed:
                raise RequestRefusedError(
                    403, "pictures are not fetched from addresses here", outcome="forbidden", hint="Send the picture"
                )
            trace = request.state.trace
            headers = {"traceparent": trace} if trace else {}
            return [await fetch_picture(body, allowed, self._limits, headers, deadline)], True
        if not body:
            raise invalid("there is no picture in the request", "Send one as the body, or as a file of a form")
        return [body], True

    async def _infer(self, request: Request, model: ServedModel) -> Response:
        deadline = self._deadline(request)
        with self._held.share() as share:
            body = await read_body(request, self._limits, share, deadline)
            loaded = model.loaded
            json_size = _whole(request.headers.get(HEADER_LENGTH), len(body), len(body), least=0)
            task = TensorTask(size=len(body), json_size=json_size)
            (answer,) = await self._answers(request, loaded.queue, [task], [body], deadline)
        if isinstance(answer, RequestRefusedError):
            raise answer
        model.metrics.answered(answer)
        size, data = answer.done.json_size, answer.data
        named = msgspec.json.encode({"model_name": model.name, "model_version": model.version})
        content = named[:-1] + b"," + data[1:]
        if size == len(data):
            return Response(content, media_type=JSON)
        length = size + len(content) - len(data)
        return Response(content, media_type="application/octet-stream", headers={HEADER_LENGTH: str(length)})

    def _deadline(self, request: Request) -> float:
        """Until when there must be an answer: the server's time, or less where the client says so."""
        now = asyncio.get_running_loop().time()
        given = request.headers.get("x-deadline-ms")
        if given is None:
            return now + self._limits.deadline
        if not _MILLISECONDS.fullmatch(given):
            raise invalid("X-Deadline-Ms must be a number of milliseconds")
        return now + min(self._limits.deadline, float(given) / 1e3)

    async def _answers(
        self, request: Request, queue: TaskQueue, tasks: Sequence[Task], data: Sequence[bytes], deadline: float
    ) -> list[TaskResult | RequestRefusedError]:
        """Wait for the answers to tasks, until the deadline passes or the client goes."""
        loop = asyncio.get_running_loop()
        if loop.time() >= deadline:
            raise late()
        jobs: list[QueuedTask] = []
        watching: list[asyncio.Task[None]] = []

        def watch() -> None:
            watching.append(loop.create_task(_gone(request)))
            watching[0].add_done_callback(lambda done: None if done.cancelled() else _withdraw(queue, jobs))

        timers = [loop.call_at(deadline, _expire, queue, jobs), loop.call_later(SOON, watch)]
        try:
            for task, part in zip(tasks, data, strict=True):
                jobs.append(queue.submit(task, part))
            return [await _settled(job) for job in jobs]
        finally:
            for timer in timers:
                timer.cancel()
            for looking in watching:
                looking.cancel()
            _withdraw(queue, jobs)

    def _about(self, model: ServedModel) -> dict[str, Any]:
        about: dict[str, Any] = {"name": model.name, "version": model.version, "ready": model.ready}
        with suppress(RequestRefusedError):
            loaded = model.loaded
            manifest = loaded.manifest
            about |= {
                "identity": manifest.identity,
                "artifact": loaded.ready.artifact,
                "runtime": loaded.ready.runtime,
                "pictures": [spec.kind for spec in manifest.preprocess.values()] == ["image"],
                "heads": [
                    {"name": head.name, "kind": head.kind, "title": head.title or head.name} for head in manifest.heads
                ],
                "report": (loaded.snapshot.bundle.root / "report.html").is_file(),
            }
        return about


async def _settled(job: QueuedTask) -> TaskResult | RequestRefusedError:
    try:
        return await job.future
    except RequestRefusedError as error:
        return error
    except asyncio.CancelledError:
        if job.future.cancelled() and not _is_cancelled():
            return RequestRefusedError(499, "the client has gone", outcome="cancelled")
        raise


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _gone(request: Request) -> None:
    """Wait until the client closes the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _expire(queue: TaskQueue, jobs: Sequence[QueuedTask]) -> None:
    for job in jobs:
        queue.expire(job)


def _withdraw(queue: TaskQueue, jobs: Sequence[QueuedTask]) -> None:
    for job in jobs:
        if not job.over:
            queue.withdraw(job)


def _whole(text: str | None, default: int, most: int, *, least: int = 1) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 12 or not least <= int(text) <= most:
        raise invalid(f"{text[:20]!r} must be a whole number from {least} to {most}")
    return int(text)


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": NAMES[spec.dtype], "shape": (-1, *spec.shape[1:])}


def _head(model: ServedModel, loaded: LoadedBundle) -> bytes:
    """The beginning of a JSON object: what answered."""
    record = {
        "model": model.name,
        "version": model.version,
        "identity": loaded.manifest.identity,
        "artifact": loaded.ready.artifact,
        "runtime": loaded.ready.runtime,
    }
    return msgspec.json.encode(record)[:-1] + b","


def _body(answer: TaskResult) -> bytes:
    """The rest of a JSON object: how long it waited, and the answer as the worker wrote it."""
    return b'"queue_ms":%.3f,' % answer.queue_ms + answer.data[1:]


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type=JSON)
