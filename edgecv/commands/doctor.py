"""`edgecv doctor`: what is installed here, and what each target needs."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from edgecv.commands import options as opt
from edgecv.commands.form import takes


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorArguments:
    """The command line of `edgecv doctor`."""

    as_json: opt.Json = False


app = typer.Typer(add_completion=False)


@app.command()
@takes(DoctorArguments)
def doctor(given: DoctorArguments) -> None:
    """Show what is installed, what each target needs, and the line that installs it."""
    from edgecv.doctor import examine, table
    from edgecv.terminal.console import show, show_json

    checks = examine()
    if given.as_json:
        show_json(checks)
    else:
        show(table(checks))
