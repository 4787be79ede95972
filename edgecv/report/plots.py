"""Plots as inline SVG: positions in percent and text in pixels, so a plot fits a phone and stays legible.

Every value is also printed as text, and passed, failed and not run differ in shape, so colour is never
needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from edgecv_converters.measured import Histogram
from edgecv_runtime.schema import Status

from edgecv.report.html import Html, el, join

_ROW: Final = 46
_TALL_ROW: Final = 66
_AXIS: Final = 26
_HEAD: Final = 22
_MARGIN: Final = 2.0  # percent left free at each side, so that marks are not cut
_SHAPES: Final[dict[Status, str]] = {
    "passed": "M-5.5,0a5.5,5.5 0 1,0 11,0a5.5,5.5 0 1,0 -11,0",
    "weak": "M0,-6.5L6.5,5.5H-6.5Z",
    "failed": "M0,-7.5L7.5,0L0,7.5L-7.5,0Z",
    "not_run": "M-5,-5H5V5H-5Z",
}
_SUPERSCRIPT: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One row of a plot: a value with its interval (None where not measured), and its text."""

    label: str
    text: str
    status: Status
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float

    def __call__(self, value: float) -> str:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return f"{_MARGIN + (100 - 2 * _MARGIN) * share:.2f}%"


def _line(x1: str, y1: float, x2: str, y2: float, kind: str) -> Html:
    return el("line", x1=x1, y1=f"{y1:g}", x2=x2, y2=f"{y2:g}", class_=kind)


def _text(x: str, y: float, text: str, kind: str) -> Html:
    return el("text", text, x=x, y=f"{y:g}", class_=kind)


def _labels(mark: Mark, top: float) -> list[Html]:
    return [_text("0", top + 14, mark.label, "name"), _text("100%", top + 14, mark.text, "value")]


def _picture(title: str, description: str, height: float, parts: Sequence[Html]) -> Html:
    heading = [el("title", title), el("desc", description)]
    body = join([*heading, *parts])
    return el("svg", body, role="img", aria_label=f"{title}. {description}", width="100%", height=f"{height:g}")


def _spoken(marks: Sequence[Mark]) -> str:
    return "; ".join(f"{mark.label}: {mark.text}" for mark in marks)


def nice_ticks(low: float, high: float, wanted: int = 4) -> tuple[float, ...]:
    """Round numbers (1, 2 or 5 times a power of ten apart) that cover `low`..`high`."""
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(index * step for index in range(first, last + 1))


def _axis(
    scale: _Scale, ticks: Sequence[float], top: float, bottom: float, words: Callable[[float], str]
) -> list[Html]:
    lines = [_line(scale(tick), top, scale(tick), bottom, "grid") for tick in ticks]
    ends = {0: "tick first", len(ticks) - 1: "tick last"}
    labels = [_text(scale(tick), bottom + 17, words(tick), ends.get(place, "tick")) for place, tick in enumerate(ticks)]
    return lines + labels


def interval_plot(
    title: str,
    marks: Sequence[Mark],
    words: Callable[[float], str],
    *,
    reference: tuple[str, float] | None = None,
) -> Html:
    """A dot with whiskers a row, on a shared axis that need not begin at zero.

    Args:
        title: What is plotted.
        marks: The rows; values are shares of 0..1.
        words: Writes a tick.
        reference: A vertical line to compare with: its name and value.
    """
    ends = [end for mark in marks for end in (mark.value, mark.low, mark.high) if end is not None]
    ends += [reference[1]] if reference else []
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    ticks = nice_ticks(max(0.0, low - 0.01), min(1.0, high + 0.01))
    scale = _Scale(ticks[0], ticks[-1])
    head = _HEAD if reference else 0
    bottom = head + _ROW * len(marks)
    parts = _axis(scale, ticks, head, bottom, words)
    if reference:
        parts += _reference(scale, reference, bottom)
    for place, mark in enumerate(marks):
        parts += _whisker(mark, scale, head + _ROW * place)
    return _picture(title, _spoken(marks), bottom + _AXIS, parts)


