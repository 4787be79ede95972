"""The frozen graph as a target's converter takes it, with or without one of the target's passes."""

from __future__ import annotations

from types import ModuleType

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.passes import runner as run
from edgecv_converters.targets import find


def canonical(frozen: FrozenGraph, target: str, *, without: ModuleType | None = None) -> FrozenGraph:
    """Return the graph after the passes of a target, but for the pass of one module."""
    left_out = None if without is None else without.rewrite
    return run.canonical(frozen, tuple(rewrite for rewrite in find(target).passes if rewrite is not left_out))
