"""`edgecv verify`: a bundle's files and golden cases, checked again on this machine."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from edgecv.commands import options as opt
from edgecv.commands.form import takes


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyArguments:
    """The command line of `edgecv verify`."""

    bundle: opt.BundlePath
    gates: opt.Gates = None
    threads: opt.Threads = 1
    as_json: opt.Json = False


app = typer.Typer(add_completion=False)


@app.command()
@takes(VerifyArguments)
def verify(given: VerifyArguments) -> None:
    """Check a bundle's files, and run its golden cases again on this machine."""
    from edgecv.prove.output import print_verification
    from edgecv.prove.verify import verify as run
    from edgecv.terminal.console import LiveObserver

    with LiveObserver() as observer:
        result = run(given.bundle, gates=tuple(given.gates or ()), threads=given.threads, observer=observer)
    print_verification(result, as_json=given.as_json)
