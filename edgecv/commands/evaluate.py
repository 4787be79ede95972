"""`edgecv evaluate`: the accuracy of a bundle's artifacts on labelled samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from edgecv_runtime import formats
from edgecv_runtime.text import one_of
from rich.box import SIMPLE_HEAD
from rich.table import Table

from edgecv.commands import options as opt
from edgecv.commands.form import takes
from edgecv.prove.evaluate import Evaluation
from edgecv.prove.evaluate import evaluate as run
from edgecv.terminal import words
from edgecv.terminal.console import LiveObserver, show, show_json

WIDEST_MATRIX = 20  # classes; beyond that a confusion matrix is for --json

BundleOrFile = Annotated[
    Path,
    typer.Argument(
        parser=opt.given_path,
        metavar="BUNDLE",
        help="A bundle, or the file of one artifact inside a bundle.",
        show_default=False,
    ),
]
Labelled = Annotated[
    Path,
    typer.Argument(
        parser=opt.given_path,
        metavar="FOLDER|NPZ",
        help="Labelled samples: a folder with a subfolder for each class, or an .npz file.",
        show_default=False,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target", help=f"Run the artifacts of this target: {one_of(formats.KNOWN)}. Default: all.", show_default=False
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        "--precision", help="Run the artifacts of this precision, such as int8. Default: all.", show_default=False
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
    """Measure accuracy on labelled samples: confusion matrix, precision, recall and F1 of every class."""
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
        show_json(results)
    else:
        show(*tables(results))


def tables(results: list[Evaluation]) -> Iterator[Table | str]:
    """For each artifact: the accuracy with its interval, the classes, the confusion matrix."""
    for result in results:
        low, high = result.interval
        yield (
            f"\n{result.artifact}: {words.percent(result.accuracy, 2)} of {result.count} right "
            f"(95 % interval {words.percent(low)} to {words.percent(high)})"
            + (f", {result.skipped} unreadable" if result.skipped else "")
        )
        yield _class_table(result)
        if len(result.labels) <= WIDEST_MATRIX:
            yield _confusion_table(result)


def _class_table(result: Evaluation) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("class")
    for heading in ("samples", "precision", "recall", "F1"):
        table.add_column(heading, justify="right")
    for label, score in zip(result.labels, result.scores.classes, strict=True):
        table.add_row(label, str(score.support), f"{score.precision:.3f}", f"{score.recall:.3f}", f"{score.f1:.3f}")
    scores = result.scores
    table.add_section()
    table.add_row(
        "mean",
        str(result.count),
        f"{scores.macro_precision:.3f}",
        f"{scores.macro_recall:.3f}",
        f"{scores.macro_f1:.3f}",
    )
    return table


def _confusion_table(result: Evaluation) -> Table:
    table = Table(title="true class (rows) taken for (columns)", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for label in result.labels:
        table.add_column(label[:6], justify="right")
    for label, row in zip(result.labels, result.confusion, strict=True):
        table.add_row(label, *(str(count) if count else "·" for count in row))
    return table
