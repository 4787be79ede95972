"""The table of classes: where a model that is as good on average is worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgecv_converters.measured import ClassRow
from edgecv_runtime.text import percent

from edgecv.report.artifacts import table
from edgecv.report.html import Html, el, join
from edgecv.report.view import ArtifactView
from edgecv.terminal.words import DASH, points, quantity

SHOWN: Final = 30
NOTABLE: Final = 0.05


def worst_first(classes: Sequence[ClassRow]) -> list[ClassRow]:
    """Classes with samples, by the lowest accuracy any artifact has on them, then by the largest fall."""

    def key(row: ClassRow) -> tuple[float, float, str]:
        lowest = min(row.correct.values(), default=row.reference_correct)
        return lowest / row.count, (lowest - row.reference_correct) / row.count, row.label

    return sorted((row for row in classes if row.count), key=key)


def class_table(classes: Sequence[ClassRow], rows: Sequence[ArtifactView]) -> Html | None:
    """Accuracy a class for the source and each artifact; the worst `SHOWN` classes where there are more."""
    ordered = worst_first(classes)
    if not ordered:
        return None
    shown = ordered[:SHOWN]
    measured = [row for row in rows if any(row.artifact.file in item.correct for item in shown)]
    lines = [_class_row(item, measured) for item in shown]
    some = f"The {SHOWN} worst of {quantity(len(ordered))} classes" if len(ordered) > SHOWN else "Worst class first"
    caption = f"{some}; under each accuracy its change from the source, in points."
    names = ["Class", "Samples", "Source", *(row.name for row in measured)]
    return table(caption, names, lines, "pinned")


def _class_row(item: ClassRow, rows: Sequence[ArtifactView]) -> Html:
    cells = [el("th", item.label, scope="row", role="rowheader"), _plain(quantity(item.count))]
    cells.append(_plain(percent(item.reference_correct / item.count)))
    return el("tr", join([*cells, *(_class_cell(item, row) for row in rows)]), role="row")


def _plain(text: str) -> Html:
    return el("td", text, role="cell")


def _class_cell(item: ClassRow, row: ArtifactView) -> Html:
    correct = item.correct.get(row.artifact.file)
    if correct is None:
        return _plain(DASH)
    change = (correct - item.reference_correct) / item.count
    notable = "bad" if change <= -NOTABLE else None
    fall = el("span", f"▼ {points(change)}" if notable else points(change), class_=notable)
    return el("td", percent(correct / item.count), el("small", fall), role="cell")
