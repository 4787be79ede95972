"""The plots of what was measured, as SVG pictures for the documentation."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.scaling.records import MEMORY, Sweep, costs_of, growth
from benchmarks.shared import ROOT

CONVERTING: Final = ROOT / "docs" / "scaling_convert.svg"
RUNNING: Final = ROOT / "docs" / "scaling_run.svg"
TIME, SPACE = "#0a58ca", "#b35900"
COLORS: Final = (TIME, SPACE, "#1a7f37", "#8250df")
LINES: Final = ("-", "--")
SETTINGS: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "edgecv",  # the same picture for the same numbers
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.titlesize": 11,
}


def draw_converting(panels: Sequence[Sequence[Sweep]], path: Path = CONVERTING) -> None:
    """A panel for each axis, seconds on the left and gigabytes on the right, with a line for each of its sweeps."""
    with _figure(len(panels), path) as places:
        for place, sweeps in zip(places, panels, strict=True):
            other = place.twinx()
            for sweep, line in zip(sweeps, LINES, strict=False):
                _draw(place, sweep, "s", color=TIME, linestyle=line, marker="o")
                _draw(other, sweep, MEMORY, color=SPACE, linestyle=line, marker="s")
            exponents = ", ".join(_ends(sweeps, unit) for unit in ("s", MEMORY))
            place.set_title(f"{'; '.join(sweep.title for sweep in sweeps)}\nat the end {exponents}", loc="left")
            _dress(place, sweeps, "s", "seconds", TIME)
            _dress(other, sweeps, MEMORY, "peak, GB", SPACE)
            _alike(place, other)


def draw_running(panels: Mapping[str, Sequence[Sweep]], path: Path = RUNNING) -> None:
    """A panel for each axis: the seconds of one call, with a line for each artifact."""
    with _figure(len(panels), path) as places:
        for place, (title, sweeps) in zip(places, panels.items(), strict=True):
            for sweep, color in zip(sweeps, COLORS, strict=False):
                _draw(place, sweep, "s", color=color, marker="o", label=sweep.title)
            place.set_title(title, loc="left")
            _dress(place, sweeps, "s", "seconds of one call", "black")
            place.legend(frameon=False, fontsize=10)


@contextmanager
def _figure(count: int, path: Path) -> Iterator[list[Any]]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(SETTINGS):
        rows = (count + 1) // 2
        figure = Figure(figsize=(11, 3.4 * rows), layout="constrained")
        places = figure.subplots(rows, 2, squeeze=False).flatten()
        for spare in places[count:]:
            spare.set_axis_off()
        yield list(places[:count])
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw(place: Any, sweep: Sweep, unit: str, **style: Any) -> None:
    """A line through the medians, and the spread of the rounds."""
    points = sorted((point for point in sweep.points if point.failed is None), key=lambda point: point.size)
    sizes, costs = [point.size for point in points], [costs_of(point, unit) for point in points]
    place.plot(sizes, [statistics.median(found) for found in costs], **style)
    place.vlines(sizes, [min(found) for found in costs], [max(found) for found in costs], color=style["color"])


def _ends(sweeps: Iterable[Sweep], unit: str) -> str:
    found = [growth(sweep.points, unit) for sweep in sweeps]
    name = "memory" if unit == MEMORY else "time"
    return f"{name} ^ " + " and ".join(f"{grown.end:.2f}" for grown in found if grown)


def _dress(place: Any, sweeps: Sequence[Sweep], unit: str, label: str, color: str) -> None:
    """Logarithmic axes with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    place.set(xscale="log", yscale="log", xlabel=sweeps[0].axis, ylabel=label)
    place.yaxis.label.set_color(color)
    for axis in (place.xaxis, place.yaxis):
        axis.set_major_formatter(FuncFormatter(_plain))
        axis.set_minor_formatter(NullFormatter())
    costs = [cost for sweep in sweeps for point in sweep.points for cost in costs_of(point, unit)]
    if max(costs) / min(costs) < 30:
        place.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    place.margins(y=0.15)


def _alike(place: Any, other: Any) -> None:
    """Give the right axis as many decades as the left one: what is flat beside it looks flat."""
    (low, high), (least, most) = place.get_ylim(), other.get_ylim()
    middle, half = (least * most) ** 0.5, max(high / low, most / least) ** 0.5
    other.set_ylim(middle / half, middle * half)


def _plain(value: float, _: int) -> str:
    for limit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g} {name}"
    return f"{value:g}"
