"""The table of heads whose answers are not one class each: what labelled data say of them."""

from __future__ import annotations

from collections.abc import Sequence

from edgecv_converters.measured import HeadRow

from edgecv.report.artifacts import table
from edgecv.report.html import Html, el, join


def head_table(heads: Sequence[HeadRow]) -> Html | None:
    """Return a line for each head of each artifact, with the source's metric beside its own."""
    if not heads:
        return None
    lines = [
        el("tr", join([el("th", row.artifact, scope="row", role="rowheader"), *map(_cell, _texts(row))]), role="row")
        for row in heads
    ]
    return table("On the labelled samples.", ["Artifact", "Head", "Kind", "Artifact's", "Source's"], lines, "pinned")


def _texts(row: HeadRow) -> tuple[str, ...]:
    return row.head, row.kind, row.words, row.reference_words


def _cell(text: str) -> Html:
    return el("td", text, role="cell")
