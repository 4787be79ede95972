"""What is known of a file, and whether another one leaves it no reason to be: the records of results/peers.json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from edgecv_runtime.records import Record


class Ratio(Record, frozen=True, kw_only=True):
    """The latency of a file over that of edgecv's int8 file within each round: median, p10 and p90 over the rounds."""

    p50: float
    p10: float
    p90: float


class Timing(Record, frozen=True, kw_only=True):
    """Microseconds of one inference over the rounds; `ratio` where edgecv's int8 file was timed in the same run."""

    p50_us: float
    p10_us: float
    p90_us: float
    ratio: Ratio | None = None


class Row(Record, frozen=True, kw_only=True):
    """One file of one way.

    Attributes:
        way: The way's name in `ways.WAYS`.
        title, runtime, precision: See `ways.File`.
        ours: Whether edgecv made it.
        not_run: Why there is nothing more to tell.
        seconds: Wall time of all the processes that lead from the Keras model to it, imports included.
        correct: Test samples that it answers right.
        same: Test samples on which it gives the Keras model's answer.
        distance: Mean Kullback-Leibler divergence from the Keras model's probabilities to its own.
    """

    way: str
    title: str
    runtime: Literal["tflite", "onnx"]
    precision: str
    ours: bool
    not_run: str | None = None
    seconds: float | None = None
    bytes: int | None = None
    correct: int | None = None
    same: int | None = None
    distance: float | None = None
    timing: Timing | None = None


class Network(Record, frozen=True, kw_only=True):
    """All files of one network; `samples` for testing, `correct` of them by the Keras model.

    `model` names the file it is from, as some of the networks are trained here. `machine`, `commit` and `amx` are those
    of the last measurement, `busy_elsewhere` the share of the machine's time, by runtime, that other programs used
    while the files were timed.
    """

    name: str
    title: str
    model: str
    samples: int
    calibration: int
    correct: int
    rows: tuple[Row, ...]
    machine: str
    commit: str
    amx: bool = False
    busy_elsewhere: dict[str, float] = msgspec.field(default_factory=dict)


class Results(Record, frozen=True, kw_only=True):
    """All of results/peers.json."""

    versions: dict[str, str]
    networks: tuple[Network, ...]


def beaten_by(row: Row, others: Sequence[Row], *, strict: bool) -> Iterator[Row]:
    """The rows of the same runtime that agree at least as often, are at least as fast, and better in one of the two.

    Strict: by the medians. Else latencies count as equal where 1 lies between p10 and p90 of their ratio within the
    rounds; then `row` must be the one that the ratios are to. Agreement is a count, and compared as it is.
    """
    for other in others:
        if other is row or other.runtime != row.runtime or row.timing is None or other.timing is None:
            continue
        if row.same is None or other.same is None or other.same < row.same:
            continue
        slower, faster = _strictly(row.timing, other.timing) if strict else _beyond_noise(other.timing)
        if not slower and (faster or other.same > row.same):
            yield other


def _strictly(one: Timing, other: Timing) -> tuple[bool, bool]:
    return other.p50_us > one.p50_us, other.p50_us < one.p50_us


def _beyond_noise(other: Timing) -> tuple[bool, bool]:
    if other.ratio is None:
        raise ValueError("a ratio to the row is needed to tell noise")
    return other.ratio.p10 > 1, other.ratio.p90 < 1
