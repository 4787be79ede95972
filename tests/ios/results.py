"""Let `edgecv bench --import` read what the Swift benchmark wrote: schema, identity and digests are checked.

Usage: python -m tests.ios.results, after the Swift tests have written build/ios/results.
"""

from __future__ import annotations

import sys

from edgecv_runtime.bench.result import read_result

from tests.android.results import imported
from tests.ios.bundles import BUILD

NAMES = ("digits", "digits_int8", "people")


def main() -> int:
    """Check every result; prints what was read."""
    for name in NAMES:
        result = BUILD / "results" / f"{name}.json"
        imported(BUILD / f"{name}.edgecv", result)
        rows = read_result(result).rows
        if not rows or not all(row.total for row in rows):
            raise SystemExit(f"{name}: a row was not measured")
        print(f"{name}: {len(rows)} rows imported")
    return 0


if __name__ == "__main__":
    sys.exit(main())
