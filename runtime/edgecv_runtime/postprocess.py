"""From a model's outputs to answers."""

from __future__ import annotations

import numpy as np

from edgecv_runtime.schema import Task

THRESHOLD = 0.5


def decisions(output: np.ndarray, task: Task) -> np.ndarray | None:
    """What the model says of each sample.

    Args:
        output: (batch, ...) real values.
        task: "classification" (argmax over the last axis), "binary" (at least 0.5), "multilabel" (a bit a label), or
            "regression".

    Returns:
        (batch,) class indices, or (batch, labels) bits for "multilabel", int64; None for "regression".
    """
    rows = output.reshape(len(output), -1)
    if task == "classification":
        return np.asarray(rows.argmax(axis=-1), np.int64)
    if task == "binary":
        return np.asarray(rows[:, 0] >= THRESHOLD, np.int64)
    if task == "multilabel":
        return np.asarray(rows >= THRESHOLD, np.int64)
    return None


def scores(output: np.ndarray, task: Task) -> np.ndarray:
    """One value for each answer that `decisions` may give: (batch, answers) float32.

    Outputs are taken as the model gives them (no softmax is guessed); a binary output p becomes (1 - p, p).
    """
    rows = output.reshape(len(output), -1).astype(np.float32, copy=False)
    return np.concatenate([1 - rows[:, :1], rows[:, :1]], axis=1) if task == "binary" else rows


def top_k(values: np.ndarray, count: int) -> np.ndarray:
    """The indices of the `count` highest values, highest first, ties by index: (min(count, n),) int64."""
    return np.argsort(-values, kind="stable")[:count]
