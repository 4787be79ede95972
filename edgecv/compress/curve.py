"""Lines over epochs as inline SVG: a drawing that stretches, with text that does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from edgecv.report.html import Html, el, join
from edgecv.report.plots import nice_ticks

HEIGHT: Final = 200
_TOP: Final = 28
_BOTTOM: Final = 24
_LEFT: Final = 12.0  # percent, for the names of the ticks


@dataclass(frozen=True, slots=True)
class Curve:
    """One value an epoch; `kind` is its class in the style sheet."""

    name: str
    values: tuple[float, ...]
    kind: str


def line_plot(
    title: str,
    curves: Sequence[Curve],
    words: Callable[[float], str],
    *,
    breaks: Sequence[int] = (),
    reference: tuple[str, float] | None = None,
) -> Html:
    """Curves over a shared axis; `breaks` are epochs after which a vertical line stands, `reference` a level line."""
    ends = [value for curve in curves for value in curve.values] + ([reference[1]] if reference else [])
    spread = max(max(ends) - min(ends), 1e-6)
    ticks = nice_ticks(min(ends), min(ends) + spread, 4)
    low, high = ticks[0], ticks[-1]
    count = max(len(curve.values) for curve in curves)

    def y(value: float) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    def x(epoch: float) -> float:
        return _LEFT + (100 - _LEFT - 1) * ((epoch - 1) / (count - 1) if count > 1 else 0.5)

    parts = [line for tick in ticks for line in _tick(y(tick), words(tick))]
    parts += [_rule(x(place + 0.5), _TOP, HEIGHT - _BOTTOM, "break") for place in breaks]
    if reference:
        parts.append(
            el("line", x1=f"{_LEFT}%", x2="99%", y1=_n(y(reference[1])), y2=_n(y(reference[1])), class_="reference")
        )
    for curve in curves:
        parts += _drawn(curve, x, y)
    parts += _legend(curves, reference)
    parts += [_text(f"{x(1):.2f}%", HEIGHT - 6, "1", "tick"), _text("99%", HEIGHT - 6, f"epoch {count}", "tick last")]
    spoken = "; ".join(f"{c.name}: {words(c.values[0])} to {words(c.values[-1])}" for c in curves)
    head = [el("title", title), el("desc", spoken)]
    body = join([*head, *parts])
    return el(
        "svg", body, role="img", aria_label=f"{title}. {spoken}", width="100%", height=str(HEIGHT), class_="curves"
    )


def _n(value: float) -> str:
    return f"{value:.1f}"


def _text(x: str, y: float, words: str, kind: str) -> Html:
    return el("text", words, x=x, y=_n(y), class_=kind)


def _rule(x: float, top: float, bottom: float, kind: str) -> Html:
    return el("line", x1=f"{x:.2f}%", x2=f"{x:.2f}%", y1=_n(top), y2=_n(bottom), class_=kind)


def _tick(y: float, words: str) -> list[Html]:
    line = el("line", x1=f"{_LEFT}%", x2="99%", y1=_n(y), y2=_n(y), class_="grid")
    return [line, _text(f"{_LEFT - 1}%", y + 4, words, "tick last")]


def _drawn(curve: Curve, x: Callable[[float], float], y: Callable[[float], float]) -> list[Html]:
    """Segments and dots: lines in percent, which a path cannot have."""
    points = [(x(place), y(value)) for place, value in enumerate(curve.values, 1)]
    lines = [
        el("line", x1=f"{a[0]:.2f}%", y1=_n(a[1]), x2=f"{b[0]:.2f}%", y2=_n(b[1]), class_=f"curve {curve.kind}")
        for a, b in pairwise(points)
    ]
    radius = 3 if len(points) <= 40 else 0
    dots = [el("circle", cx=f"{px:.2f}%", cy=_n(py), r=str(radius), class_=curve.kind) for px, py in points if radius]
    return [*lines, *dots]


def _legend(curves: Sequence[Curve], reference: tuple[str, float] | None) -> list[Html]:
    parts: list[Html] = []
    place = _LEFT
    for curve in curves:
        parts.append(el("line", x1=f"{place}%", x2=f"{place + 4}%", y1="8", y2="8", class_=f"curve {curve.kind}"))
        parts.append(_text(f"{place + 5}%", 12, curve.name, "key"))
        place += 24
    if reference:
        parts.append(el("line", x1=f"{place}%", x2=f"{place + 4}%", y1="8", y2="8", class_="reference"))
        parts.append(_text(f"{place + 5}%", 12, reference[0], "key"))
    return parts