def _reference(scale: _Scale, reference: tuple[str, float], bottom: float) -> list[Html]:
    name, value = reference
    x = scale(value)
    side = "ref-name left" if float(x.rstrip("%")) > 50 else "ref-name"
    return [_line(x, 4, x, bottom, "reference"), _text(x, 12, name, side)]


def _whisker(mark: Mark, scale: _Scale, top: float) -> list[Html]:
    parts = _labels(mark, top)
    y = top + 30
    parts.append(_line("0", y, "100%", y, "track"))
    if mark.value is None:
        return parts
    if mark.low is not None and mark.high is not None:
        parts.append(_line(scale(mark.low), y, scale(mark.high), y, f"whisker {mark.status}"))
        parts += [_line(scale(end), y - 5, scale(end), y + 5, f"cap {mark.status}") for end in (mark.low, mark.high)]
    shape = el("path", d=_SHAPES[mark.status], class_=f"dot {mark.status}")
    return [*parts, el("svg", shape, x=scale(mark.value), y=f"{y:g}", class_="anchor")]


def bar_plot(title: str, marks: Sequence[Mark]) -> Html:
    """A bar a row, from zero; the values stand beside the names, so there is no axis."""
    most = max((mark.value or 0 for mark in marks), default=0) or 1
    parts: list[Html] = []
    for place, mark in enumerate(marks):
        top = (_ROW - 6) * place
        parts += _labels(mark, top)
        width = f"{100 * (mark.value or 0) / most:.2f}%"
        parts.append(el("rect", x="0", y=f"{top + 20:g}", width="100%", height="10", rx="2", class_="rail"))
        parts.append(el("rect", x="0", y=f"{top + 20:g}", width=width, height="10", rx="2", class_="bar"))
    return _picture(title, _spoken(marks), (_ROW - 6) * len(marks), parts)


def error_plot(title: str, rows: Sequence[tuple[Mark, Histogram]]) -> Html:
    """One small histogram a row over a shared log10 axis; heights are relative to the row's highest bin."""
    edges = rows[0][1].edges
    first, last = _occupied([histogram for _, histogram in rows])
    scale = _Scale(math.log10(edges[first]), math.log10(edges[last]))
    bottom = _TALL_ROW * len(rows)
    ticks = _decades(scale)
    parts = _axis(scale, ticks, 0, bottom, power_of_ten)
    for place, (mark, histogram) in enumerate(rows):
        parts += _labels(mark, _TALL_ROW * place)
        parts += _columns(histogram, scale, _TALL_ROW * (place + 1) - 4, mark.status)
    return _picture(title, _spoken([mark for mark, _ in rows]), bottom + _AXIS, parts)


def _occupied(histograms: Sequence[Histogram]) -> tuple[int, int]:
    used = [place for item in histograms for place, count in enumerate(item.counts) if count]
    last_edge = len(histograms[0].edges) - 1
    return (max(0, min(used) - 1), min(last_edge, max(used) + 2)) if used else (0, last_edge)


def _decades(scale: _Scale) -> list[float]:
    whole = range(math.ceil(scale.low - 1e-6), math.floor(scale.high + 1e-6) + 1)
    step = max(1, math.ceil(len(whole) / 7))
    return [float(power) for power in whole][::step]


def power_of_ten(power: float) -> str:
    """10⁻³ for -3."""
    return "10" + str(round(power)).translate(_SUPERSCRIPT)


def _columns(histogram: Histogram, scale: _Scale, bottom: float, status: Status) -> list[Html]:
    most = max(histogram.counts) or 1
    parts = [_line("0", bottom, "100%", bottom, "track")]
    for place, count in enumerate(histogram.counts):
        if not count:
            continue
        left, right = (scale(math.log10(edge)) for edge in histogram.edges[place : place + 2])
        width = f"{float(right.rstrip('%')) - float(left.rstrip('%')) - 0.25:.2f}%"
        height = max(1.5, 36 * count / most)
        box = el(
            "rect",
            x=left,
            y=f"{bottom - height:.1f}",
            width=width,
            height=f"{height:.1f}",
            class_=f"column {status}",
        )
        parts.append(box)
    return parts
