"""The arithmetic that kinds of heads share: activations, the best scores, equal decisions, what is no number."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.errors import BackendError
from edgecv_runtime.schema import Activation

NOT_FINITE: Final = "the model's output is NaN"
ELSEWHERE: Final = "Run edgecv verify, or use another precision"


def activate(rows: np.ndarray, activation: Activation) -> np.ndarray:
    """Apply an activation to (batch, n) float32 values, over the last axis, without overflow.

    It is computed in float64, sums in the order of the values, and rounded to float32 once: the same in every language.
    """
    if activation == "none":
        return rows
    if activation == "softmax":
        powers, total = softmax_parts(rows)
        return np.asarray(powers / total, np.float32, order="C")
    wide = rows.astype(np.float64)
    small = np.exp(-np.abs(wide))
    return np.asarray(np.where(wide >= 0, 1, small) / (1 + small), np.float32)


def softmax_parts(rows: np.ndarray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return exp(value - the row's largest), and the sum of each row, whose quotients are a softmax in float64."""
    powers, total = powers_of(rows.reshape(-1, rows.shape[-1]))
    return powers.T.reshape(rows.shape), total.reshape(*rows.shape[:-1], 1)


def powers_of(rows: np.ndarray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return exp(value - the row's largest) of (n, k) values by columns, (k, n), and the sum of each row, (n,)."""
    powers = rows.T.astype(np.float64, order="C")  # NumPy works on all rows at once along the last axis
    powers -= powers.max(axis=0)
    np.exp(powers, out=powers)
    return powers, sums_in_order(powers)


def sums_in_order(columns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the sums of contiguous (k, n) values over the first axis, each in the order of its values: (n,).

    NumPy adds row after row to all totals; but one column alone is contiguous, and those it adds in pairs.
    """
    return np.asarray(np.add.accumulate(columns)[-1] if columns.shape[1] == 1 else np.add.reduce(columns))


def top_k(values: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of the `count` highest values, highest first, ties by index: (min(count, n),) int64."""
    return np.argsort(-values, kind="stable")[:count]


def same_rows(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which samples have equal decisions (all bits of a row): (batch,) bool."""
    count = len(left)
    equal: npt.NDArray[np.bool_] = np.equal(left.reshape(count, -1), right.reshape(count, -1)).all(axis=1)
    return equal


def check_finite(score: float) -> float:
    """Return the score, unless it is NaN.

    Raises:
        BackendError: It is.
    """
    if score != score:  # noqa: PLR0124 - true of NaN alone, and cheap
        raise BackendError(NOT_FINITE, ELSEWHERE)
    return score
