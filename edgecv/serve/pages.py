"""The page for people, the description of the API, and the files that they need: nothing comes from elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from edgecv.serve.openapi import description
from edgecv.serve.refusals import RequestRefusedError
from edgecv.serve.service import Service

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "permissions-policy": "camera=(self), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}
KINDS: Final[Mapping[str, str]] = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class Pages:
    """The pages of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        folder = resources.files("edgecv.serve") / "page"
        self._files = {file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith(tuple(KINDS))}

    async def home(self, request: Request) -> Response:
        """Return the page."""
        return self._file(request, "index.html")

    async def docs(self, request: Request) -> Response:
        """Return the page that describes the API."""
        return self._file(request, "docs.html")

    async def static(self, request: Request) -> Response:
        """Return a style sheet or a script of the pages."""
        return self._file(request, request.path_params["file"])

    async def openapi(self, request: Request) -> Response:  # noqa: ARG002 - all endpoints have one form
        """Return the description of the API for programs."""
        return Response(description(self._service.version), media_type="application/json")

    def _file(self, request: Request, name: str) -> Response:
        content = self._files.get(name)
        if content is None:
            raise RequestRefusedError(404, "there is no such file", outcome="unknown")
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = {**HEADERS, "etag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        kind = next(kind for ending, kind in KINDS.items() if name.endswith(ending))
        return Response(content, media_type=kind, headers=headers)
