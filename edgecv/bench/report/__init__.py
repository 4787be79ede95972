"""A benchmark's results for people: HTML, Markdown for a pull request, and a table for the console."""

from edgecv.bench.report.console import table
from edgecv.bench.report.markdown import render_markdown
from edgecv.bench.report.page import render_html

__all__ = ["render_html", "render_markdown", "table"]
