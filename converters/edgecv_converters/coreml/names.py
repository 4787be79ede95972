"""Names as Core ML writes them."""

from __future__ import annotations

import re
from collections.abc import Collection

from edgecv_converters.graph.frozen import Endpoint


def identifier(name: str) -> str:
    """A name as Core ML writes it: letters, digits and underscores, no digit first."""
    cleaned = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{cleaned}" if cleaned[:1].isdigit() else cleaned


def feature_of(endpoint: Endpoint, present: Collection[str]) -> str | None:
    """Find an input's or output's name among those that are present: the source's, or the graph's."""
    return next((name for name in (identifier(endpoint.name), identifier(endpoint.node)) if name in present), None)
