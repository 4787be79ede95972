"""`edgecv demo`: the whole way on scikit-learn's scanned digits, from training to a classified picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from edgecv.commands import options as opt
from edgecv.commands.form import takes

Output = Annotated[
    Path,
    typer.Option("--output", "-o", parser=opt.given_path, metavar="NAME.edgecv", help="The bundle to make."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoArguments:
    """The command line of `edgecv demo`."""

    output: Output = Path("digits.edgecv")
    force: opt.Force = False


app = typer.Typer(add_completion=False)


@app.command()
@takes(DemoArguments)
def demo(given: DemoArguments) -> None:
    """Train a small network on scanned digits, convert it to every target in int8, prove it, and use it."""
    from edgecv.demo import run_demo

    run_demo(given.output, force=given.force)
