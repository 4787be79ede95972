"""The worth of a row's answers, in the one measure that most rows share, and the rows that are worth choosing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, get_args

from edgecv_runtime.bench.result import DataSet
from edgecv_runtime.text import THIN, percent

from edgecv.bench.report.figures import time_words
from edgecv.bench.report.pareto import front
from edgecv.bench.report.view import RowView
from edgecv.terminal.words import byte_size, is_finite, quantity

EQUAL_DB: Final = 10.0  # how far above the best signal-to-noise ratio a row without any error is placed


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """One measure of answers: its name, what it is measured on, and the values by a view's number, more is better."""

    name: str
    on: str
    values: dict[int, float]
    words: Callable[[float], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One place in a plot: the views that share it, its cost, its worth, and whether it is on the front."""

    views: tuple[RowView, ...]
    cost: float
    value: float
    cost_words: str
    worth_words: str
    best: bool


def worth(views: Sequence[RowView]) -> Worth | None:
    """The measure that most rows have: accuracy, else agreement, else signal to noise; None where there is none."""
    accuracy = {view.number: view.row.correct.accuracy for view in views if view.row.correct}
    counts = sorted({view.row.correct.count for view in views if view.row.correct})
    of = " or ".join(quantity(count) for count in counts)
    found = [Worth(name="Accuracy", on=f"{of} labelled samples", values=accuracy, words=_percent)]
    found += [_agreement(views, on) for on in reversed(get_args(DataSet))]
    found += [_snr(views, on) for on in reversed(get_args(DataSet))]
    best = max(found, key=lambda item: len(item.values))
    return best if best.values else None


def _agreement(views: Sequence[RowView], on: DataSet) -> Worth:
    compared = {view.number: view.row.comparisons.get(on) for view in views}
    values = {key: item.agreement for key, item in compared.items() if item and item.agreement is not None}
    return Worth(name="Agreement with the reference", on=_samples(views, on), values=values, words=_percent)


def _percent(value: float) -> str:
    return percent(value, 2)


def _samples(views: Sequence[RowView], on: DataSet) -> str:
    counts = sorted({view.row.comparisons[on].count for view in views if on in view.row.comparisons})
    return f"{' or '.join(quantity(count) for count in counts)} {on} samples"


def _snr(views: Sequence[RowView], on: DataSet) -> Worth:
    compared = {view.number: view.row.comparisons.get(on) for view in views}
    known = {
        key: item.snr_db for key, item in compared.items() if item and (item.snr_db is None or is_finite(item.snr_db))
    }
    equal = max((value for value in known.values() if value is not None), default=0.0) + EQUAL_DB
    values = {key: equal if value is None else value for key, value in known.items()}
    words = partial(_decibels, equal=equal)
    return Worth(name="Signal to noise", on=_samples(views, on), values=values, words=words)


def _decibels(value: float, equal: float) -> str:
    return "equal" if value == equal else f"{value:.1f}{THIN}dB"


def by_latency(views: Sequence[RowView], measure: Worth) -> tuple[Point, ...]:
    """One point a row: median latency in microseconds against worth."""
    there = [view for view in views if view.number in measure.values and view.p50_us is not None]
    points = [(view.p50_us or 0.0, measure.values[view.number]) for view in there]
    best = set(front(points))
    return tuple(
        Point(
            views=(view,),
            cost=cost,
            value=value,
            cost_words=time_words(cost),
            worth_words=measure.words(value),
            best=place in best,
        )
        for place, (view, (cost, value)) in enumerate(zip(there, points, strict=True))
    )


def by_size(views: Sequence[RowView], measure: Worth) -> tuple[Point, ...]:
    """One point for all rows of files as large whose answers are worth the same: bytes against worth."""
    groups: dict[tuple[int, float], list[RowView]] = {}
    for view in views:
        if view.number in measure.values and view.row.inference is not None:
            groups.setdefault((view.row.bytes, measure.values[view.number]), []).append(view)
    best = set(front([(float(size), value) for size, value in groups]))
    return tuple(
        Point(
            views=tuple(group),
            cost=float(size),
            value=value,
            cost_words=byte_size(size),
            worth_words=measure.words(value),
            best=place in best,
        )
        for place, ((size, value), group) in enumerate(groups.items())
    )
