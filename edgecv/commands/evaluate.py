"""`edgecv evaluate`: how good the answers of a bundle's artifacts are on labelled samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from edgecv_runtime import formats
from edgecv_runtime.text import one_of

from edgecv.commands import options as opt
from edgecv.commands.form import takes

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
    from edgecv.prove.evaluate import evaluate as run
    from edgecv.prove.output import print_evaluations
    from edgecv.terminal.console import LiveObserver

    with LiveObserver() as observer:
        results = run(
            given.bundle,
            given.data,
            target=given.target,
            precision=given.precision,
            threads=given.threads,
            observer=observer,
        )
    print_evaluations(results, as_json=given.as_json)
