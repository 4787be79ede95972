"""The cards of heads on labelled samples: their tables, precision-recall curves, and the worst pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from edgecv_converters.measured import HeadRow, WorstPicture
from edgecv_runtime.heads.words import TextTable
from edgecv_runtime.text import percent

from edgecv.report.artifacts import table
from edgecv.report.html import Html, el, join

WIDE, HIGH, EDGE = 320, 200, 30  # pixels of a curve's card, and of its margin
MOST_CURVES: Final = 12
STROKES: Final = ("", "6 4", "2 3", "9 3 2 3")  # artifacts differ by their dashes, not by colours


def head_details(heads: Sequence[HeadRow]) -> Html | None:
    """Return each artifact's tables, to be opened."""
    parts = [
        el("details", el("summary", f"{row.artifact}: {row.head}"), join([_table(one, row) for one in row.tables]))
        for row in heads
        if row.tables
    ]
    return join(parts) if parts else None


def _table(one: TextTable, row: HeadRow) -> Html:
    lines = [*one.rows, *([one.total] if one.total else [])]
    body = []
    for first, *others in lines:
        cells = join([el("td", cell, role="cell") for cell in others])
        body.append(el("tr", el("th", first, scope="row", role="rowheader"), cells, role="row"))
    return table(one.title or f"{row.head} of {row.artifact}, on the labelled samples.", one.headings, body, "pinned")


def curve_cards(heads: Sequence[HeadRow]) -> Html | None:
    """Return a plot of precision by recall for each label, with a line for each artifact and for the source."""
    rows = [row for row in heads if row.metrics.get("curves")]
    if not rows:
        return None
    lines: dict[str, Mapping[str, Sequence[float]]] = {"source": rows[0].reference_metrics["curves"]}
    lines |= {row.artifact: row.metrics["curves"] for row in rows}
    labels = list(dict.fromkeys(label for curves in lines.values() for label in curves))
    cards = [_card(label, {name: curves[label] for name, curves in lines.items() if label in curves})
             for label in labels[:MOST_CURVES]]  # fmt: skip
    more = len(labels) - MOST_CURVES
    note = el("p", f"{more} more labels are in report.json.", class_="note") if more > 0 else None
    return el("div", el("div", join(cards), class_="plots"), note)


def _card(label: str, curves: Mapping[str, Sequence[float]]) -> Html:
    paths, names = [], []
    for place, (name, values) in enumerate(curves.items()):
        dash = STROKES[place % len(STROKES)]
        paths.append(el("path", d=_path(values), class_="curve", stroke_dasharray=dash or None))
        mark = el(
            "svg",
            el("line", x1=0, y1=6, x2=30, y2=6, class_="curve", stroke_dasharray=dash or None),
            width=30,
            height=12,
        )
        names.append(el("li", mark, f" {name}: {100 * sum(values) / len(values):.1f}"))
    title = f"Precision by recall of {label} at an overlap of 0.5"
    frame = el("path", d=f"M{EDGE},6V{HIGH - EDGE}H{WIDE - 6}", class_="axis")
    texts = join([
        el("text", "1", x=EDGE - 6, y=12, class_="tick last"),
        el("text", "0", x=EDGE - 6, y=HIGH - EDGE, class_="tick last"),
        el("text", "recall 0", x=EDGE, y=HIGH - EDGE + 16, class_="tick first"),
        el("text", "1", x=WIDE - 6, y=HIGH - EDGE + 16, class_="tick last"),
    ])  # fmt: skip
    box = f"0 0 {WIDE} {HIGH}"
    plot = el(
        "svg", el("title", title), frame, join(paths), texts, role="img", aria_label=title, viewBox=box, width="100%"
    )
    return el("div", el("h3", label), plot, el("ul", join(names), class_="legend"), class_="card")


def _path(values: Sequence[float]) -> str:
    across, down = (WIDE - EDGE - 6) / max(1, len(values) - 1), HIGH - EDGE - 6
    points = (f"{EDGE + place * across:.1f},{6 + (1 - value) * down:.1f}" for place, value in enumerate(values))
    return "M" + "L".join(points)


def picture_cards(pictures: Sequence[WorstPicture]) -> Html | None:
    """Return the worst pictures, the source's answer beside the artifact's."""
    cards = [
        el(
            "figure",
            el("div", _image(one.source, f"the source's answer to {one.sample}"),
               _image(one.answer, f"the answer of {one.artifact} to {one.sample}"), class_="pair"),
            el("figcaption", f"{one.sample}: source, {one.artifact}; {percent(one.share)} the same"),
            class_="card",
        )
        for one in pictures
    ]  # fmt: skip
    return el("div", join(cards), class_="plots") if cards else None


def _image(data: str, words: str) -> Html:
    return el("img", src=f"data:image/jpeg;base64,{data}", alt=words)
