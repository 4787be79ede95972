"""A conversion's report for people: `render` gives one self-contained HTML document."""

from edgecv.report.page import render

__all__ = ["render"]
