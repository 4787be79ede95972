"""The arithmetic that kinds of heads share: activations, the best scores, equal decisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_runtime.schema import Activation


def activate(rows: np.ndarray, activation: Activation) -> np.ndarray:
    """Apply an activation to (batch, n) float32 values, over the last axis, without overflow."""
    if activation == "softmax":
        powers = np.exp(rows - rows.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)
    if activation == "sigmoid":
        small = np.exp(-np.abs(rows))
        return np.asarray(np.where(rows >= 0, 1, small) / (1 + small), np.float32)
    return rows


def top_k(values: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of the `count` highest values, highest first, ties by index: (min(count, n),) int64."""
    return np.argsort(-values, kind="stable")[:count]


def same_rows(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which samples have equal decisions (all bits of a row): (batch,) bool."""
    count = len(left)
    equal: npt.NDArray[np.bool_] = np.equal(left.reshape(count, -1), right.reshape(count, -1)).all(axis=1)
    return equal
