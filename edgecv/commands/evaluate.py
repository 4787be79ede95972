"""`edgecv evaluate`: how good the answers of a bundle's artifacts are on labelled samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from edgecv_runtime import formats
from edgecv_runtime.heads.words import TextTable
from edgecv_runtime.text import one_of
from rich.box import SIMPLE_HEAD
from rich.table import Table

from edgecv.commands import options as opt
from edgecv.commands.form import takes
from edgecv.prove.evaluate import Evaluation
from edgecv.prove.evaluate import evaluate as run
from edgecv.terminal.console import LiveObserver, show, show_json

BundleOrFile = Annotated[
    Path,
    opt.path_argument("BUNDLE", "A bundle, or the file of one artifact inside a bundle."),
]
Labelled = Annotated[
    Path,
    opt.path_argument(
        "FOLDER|NPZ",
        "Labelled samples: a folder with a subfolder for each class, or an .npz file, which may hold one array of "
        "labels for each head, named like it.",
    ),
]
Target = Annotated[
    str | None,
    opt.option(
        "--target",
        help=f"Run the artifacts of this target: {one_of(formats.KNOWN)}. Default: all.",
    ),
]
Precision = Annotated[
    str | None,
    opt.option(
        "--precision",
        help="Run the artifacts of this precision, such as int8. Default: all.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateArguments:
    """The command line of `edgecv evaluate`."""

    bundle: BundleOrFile
    data: Labelled
    target: Target = None
    precision: Precision = None
    threads: opt.Threads = 1
    as_json: opt.Json = False


app = typer.Typer(add_completion=False)


@app.command()
@takes(EvaluateArguments)
def evaluate(given: EvaluateArguments) -> None:
    """Measure accuracy on labelled samples: precision, recall and F1 of every class or label, errors of numbers."""
    with LiveObserver() as observer:
        results = run(
            given.bundle,
            given.data,
            target=given.target,
            precision=given.precision,
            threads=given.threads,
            observer=observer,
        )
    if given.as_json:
        show_json([result.record() for result in results])
    else:
        show(*tables(results))


def tables(results: list[Evaluation]) -> Iterator[Table | str]:
    """For each head of each artifact: the metric in words, then its tables."""
    several = len({result.head for result in results}) > 1
    for result in results:
        head = f", {result.head}" if several else ""
        skipped = f", {result.skipped} unreadable" if result.skipped else ""
        yield f"\n{result.artifact}{head}: {result.metrics.sentence()}{skipped}"
        for table in result.metrics.tables():
            yield _table(table)


def _table(given: TextTable) -> Table:
    table = Table(title=given.title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(given.headings):
        table.add_column(heading, justify="right" if place else "left")
    for row in given.rows:
        table.add_row(*row)
    if given.total is not None:
        table.add_section()
        table.add_row(*given.total)
    return table
