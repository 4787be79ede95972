"""The output of a benchmark: what it prints, and the page that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgecv_runtime.bench.result import Result
from edgecv_runtime.errors import EdgecvError
from edgecv_runtime.writing import followed, write_whole

from edgecv.bench.report import render_html, render_markdown, table
from edgecv.terminal.console import note, show, show_json, show_text


def print_results(results: Sequence[Result], *, as_json: bool, markdown: bool, html: Path | None) -> None:
    """Print a table, Markdown or JSON (a list only of several results), and write the page.

    That the numbers are unstable goes to standard error as well, with the first reason.

    Raises:
        EdgecvError: The page cannot be written.
    """
    if html is not None:
        _write(html, render_html(results))
    if as_json:
        show_json(results[0] if len(results) == 1 else list(results))
    elif markdown:
        show_text(render_markdown(results))
    else:
        show(table(results))
    for result in results:
        if not result.stable:
            note(f"The times are not to be relied on: {_unstable(result)}")
        for text in result.notes:
            note(text)


def _unstable(result: Result) -> str:
    more = len(result.unstable) - 1
    first = result.unstable[0] if result.unstable else "the result calls itself unstable"
    return first + (f" (and {more} reason{'s' if more > 1 else ''} more)" if more > 0 else "")


def _write(path: Path, text: str) -> None:
    try:
        write_whole(followed(path), text.encode())
    except OSError as error:
        raise EdgecvError(f"{path} cannot be written: {error.strerror}", "Choose another file for --html") from error
