"""Prepare a bundle's golden pictures here, and compare every bit with the tensors that the bundle holds.

    python examples/golden_cases.py model.edgecv

An app in any language does the same with its own preprocessing: then it gives the model what it was trained on.
"""

from __future__ import annotations

import argparse

import numpy as np
from edgecv_converters.golden import read_golden

import edgecv


def main() -> int:
    """Print one line for each case, and return the exit code: 1 where a bit differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    given = parser.parse_args()

    different = 0
    with edgecv.load(given.bundle) as predictor:
        for case in read_golden(predictor.bundle.root, predictor.manifest.golden):
            (wanted,) = case.inputs.values()  # a classifier of pictures has one input
            found = predictor.prepare(np.asarray(case.image))
            same = found.tobytes() == wanted.tobytes()
            different += not same
            print(f"{case.id}: {'equal in all' if same else 'different in some of'} {found.nbytes * 8} bits")
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main())
