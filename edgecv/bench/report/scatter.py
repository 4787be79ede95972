"""Worth against cost: the Pareto front as a staircase with its members named, everything else beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from edgecv.bench.report.figures import spans
from edgecv.bench.report.rows import LogAxis
from edgecv.bench.report.view import RowView
from edgecv.bench.report.worth import Point, Worth
from edgecv.report.html import Html, el, join
from edgecv.report.plots import nice_ticks

HEIGHT: Final = 300
_TOP: Final = 18
_BOTTOM: Final = 44
_LEFT: Final = 15.0  # percent, for the names of the ticks
_NARROW: Final = 300.0  # pixels: the least width that labels must not overlap at
_BEST: Final = "M0,-6.5L6.5,0L0,6.5L-6.5,0Z"
_PLACES: Final = ((0, -10), (9, 4), (-9, 4), (0, 19), (9, -8), (-9, -8), (9, 17), (-9, 17))

Spot = tuple[float, float]
Frame = tuple[float, float, float, float]


def scatter(
    title: str, points: Sequence[Point], measure: Worth, axis_name: str, words: Callable[[float], str], least: float
) -> Html:
    """The plot and the list of its points, those on the front first."""
    axis = LogAxis.over([point.cost for point in points], least)
    ticks = _levels([point.value for point in points], measure)

    def spot(point: Point) -> Spot:
        low, high = ticks[0], ticks[-1]
        share = (high - point.value) / (high - low)
        return axis.percent(point.cost, _LEFT), _TOP + (HEIGHT - _TOP - _BOTTOM) * share

    parts = [*_grid(axis, words, axis_name), *_level_lines(ticks, measure)]
    ordered = sorted(points, key=lambda point: (point.best, -point.cost))
    parts += _stairs([spot(point) for point in reversed(ordered) if point.best])
    parts += [_mark(point, spot(point)) for point in ordered]
    parts += _labels([(point, spot(point)) for point in reversed(ordered)])
    spoken = "; ".join(_said(point) for point in reversed(ordered) if point.best)
    label = f"{title}. On the Pareto front, from the cheapest: {spoken}"
    drawn = el("svg", el("title", title), join(parts), role="img", aria_label=label, width="100%", height=str(HEIGHT))
    return join([drawn, *_legend(list(reversed(ordered)))])


def _levels(values: Sequence[float], measure: Worth) -> tuple[float, ...]:
    low, high = min(values), max(values)
    if measure.name == "Signal to noise":
        return nice_ticks(low - 1.0, high + 1.0)
    room = max((high - low) * 0.06, 0.001) if high > low else 0.01
    return nice_ticks(max(0.0, low - room), min(1.0, high + room))


def _level_lines(ticks: Sequence[float], measure: Worth) -> list[Html]:
    parts = []
    for place, tick in enumerate(ticks):
        y = _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - place / (len(ticks) - 1))
        parts.append(el("line", x1=f"{_LEFT}%", x2="100%", y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid"))
        text = f"{tick:g} dB" if measure.name == "Signal to noise" else f"{100 * tick:.4g} %"
        parts.append(el("text", text, x=f"{_LEFT - 1.5}%", y=f"{y + 4:.1f}", class_="tick last"))
    return parts


def _grid(axis: LogAxis, words: Callable[[float], str], name: str) -> list[Html]:
    bottom = HEIGHT - _BOTTOM
    parts = []
    for tick in axis.ticks:
        x = axis.percent(tick, _LEFT)
        kind = "tick last" if x > 94 else "tick"
        parts.append(el("line", x1=f"{x:.2f}%", x2=f"{x:.2f}%", y1=str(_TOP), y2=str(bottom), class_="grid"))
        parts.append(el("text", words(tick), x=f"{x:.2f}%", y=str(bottom + 17), class_=kind))
    parts.append(el("text", name, x=f"{(100 + _LEFT) / 2:.2f}%", y=str(HEIGHT - 6), class_="tick"))
    return parts


def _stairs(spots: Sequence[Spot]) -> list[Html]:
    """From the cheapest on: worth stays until the next member's cost, then rises."""
    parts = []
    for (left, low), (right, high) in pairwise(spots):
        parts.append(_stair(left, low, right, low))
        parts.append(_stair(right, low, right, high))
    return [*parts, *(_stair(x, y, 100, y) for x, y in spots[-1:])]


