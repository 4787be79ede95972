"""Rewrites of the frozen graph to the form that one target's converter takes, each in its own file."""

from edgecv_converters.graph.passes.run import PASSES, canonical

__all__ = ["PASSES", "canonical"]
