"""The output of `edgecv prune` when it is done."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from edgecv.compress.page import headline, size_words
from edgecv.compress.result import Pruned
from edgecv.terminal.console import note, show, show_json

HEADINGS = ("multiply-adds", "parameters", "zipped", "zeros", "accuracy")


def print_pruned(made: Pruned, *, as_json: bool) -> None:
    """Print what was made, and where."""
    if as_json:
        show_json(made)
    else:
        show(
            headline(made.report),
            _table(made),
            f"model:  {made.path}",
            f"report: {made.report_path}",
        )
    for item in made.report.untouched:
        note(f"{item.layer} ({item.kind}) was left as it is: {item.reason}")
    for text in made.report.notes:
        note(text)


def _table(made: Pruned) -> Table:
    report = made.report
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for name, size in (("before", report.before), ("after", report.after)):
        table.add_row(name, *size_words(size))
    return table
