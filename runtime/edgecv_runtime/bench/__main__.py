"""`python -m edgecv_runtime.bench BUNDLE --out FILE`: a benchmark without edgecv's command line, for a device."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.bench.measure import Inputs, measure_bundle
from edgecv_runtime.bench.result import encode_result
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import EdgecvError, UsageError


class TurnLog:
    """Tells on standard error of every turn of another kind, and of every tenth of a phase."""

    def __init__(self) -> None:
        self._said = ""

    def turn(self, phase: str, title: str, done: int, total: int) -> None:
        """Print a line where there is something new."""
        text = f"{phase}: {title}" if phase in {"load", "answer"} else f"{phase}: {10 * done // max(total, 1) * 10} %"
        if text != self._said:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
        self._said = text


def main(words: list[str] | None = None) -> int:
    """Measure, and write the result; the exit code is the error's (docs/bench.md)."""
    parser = argparse.ArgumentParser(prog="python -m edgecv_runtime.bench", description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="the result's JSON")
    parser.add_argument("--options", default="{}", help="what to measure, as JSON (edgecv_runtime.bench.jobs.Options)")
    parser.add_argument("--samples", type=Path, help="a folder of preprocessed inputs, N.npy each, to be answered")
    parser.add_argument("--answers", type=Path, help="where the outputs of every row go")
    given = parser.parse_args(words)
    try:
        _bench(given.bundle, given.options, given.samples, given.answers, given.out)
    except EdgecvError as error:
        sys.stderr.write(f"error: {error.message}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return error.exit_code
    return 0


def _bench(bundle: Path, text: str, samples: Path | None, answers: Path | None, out: Path) -> None:
    try:
        options = msgspec.json.decode(text, type=Options)
    except msgspec.DecodeError as error:
        raise UsageError(f"--options: {error}", f"Known are {', '.join(Options.__struct_fields__)}") from error
    inputs = Inputs(samples={} if samples is None else {"evaluation": samples}, answers=answers)
    with Bundle.load(bundle) as opened:
        out.write_bytes(encode_result(measure_bundle(opened, options, inputs, TurnLog())))


if __name__ == "__main__":
    sys.exit(main())
