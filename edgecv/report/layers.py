"""The distance of int8 from float inside the network: a column for each result in order of computation, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgecv_converters.measured import LayerError
from edgecv_runtime.text import percent

from edgecv.inspect.layers import operation_words, worst_first
from edgecv.report.artifacts import table
from edgecv.report.html import Html, el, join
from edgecv.report.plots import nice_ticks
from edgecv.terminal.words import DASH, decibels, is_finite, quantity, span_words

SHOWN: Final = 10
MARKED: Final = 5
HEIGHT: Final = 190
LEFT: Final = 7.0  # percent, for the axis' words
TOP: Final = 14
EQUAL_DB: Final = 6.0  # how far over the highest column one without any error is drawn


def layer_cards(layers: Sequence[LayerError]) -> tuple[Html | None, Html | None]:
    """The plot and the table of the worst; nothing where nothing was measured."""
    if not layers:
        return None, None
    note = (
        "Signal-to-noise ratio of each result inside the int8 TFLite file, the first at the left; higher is nearer. "
        f"Diamonds: the {marked(layers)} lowest, as in the table. Grey: computed in float{_and_logits(layers)}. "
        "Errors add up on the way, so a fall tells more than a height."
    )
    title = el("h3", "Signal to noise in dB, layer by layer")
    plot = el("section", title, snr_plot(layers), el("p", note, class_="note"), class_="card")
    return plot, layer_table(layers)


def _and_logits(layers: Sequence[LayerError]) -> str:
    if not any(row.logits for row in layers):
        return ""
    return ", or logits: ranged for the answers made of them, classes that lost are clipped on purpose"


def marked(layers: Sequence[LayerError]) -> int:
    """Count how many of the worst carry a sign: a quarter, at most five."""
    return min(MARKED, -(-len(layers) // 4))


def snr_plot(layers: Sequence[LayerError]) -> Html:
    """One column a result, from the lowest tick up; the worst ones carry a diamond."""
    known = [row.snr_db for row in layers if row.snr_db is not None and is_finite(row.snr_db)] or [0.0]
    above = EQUAL_DB if any(row.snr_db is None for row in layers) else 0.0
    ticks = nice_ticks(min(0.0, *known), max(1.0, *known) + above)
    low, high = ticks[0], ticks[-1]

    def y(value: float | None) -> float:
        shown = high if value is None else min(max(value, low), high)
        return TOP + HEIGHT * (high - shown) / (high - low)

    parts = [_tick(tick, y(tick)) for tick in ticks]
    worst = {id(row) for row in worst_first(layers)[: marked(layers)]}
    step = (100 - LEFT) / len(layers)
    for place, row in enumerate(layers):
        parts.append(_column(row, LEFT + step * place, step, y(row.snr_db), worst=id(row) in worst))
    spoken = "; ".join(f"{row.layer} {row.op}: {decibels(row.snr_db)}" for row in worst_first(layers)[:SHOWN])
    title = el("title", "Signal-to-noise ratio of each layer")
    label = f"Signal-to-noise ratio of {len(layers)} results, the lowest: {spoken}"
    return el("svg", title, join(parts), role="img", aria_label=label, width="100%", height=f"{TOP + HEIGHT + 6}")


def _tick(value: float, y: float) -> Html:
    line = el("line", x1=f"{LEFT}%", x2="100%", y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid")
    return join([line, el("text", f"{value:g}", x="0", y=f"{y + 4:.1f}", class_="tick first")])


def _column(row: LayerError, left: float, step: float, y: float, *, worst: bool) -> Html:
    kind = "not_run" if row.grid_range is None or row.logits else "failed" if worst else "passed"
    name = el("title", f"{row.layer} ({operation_words(row)}): {decibels(row.snr_db)}, cosine {row.cosine:.5f}")
    gap = 0.12 * step
    box = el(
        "rect",
        name,
        x=f"{left + gap:.3f}%",
        y=f"{y:.1f}",
        width=f"{step - 2 * gap:.3f}%",
        height=f"{max(1.5, TOP + HEIGHT - y):.1f}",
        class_=f"column {kind}",
    )
    if not worst:
        return box
    shape = el("path", d="M0,-5L5,0L0,5L-5,0Z", class_=f"dot {kind}")
    return join([box, el("svg", shape, x=f"{left + step / 2:.3f}%", y=f"{max(y - 6, 6):.1f}", class_="anchor")])


def layer_table(layers: Sequence[LayerError]) -> Html:
    """The results farthest from float."""
    rows = worst_first(layers)[:SHOWN]
    caption = (
        f"The {quantity(len(rows))} of {quantity(len(layers))} results that are farthest from the float file's, on "
        f"{quantity(layers[0].count)} calibration samples. edgecv inspect BUNDLE --layers prints all."
    )
    names = ["Layer", "Signal to noise", "Cosine", "Float values", "int8 grid", "Clipped", "Its weights"]
    return table(caption, names, [_row(row) for row in rows])


def _row(row: LayerError) -> Html:
    cells = (
        ("Signal to noise", decibels(row.snr_db)),
        ("Cosine", f"{row.cosine:.5f}"),
        ("Float values", span_words(row.float_range)),
        ("int8 grid", "float" if row.grid_range is None else span_words(row.grid_range)),
        ("Clipped", percent(row.clipped, 2)),
        ("Its weights", DASH if row.weight_snr_db is None else decibels(row.weight_snr_db)),
    )
    made = [el("td", el("span", value), data_label=name, role="cell") for name, value in cells]
    head = el("th", row.layer, el("small", operation_words(row), class_="wrap"), scope="row", role="rowheader")
    return el("tr", head, join(made), role="row")
