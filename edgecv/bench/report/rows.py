"""Plots with one line a row: names in HTML, so that long ones wrap, and under each a drawing on a shared axis.

All that a drawing shows is in the words beside it, so the drawings are hidden from screen readers; what differs has
another shape, so colour is never needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from edgecv_runtime.bench.result import Latency, Sustained

from edgecv.bench.report.figures import log_ticks, time_words
from edgecv.report.html import Html, el, join
from edgecv.report.plots import nice_ticks

BINS: Final = 56
_HEIGHT: Final = 36
_CURVE: Final = 78
_CURVE_TOP: Final = 18  # pixels, for the name of the upper end
_LEFT: Final = 1.5  # percent left free at each side, so that marks are not cut
_LEAST_US: Final = 0.05  # where a logarithmic axis begins for times that a clock could not tell from zero
_QUANTILES: Final = ("p50", "p90", "p99")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotRow:
    """One row of a plot: a name, what it shows in words, and the drawing."""

    name: str
    words: str
    drawing: Html


@dataclass(frozen=True, slots=True)
class LogAxis:
    """A logarithmic axis over positive values; gives positions in percent."""

    low: float
    high: float

    @classmethod
    def over(cls, values: Sequence[float], least: float) -> LogAxis:
        """An axis a little wider than the values, none of them below `least`; at least a sixth of an octave wide."""
        low, high = max(least, min(values)), max(least, *values)
        room = max((high / low) ** 0.07, 1.06)
        return cls(low / room, high * room)

    def share(self, value: float) -> float:
        """0 at the low end, 1 at the high end."""
        inside = min(max(value, self.low), self.high)
        return math.log(inside / self.low) / math.log(self.high / self.low)

    def percent(self, value: float, left: float = _LEFT) -> float:
        """Place a value, in percent of the drawing's width, `left` percent of it free at the left."""
        return left + (100 - left - _LEFT) * self.share(value)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Round numbers inside."""
        return log_ticks(self.low, self.high)


def row_plot(title: str, lines: Sequence[PlotRow], axis: Html | None) -> Html:
    """A titled list of rows, over an axis if they share one."""
    items = [
        el("li", el("div", el("b", line.name), el("span", line.words), class_="head"), line.drawing) for line in lines
    ]
    return el("div", el("ul", join(items), class_="rows", aria_label=title), axis)


def time_axis(values: Sequence[float]) -> LogAxis:
    """The axis that all of these microseconds fit on."""
    return LogAxis.over(values, _LEAST_US)


def axis_words(axis: LogAxis, unit: str) -> Html:
    """The ticks of a shared logarithmic axis, and its name under them."""
    ticks = axis.ticks
    labels = [_text(f"{axis.percent(tick):.2f}%", 12, time_words(tick), _tick_kind(axis, tick)) for tick in ticks]
    named = _text("50%", 30, unit, "tick")
    return el("svg", join([*labels, named]), width="100%", height="36", aria_hidden="true", class_="axis")


def _tick_kind(axis: LogAxis, tick: float) -> str:
    at = axis.percent(tick)
    return "tick first" if at < 8 else "tick last" if at > 92 else "tick"


def _text(x: str, y: float, text: str, kind: str) -> Html:
    return el("text", text, x=x, y=f"{y:g}", class_=kind)


def _drawing(parts: Sequence[Html], height: int) -> Html:
    return el("svg", join(list(parts)), width="100%", height=str(height), aria_hidden="true")


def _upright(x: float, top: float, bottom: float, kind: str) -> Html:
    return el("line", x1=f"{x:.2f}%", x2=f"{x:.2f}%", y1=f"{top:g}", y2=f"{bottom:g}", class_=kind)


def _level(y: float, left: float, right: float, kind: str) -> Html:
    return el("line", x1=f"{left:.2f}%", x2=f"{right:.2f}%", y1=f"{y:.1f}", y2=f"{y:.1f}", class_=kind)


def _box(left: float, right: float, top: float, height: float, kind: str) -> Html:
    width = max(right - left, 0.0)
    return el(
        "rect", x=f"{left:.2f}%", width=f"{width:.2f}%", y=f"{top:.1f}", height=f"{height:.1f}", rx="1.5", class_=kind
    )


def distribution(latency: Latency, axis: LogAxis) -> Html:
    """A histogram of the samples with lines at the three percentiles; the lines alone where there are no samples."""
    parts = [_upright(axis.percent(tick), 0, _HEIGHT, "grid") for tick in axis.ticks]
    parts.append(_level(_HEIGHT, 0, 100, "track"))
    counts = [0] * BINS
    for value in latency.samples_us:
        counts[min(int(axis.share(value) * BINS), BINS - 1)] += 1
    most = max(counts)
    width = (100 - 2 * _LEFT) / BINS
    for place, count in enumerate(counts):
        if count:
            height = max(1.5, (_HEIGHT - 6) * count / most)
            left = _LEFT + place * width
            parts.append(_box(left + 0.08 * width, left + 0.92 * width, _HEIGHT - height, height, "column bench"))
    for name, value in zip(_QUANTILES, quantiles(latency), strict=True):
        parts.append(_upright(axis.percent(value), 0, _HEIGHT, f"quantile {name}"))
    return _drawing(parts, _HEIGHT)


def quantiles(latency: Latency) -> tuple[float, float, float]:
    """p50, p90 and p99 in microseconds."""
    return latency.p50_us, latency.p90_us, latency.p99_us


def stacked(parts: Sequence[float], most: float) -> Html:
    """Preprocess, inference and postprocess one after the other: hollow, full, and half as high."""
    drawn = [_level(9, 0, 100, "track")]
    at = 0.0
    for value, (kind, top, height) in zip(parts, (("hollow", 2, 14), ("solid", 1, 16), ("low", 5, 8)), strict=True):
        end = at + 100 * value / most
        drawn.append(_box(at, max(end, at + 0.4), top, height, kind))
        at = end
    return _drawing(drawn, 18)


def curve(points: Sequence[Sustained], seconds: float) -> Html:
    """p90 (full line, dots) and p50 (dashes) over the seconds, from zero up."""
    top = nice_ticks(0, max(point.p90_us for point in points) or 1.0, 2)[-1]

    def place(point: Sustained, value: float) -> tuple[float, float]:
        x = _LEFT + (100 - 2 * _LEFT) * point.second / max(seconds, 1.0)
        return x, _CURVE_TOP + (_CURVE - 4 - _CURVE_TOP) * (1 - value / top)

    parts = [_level(_CURVE - 4, 0, 100, "track"), _level(_CURVE_TOP, 0, 100, "grid")]
    parts.append(_text("100%", _CURVE_TOP - 5, time_words(top), "tick last"))
    for kind, values in (("p50", [p.p50_us for p in points]), ("p90", [p.p90_us for p in points])):
        spots = [place(point, value) for point, value in zip(points, values, strict=True)]
        parts += [
            el("line", x1=f"{a:.2f}%", y1=f"{b:.1f}", x2=f"{c:.2f}%", y2=f"{d:.1f}", class_=f"curve bench {kind}")
            for (a, b), (c, d) in pairwise(spots)
        ]
        if kind == "p90":
            parts += [el("circle", cx=f"{x:.2f}%", cy=f"{y:.1f}", r="3", class_="bench") for x, y in spots]
    return _drawing(parts, _CURVE)


def seconds_axis(seconds: float, words: Callable[[float], str]) -> Html:
    """The ticks of a linear axis of seconds from zero."""
    ticks = [tick for tick in nice_ticks(0, max(seconds, 1.0), 4) if tick <= seconds]
    kinds = {0: "tick first"}
    labels = [
        _text(
            f"{_LEFT + (100 - 2 * _LEFT) * tick / max(seconds, 1.0):.2f}%",
            12,
            words(tick),
            kinds.get(place, "tick last" if tick > 0.9 * seconds else "tick"),
        )
        for place, tick in enumerate(ticks)
    ]
    named = _text("50%", 30, "Seconds without a pause", "tick")
    return el("svg", join([*labels, named]), width="100%", height="36", aria_hidden="true", class_="axis")
