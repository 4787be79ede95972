"""Decisions that a broken output cannot win: a sample with a NaN or an infinity decides nothing."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.postprocess import Head

NOTHING: Final = -1


def trusted_decisions(output: npt.NDArray[Any], head: Head) -> npt.NDArray[np.int64] | None:
    """Decide each sample, with `NOTHING` (-1) where an output is not finite.

    Args:
        output: (batch, ...) real values.
        head: What the values mean.

    Returns:
        (batch,) class indices or (batch, n) bits, int64; None for regression.
    """
    made = head.decisions(output)
    if made is None:
        return None
    decided = np.array(made, np.int64)
    broken = ~np.isfinite(np.asarray(output, np.float64)).reshape(len(output), -1).all(axis=1)
    decided[broken] = NOTHING
    return decided


def same_rows(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell which samples have equal decisions (all bits of a row): (batch,) bool."""
    count = len(left)
    equal: npt.NDArray[np.bool_] = np.equal(left.reshape(count, -1), right.reshape(count, -1)).all(axis=1)
    return equal
