"""Command line of the fuzz run: `python -m tests.fuzz [--count N] [--kind NAME] [--seed S]`; see docs/security.md."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.harness import Tally, fuzz

COUNTS = {"manifest": 10_000, "golden": 10_000}  # two documents: 20,000 together
OTHERS = 5_000


def main() -> int:
    """Try the mutations, print how they ended, and give 1 if any ended as none may."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--count", type=int, help="mutations of each kind (default: 10,000 of JSON, 5,000 of others)")
    options.add_argument("--kind", action="append", help="only this kind; repeat for several")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--first", type=int, default=0, help="the number of the first mutation, to run one again")
    options.add_argument("--verbose", action="store_true", help="print the whole text of every example")
    given = options.parse_args()
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    with tempfile.TemporaryDirectory(prefix="edgecv-fuzz-") as scratch:
        from tests.fuzz.seeds import subjects

        (Path(scratch) / "seeds").mkdir()
        kinds = subjects(Path(scratch) / "seeds")
        bad = 0
        for name in given.kind or kinds:
            work = Path(scratch) / name
            work.mkdir()
            count = given.count or COUNTS.get(name, OTHERS)
            began = time.monotonic()
            tally = fuzz(kinds[name], range(given.first, given.first + count), given.seed, work, _progress)
            bad += tally.bad
            _print(tally, time.monotonic() - began, verbose=given.verbose)
    return int(bad > 0)


def _progress(tally: Tally) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{tally.name}: {sum(tally.ends.values())} tried, {tally.bad} bad ")


def _print(tally: Tally, seconds: float, *, verbose: bool) -> None:
    ends = ", ".join(f"{count} {end}" for end, count in sorted(tally.ends.items()))
    print(f"{tally.name}: {sum(tally.ends.values())} mutations in {seconds:.0f} s: {ends}", flush=True)
    for kind, (number, text) in list(tally.examples.items())[:40]:
        print(f"  {kind[:200]}  (--kind {tally.name} --first {number} --count 1)")
        if verbose:
            print(text)


if __name__ == "__main__":
    raise SystemExit(main())
