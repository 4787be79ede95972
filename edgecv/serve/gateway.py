"""The layer that every request passes: identity and trace, who may call, the log, and the form of errors."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from edgecv_runtime.errors import EdgecvError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edgecv.serve.keys import ApiKeys
from edgecv.serve.refusals import RequestRefusedError, unavailable
from edgecv.serve.service import Service

# Without a key: nothing there is secret.
OPEN: Final = (
    "/livez",
    "/readyz",
    "/v2/health/live",
    "/v2/health/ready",
    "/",
    "/docs",
    "/openapi.json",
)
STATIC: Final = "/static/"
LOCAL: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACE: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class Gateway:
    """The outermost layer of the application; without `keys` anybody may call it."""

    def __init__(self, app: ASGIApp, service: Service, keys: ApiKeys | None) -> None:
        self._app = app
        self._service = service
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless it may not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = Headers(scope=scope)
        identity, trace = request_identity(headers)
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["request_id"], state["trace"] = identity, trace
        status = 500

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = MutableHeaders(raw=message["headers"])
                more["x-request-id"] = identity
                if trace is not None:
                    more["traceparent"] = trace
                if self._service.draining:
                    more["connection"] = "close"
            await send(message)

        try:
            refusal = self._refusal(scope, headers) or await self._not_started(scope)
            if refusal is not None:
                await error_response(refusal)(scope, receive, answered)
            else:
                await self._app(scope, receive, answered)
        finally:
            if self._service.options.access_log:
                self._log(scope, state, status, began)

    def _refusal(self, scope: Scope, headers: Headers) -> RequestRefusedError | None:
        """Return the reason why a request may not be answered, or None."""
        if self._service.options.local_only and _host(headers) not in LOCAL:
            # A page elsewhere may lead its own name to this machine, and call what only this machine should.
            return RequestRefusedError(403, "this server answers calls to localhost only", outcome="forbidden")
        path = _path(scope)
        if self._keys is None or path in OPEN or path.startswith(STATIC) or scope["method"] == "OPTIONS":
            return None
        if self._keys.admit(headers):
            return None
        return RequestRefusedError(
            401,
            "a key is needed",
            outcome="unauthorized",
            hint="Send it as Authorization: Bearer KEY, or as X-API-Key",
            headers={"www-authenticate": "Bearer"},
        )

    async def _not_started(self, scope: Scope) -> RequestRefusedError | None:
        """Load the bundles where nobody has: an application inside another one is not told of its beginning."""
        if self._service.begun or _path(scope) in OPEN:
            return None
        try:
            await self._service.start()
        except EdgecvError as error:
            return unavailable(error.message)
        return None

    def _log(self, scope: Scope, state: MutableMapping[str, Any], status: int, began: float) -> None:
        trace = state["trace"]
        more = {"trace_id": trace.split("-")[1]} if trace else {}
        self._service.log(
            "error" if status >= 500 else "info",
            "request",
            request_id=state["request_id"],
            method=scope["method"],
            path=scope["path"],
            status=status,
            milliseconds=round(1e3 * (time.perf_counter() - began), 3),
            **more,
        )


def request_identity(headers: Headers) -> tuple[str, str | None]:
    """Return a request's own identity, or a new one, and its W3C traceparent where it has one that is valid."""
    given = headers.get("x-request-id", "")
    trace = headers.get("traceparent", "")
    return given if _ID.fullmatch(given) else secrets.token_hex(8), trace if _TRACE.fullmatch(trace) else None


def error_response(error: RequestRefusedError) -> Response:
    """Return an error in the protocol's form, with a hint where there is one."""
    body = {"error": error.message, **({"hint": error.hint} if error.hint else {})}
    return Response(msgspec.json.encode(body), error.status, headers=error.headers, media_type="application/json")


async def refused(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the signature is Starlette's
    """Answer a request that was refused."""
    assert isinstance(error, RequestRefusedError)
    return error_response(error)


async def not_found(request: Request, error: Exception) -> Response:
    """Answer what the router has no place or method for."""
    assert isinstance(error, HTTPException)
    words = HTTPStatus(error.status_code).phrase.lower()
    told = RequestRefusedError(
        error.status_code,
        f"{request.method} {request.url.path[:200]}: {words}",
        outcome="unknown",
        headers=error.headers,
    )
    return error_response(told)


def _path(scope: Scope) -> str:
    """The path inside this application, which may be a part of another one."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _host(headers: Headers) -> str:
    host = headers.get("host", "")
    return host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
