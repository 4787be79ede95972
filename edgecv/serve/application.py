"""The ASGI application of a service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edgecv.serve.endpoints import Endpoints
from edgecv.serve.gateway import Gateway, error_response, not_found, refused
from edgecv.serve.keys import ApiKeys
from edgecv.serve.pages import Pages
from edgecv.serve.refusals import RequestRefusedError
from edgecv.serve.service import Service

CORS_HEADERS: Final = ("authorization", "content-type", "x-api-key", "x-deadline-ms", "x-request-id", "traceparent")
Endpoint = Callable[[Request], Awaitable[Response]]


def application(service: Service) -> Starlette:
    """Return the application; it starts the service with its lifespan, or with its first request where it has none.

    Raises:
        UsageError: The file of keys cannot be used.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    path = service.options.api_key_file
    middleware = [Middleware(Gateway, service=service, keys=None if path is None else ApiKeys(path))]
    if service.options.cors:
        allowed = [*service.options.cors]
        exposed = ["x-request-id", "retry-after"]
        cors = Middleware(
            CORSMiddleware,
            allow_origins=allowed,
            allow_headers=CORS_HEADERS,
            allow_methods=["GET", "POST"],
            expose_headers=exposed,
        )
        middleware.insert(0, cors)
    made = Starlette(
        routes=_routes(service),
        middleware=middleware,
        lifespan=lifespan,
        exception_handlers={RequestRefusedError: refused, HTTPException: not_found, Exception: _broken},
    )
    made.state.service = service  # whoever mounts the application ends it with `app.state.service.stop()`
    return made


def _routes(service: Service) -> list[Route]:
    endpoints, pages = Endpoints(service), Pages(service)
    routes = []

    def add(path: str, endpoint: Endpoint, method: str = "GET") -> None:
        routes.append(Route(path, endpoint, methods=[method]))

    models = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
    for model in models:  # the first routes are found first
        add(f"{model}/predict", endpoints.predict, "POST")
        add(f"{model}/infer", endpoints.infer, "POST")
    add("/v2/models/stats", endpoints.statistics)
    for model in models:
        add(f"{model}/ready", endpoints.model_ready)
        add(f"{model}/stats", endpoints.statistics)
        add(f"{model}/report", endpoints.report)
        add(model, endpoints.model)
    add("/v2/models", endpoints.models)
    add("/v2", endpoints.server)
    add("/v2/health/live", endpoints.live)
    add("/v2/health/ready", endpoints.ready)
    add("/livez", endpoints.live)
    add("/readyz", endpoints.ready)
    add("/metrics", endpoints.metrics)
    add("/openapi.json", pages.openapi)
    add("/docs", pages.docs)
    add("/static/{file}", pages.static)
    add("/", pages.home)
    return routes


async def _broken(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the signature is Starlette's
    """Answer a request that met a bug, without a word of where it lies; the log has the traceback."""
    return error_response(RequestRefusedError(500, "this is a bug in edgecv", outcome="failed"))
