"""The pairs of box and class that reach their threshold, and their exact scores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.decoders import BoxDecoder, Centers
from edgecv_runtime.heads.arithmetic import activate, softmax_parts
from edgecv_runtime.schema import Activation

SLACK: Final = 1e-3  # by which a quick look takes more than reach the threshold
LEAST: Final = 1e-6  # a threshold below is none for the quick look
SURE: Final = 10.0  # from here on the rounding of a sigmoid moves it by more than `SLACK`: at 17 it is 1


@dataclass(frozen=True, slots=True)
class Candidates:
    """Answers before suppression, sorted: score down, then row up, then class up.

    Attributes:
        rows: (n,) int64: which box.
        classes: (n,) int64: which class, the background counted.
        scores: (n,) float32.
    """

    rows: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


def find_candidates(
    decoder: BoxDecoder,
    activation: Activation,
    values: np.ndarray,
    objectness: np.ndarray | None,
    thresholds: npt.NDArray[np.float32],
) -> Candidates:
    """Return the pairs of a row and a class whose score reaches the class's threshold.

    Args:
        decoder: Which classes of a row are answers, and how many are looked at.
        activation: What makes scores of values, over the classes; a sigmoid also of the objectness.
        values: (rows, classes) float32.
        objectness: (rows, 1) float32, or None.
        thresholds: One for each column of the scores; NaN for what is no answer.
    """
    near = _near(decoder, activation, values, objectness, thresholds)
    if decoder.classes == "best":
        near &= _best(values, thresholds)
    if isinstance(decoder, Centers):
        near &= _peaks(decoder, values)
    rows, classes = np.divmod(np.flatnonzero(near), values.shape[1])
    scores = _scores(activation, values, rows, classes)
    if objectness is not None:
        scores = _products(scores, activate(objectness[rows], "sigmoid" if activation == "sigmoid" else "none")[:, 0])
    reached = scores >= thresholds[classes]
    if not reached.all():
        rows, classes, scores = rows[reached], classes[reached], scores[reached]
    order = np.argsort(-scores, kind="stable")[: decoder.before]  # rows and classes go up already
    return Candidates(rows[order], classes[order], scores[order])


def find_numbered(
    decoder: BoxDecoder,
    activation: Activation,
    values: np.ndarray,
    objectness: np.ndarray | None,
    numbers: np.ndarray,
    thresholds: npt.NDArray[np.float32],
) -> Candidates:
    """Return the rows whose score reaches the threshold of their class, where the model says the class by its number.

    A number is rounded half to even; a row whose number is none of a class, such as -1, is no answer.

    Args:
        decoder: How many rows are looked at.
        activation: What makes scores of values.
        values: (rows, 1) float32.
        objectness: (rows, 1) float32, or None.
        numbers: (rows, 1) float32.
        thresholds: One for each class; NaN for what is no answer.
    """
    scores = activate(values, activation)[:, 0]
    if objectness is not None:
        scores = _products(scores, activate(objectness, "sigmoid" if activation == "sigmoid" else "none")[:, 0])
    whole = np.rint(numbers[:, 0])
    known = (whole >= 0) & (whole < len(thresholds))
    classes = np.where(known, whole, 0).astype(np.int64)
    rows = np.flatnonzero(known & (scores >= thresholds[classes]))
    rows = rows[np.argsort(-scores[rows], kind="stable")[: decoder.before]]
    return Candidates(rows, classes[rows], scores[rows])


def _near(
    decoder: BoxDecoder,
    activation: Activation,
    values: np.ndarray,
    objectness: np.ndarray | None,
    thresholds: npt.NDArray[np.float32],
) -> npt.NDArray[np.bool_]:
    """A quick look before the exact activation: what may reach its threshold. NaN never does.

    A sigmoid of the objectness makes no score larger; an objectness that is taken as it is may. With a softmax a
    probability is at most exp(value - any other value), so that a glance at the background does.
    """
    if activation == "none":
        return np.asarray((values if objectness is None else _products(values, objectness)) >= _one(thresholds))
    lowest = _lowest(activation, thresholds.tobytes(), objectness is not None)
    if activation == "sigmoid":
        return np.asarray(values >= lowest)
    other = decoder.background
    with np.errstate(invalid="ignore"):
        if other is None:
            return np.asarray(values >= values.max(axis=1, keepdims=True) + lowest)
        near = np.asarray(values >= values[:, other : other + 1] + lowest)
    near[:, other] = False
    return near


@lru_cache(maxsize=64)
def _lowest(activation: Activation, thresholds: bytes, objectness: bool) -> npt.NDArray[np.float32]:
    """The least value before a sigmoid, or before a softmax less another value, that may reach a threshold."""
    limits = np.frombuffer(thresholds, np.float32).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        if activation == "sigmoid":
            low = np.where(limits > LEAST, np.log(limits / (1 - limits)) - SLACK, -math.inf)
            low = np.minimum(low, SURE)
            return _one(np.where(np.isnan(limits), np.nan, low).astype(np.float32))
        low = np.where(limits > LEAST, np.log(limits) - SLACK, -math.inf)
        low = np.where(np.isnan(limits), np.nan, -math.inf if objectness else low)
        return np.asarray(np.nanmin(low), np.float32)


def _one(limits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """One limit in place of many equal ones, which is faster."""
    return limits[:1] if (limits == limits[0]).all() else limits


def _products(scores: npt.NDArray[Any], factors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    with np.errstate(over="ignore"):
        return np.asarray(scores * factors)


def _best(values: np.ndarray, thresholds: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """The class with the largest value of each row before the activation, the first of equal ones."""
    answers = np.where(np.isnan(thresholds), np.float32(-np.inf), values)
    return np.asarray(np.arange(values.shape[1]) == answers.argmax(axis=1)[:, None])


def _scores(
    activation: Activation, values: np.ndarray, rows: npt.NDArray[np.int64], classes: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    if activation != "softmax":
        return activate(values[rows, classes], activation)
    begins = np.ones(len(rows), bool)  # where another row begins; they are sorted
    begins[1:] = rows[1:] != rows[:-1]
    powers, total = softmax_parts(values.take(rows[begins], axis=0))
    places = np.cumsum(begins) - 1
    return np.asarray(powers[places, classes] / total[places, 0], np.float32)


def _peaks(decoder: Centers, values: np.ndarray) -> npt.NDArray[np.bool_]:
    """Mark the values that are the largest of the window around their cell, by class: (rows, classes)."""
    found, begin = np.zeros(values.shape, bool), 0
    reach = decoder.window // 2
    for level in decoder.levels:
        tall, wide = level.grid
        maps = values[begin : begin + tall * wide].reshape(tall, wide, -1)
        padded = np.pad(maps, ((reach, reach), (reach, reach), (0, 0)), constant_values=-np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1, 2 * reach + 1), axis=(0, 1))
        found[begin : begin + tall * wide] = (maps >= windows.max(axis=(-2, -1))).reshape(tall * wide, -1)
        begin += tall * wide
    return found
