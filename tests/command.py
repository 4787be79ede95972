"""Calls the command line as a person would, in this process."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from dataclasses import dataclass
from unittest.mock import patch


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """stderr on one line, as it reads without the terminal's wrapping."""
        return re.sub(r"\s+", " ", self.err)


def edgecv(*arguments: object) -> Result:
    """`edgecv ARGUMENTS`; the exit code, stdout and stderr."""
    from edgecv.cli import main

    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    code = 0
    with (
        patch.object(sys, "argv", ["edgecv", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as leave:
            code = int(leave.code or 0)
        out.flush()
    return Result(code, out.buffer.getvalue().decode(), err.getvalue())