def _stair(x1: float, y1: float, x2: float, y2: float) -> Html:
    return el("line", x1=f"{x1:.2f}%", y1=f"{y1:.1f}", x2=f"{x2:.2f}%", y2=f"{y2:.1f}", class_="front")


def _mark(point: Point, spot: Spot) -> Html:
    name = el("title", _said(point))
    shape = el("path", name, d=_BEST, class_="dot best") if point.best else el("circle", name, r="4.5", class_="rest")
    return el("svg", shape, x=f"{spot[0]:.2f}%", y=f"{spot[1]:.1f}", class_="anchor")


def _labels(points: Sequence[tuple[Point, Spot]]) -> list[Html]:
    """Numbers beside the marks, where they are free of marks and of each other; the front's come first."""
    taken = [_frame(spot, (0, 5), 10, 10) for _, spot in points]
    parts = []
    for point, spot in points:
        text = spans(view.number for view in point.views)
        width = 7.5 * len(text)
        free = (place for place in _PLACES if not _meets(_frame(spot, place, width, 12), taken))
        place = next(free, _PLACES[0] if point.best else None)
        if place is None:
            continue
        taken.append(_frame(spot, place, width, 12))
        side = "start" if place[0] > 0 else "end" if place[0] < 0 else "middle"
        text_html = el("text", text, x=str(place[0]), y=str(place[1]), class_=f"label {side}")
        parts.append(el("svg", text_html, x=f"{spot[0]:.2f}%", y=f"{spot[1]:.1f}", class_="anchor"))
    return parts


def _frame(spot: Spot, place: tuple[int, int], width: float, height: float) -> Frame:
    """Left, top, right and bottom of a text in pixels, on the narrowest drawing."""
    x = spot[0] / 100 * _NARROW + place[0]
    left = x if place[0] > 0 else x - width if place[0] < 0 else x - width / 2
    bottom = spot[1] + place[1]
    return left, bottom - height, left + width, bottom


def _meets(frame: Frame, others: Sequence[Frame]) -> bool:
    left, top, right, bottom = frame
    if left < _LEFT / 100 * _NARROW or right > _NARROW or bottom > HEIGHT - _BOTTOM:
        return True
    return any(left < r and lft < right and top < b and t < bottom for lft, t, r, b in others)


def _said(point: Point) -> str:
    return f"{_named(point.views)}: {point.worth_words}, {point.cost_words}"


def _named(views: Sequence[RowView]) -> str:
    """One row by its title; several by their names, backends and places."""
    if len(views) == 1:
        return views[0].title
    facts = ([view.name for view in views], [view.row.backend for view in views], [view.place for view in views])
    return ", ".join(" and ".join(dict.fromkeys(part)) for part in facts if any(part))


def _legend(points: Sequence[Point]) -> list[Html]:
    best = [point for point in points if point.best]
    rest = sorted((point for point in points if not point.best), key=lambda point: point.views[0].number)
    parts = [el("p", el("b", "◆ On the front"), " (nothing else is both cheaper and better):", class_="legend-title")]
    parts.append(el("ul", join([_item(point, "◆") for point in best]), class_="legend"))
    if rest:
        items = el("ul", join([_item(point, "○") for point in rest]), class_="legend")
        parts.append(el("details", el("summary", f"The other {len(rest)}"), items))
    return parts


def _item(point: Point, sign: str) -> Html:
    number = el("b", f"{sign} {spans(view.number for view in point.views)}", class_="number")
    return el("li", number, f" {_said(point)}")
