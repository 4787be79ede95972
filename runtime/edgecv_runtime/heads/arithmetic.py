"""The arithmetic that kinds of heads share: activations, the best scores, equal decisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_runtime.schema import Activation


def activate(rows: np.ndarray, activation: Activation) -> np.ndarray:
    """Apply an activation to (batch, n) float32 values, over the last axis, without overflow.

    It is computed in float64, sums in the order of the values, and rounded to float32 once: the same in every language.
    """
    if activation == "none":
        return rows
    wide = rows.astype(np.float64)
    if activation == "softmax":
        powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
        total = np.add.accumulate(powers, axis=-1)[..., -1:]
        return np.asarray(powers / total, np.float32)
    small = np.exp(-np.abs(wide))
    return np.asarray(np.where(wide >= 0, 1, small) / (1 + small), np.float32)


def top_k(values: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of the `count` highest values, highest first, ties by index: (min(count, n),) int64."""
    return np.argsort(-values, kind="stable")[:count]


def same_rows(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which samples have equal decisions (all bits of a row): (batch,) bool."""
    count = len(left)
    equal: npt.NDArray[np.bool_] = np.equal(left.reshape(count, -1), right.reshape(count, -1)).all(axis=1)
    return equal
