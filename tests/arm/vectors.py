"""Runs on the device: the golden vectors of the preprocessing, with nothing but the lean install.

Usage: python vectors.py RESULT.json     (the checkout is on the path after the lean install, for tests.golden.format)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from edgecv_runtime.preprocess import Preprocessor

from tests.golden.format import FOLDER, Case, little_endian, read_index, run


def main(result: Path) -> None:
    """Count the cases, and the encoded pictures, that give the expected bits; name those that do not."""
    cases = read_index().cases
    encoded = [case for case in cases if case.picture is not None]
    found = {
        "cases": len(cases),
        "different": [case.name for case in cases if little_endian(run(case)) != expected(case)],
        "pictures": len(encoded),
        "different_pictures": [case.name for case in encoded if little_endian(from_file(case)) != expected(case)],
    }
    result.write_text(json.dumps(found))


def expected(case: Case) -> bytes:
    """The bytes that are asked for."""
    return (FOLDER / case.expected.file).read_bytes()


def from_file(case: Case):
    """The tensor from the encoded picture, decoded on the device."""
    return Preprocessor(case.spec, case.io)(FOLDER / case.picture.file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
