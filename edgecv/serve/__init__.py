"""`edgecv serve`: bundles behind an API and a page; `edgecv.serve.app(bundles)` is the ASGI application."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["app"]


def app(bundles: str | Path | Sequence[str | Path], **options: Any) -> Starlette:
    """Return the ASGI application that `edgecv serve` runs, to be mounted in another one or run by any ASGI server.

    Args:
        bundles: Each is NAME.edgecv or NAME.edgecv.zip, with `NAME=` or `NAME@VERSION=` before it where it is to be
            served under another name.
        options: Fields of `edgecv.serve.options.ServiceOptions`, such as `workers=2`.

    Raises:
        UsageError: An option is out of range.
        MissingDependencyError: A package of the extra `serve` is not installed.
    """
    from edgecv.extras import require
    from edgecv.serve.options import ServiceOptions, choices

    require(("starlette", "prometheus_client", "python_multipart"), "serve")
    from edgecv.serve.application import application
    from edgecv.serve.service import Service

    given = [bundles] if isinstance(bundles, str | Path) else bundles
    return application(Service(ServiceOptions(bundles=choices(given), **options)))
