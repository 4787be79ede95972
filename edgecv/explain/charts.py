"""The curves of a map as inline SVG: how the score falls as pixels go, and rises as they come back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from edgecv_converters.explain.records import Curves

from edgecv.report.html import Html, el, join
from edgecv.report.plots import nice_ticks
from edgecv.terminal.words import number

WIDTH: Final = 320
HEIGHT: Final = 170
LEFT, RIGHT, TOP, BOTTOM = 40, 310, 26, 142
STYLE: Final = """
.explain-curves{width:100%;max-width:420px;height:auto;font-size:10.5px}
.explain-curves text{fill:var(--soft)}
.explain-curves .axis{stroke:var(--line)}
.explain-curves polyline{fill:none;stroke-width:2}
.explain-curves .insertion{stroke:var(--pass)}
.explain-curves .deletion{stroke:var(--fail);stroke-dasharray:7 3}
.explain-curves .random{stroke:var(--none);stroke-width:1.2;stroke-dasharray:2 3}
"""


def curve_chart(curves: Curves) -> Html:
    """Draw both curves of a map, and those of random maps beside them."""
    lines = {
        "insertion": curves.insertion,
        "deletion": curves.deletion,
        "random": curves.random_insertion,
        "random deletion": curves.random_deletion,
    }
    values = [value for line in lines.values() for value in line]
    low, high = min(values), max(values)
    ticks = nice_ticks(low, high if high > low else low + 1, 3)

    def y(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (value - ticks[0]) / (ticks[-1] - ticks[0])

    parts = [_tick(y(tick), number(tick)) for tick in ticks]
    parts += [_line(curves.shares, line, y, name.partition(" ")[0]) for name, line in lines.items()]
    parts += [_text(LEFT, BOTTOM + 16, "0"), _text(RIGHT, BOTTOM + 16, "100 % of the pixels", "end")]
    parts += _legend()
    spoken = f"Insertion {curves.area('insertion'):.3g}, deletion {curves.area('deletion'):.3g}"
    return el(
        "svg",
        el("title", spoken),
        join(parts),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=spoken,
        class_="explain-curves",
    )


def _tick(y: float, words: str) -> Html:
    line = el("line", x1=LEFT, x2=RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="axis")
    return join([line, _text(LEFT - 5, y + 3.5, words, "end")])


def _line(shares: Sequence[float], values: Sequence[float], y: Callable[[float], float], kind: str) -> Html:
    points = " ".join(
        f"{LEFT + (RIGHT - LEFT) * share:.1f},{y(value):.1f}" for share, value in zip(shares, values, strict=True)
    )
    return el("polyline", points=points, class_=kind)


def _legend() -> list[Html]:
    parts: list[Html] = []
    for place, kind in enumerate(("insertion", "deletion", "random")):
        x = LEFT + 92 * place
        parts.append(el("polyline", points=f"{x},10 {x + 18},10", class_=kind))
        parts.append(_text(x + 23, 13.5, kind))
    return parts


def _text(x: float, y: float, words: str, anchor: str = "start") -> Html:
    return el("text", words, x=f"{x:g}", y=f"{y:.1f}", text_anchor=anchor)
