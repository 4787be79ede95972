"""The tables of artifacts, of gates, and of samples whose answer changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from edgecv_runtime.schema import Accuracy, Comparison, Gate, Status
from edgecv_runtime.text import THIN, percent

from edgecv.report.html import Html, el, join
from edgecv.report.verdict import AT_LEAST, GATE_WORDS, gate_value
from edgecv.report.view import STATUS_SIGNS, STATUS_WORDS, ArtifactView
from edgecv.terminal.words import DASH, byte_size, decibels, number, points, quantity

SIGNIFICANT: Final = 0.05
ERROR_COLUMNS: Final = ("Same answer", "Signal to noise", "Largest error")
SHOWN_FLIPS: Final = 12


def tag(status: Status) -> Html:
    """A status as a sign and a word."""
    return el("span", f"{STATUS_SIGNS[status]} {STATUS_WORDS[status]}", class_=f"tag {status}")


def cell(label: str, value: Html | str, note: str | None = None, kind: str | None = None) -> Html:
    """One cell of a table, with its column's name for phones, where a row is a card."""
    small = None if note is None else el("small", note, class_="wrap")
    return el("td", el("span", value, small), data_label=label, class_=kind, role="cell")


def _head(names: Sequence[str]) -> Html:
    cells = [el("th", name, scope="col", role="columnheader") for name in names]
    return el("thead", el("tr", join(cells), role="row"), role="rowgroup")


def table(caption: str, names: Sequence[str], rows: Sequence[Html], kind: str = "cards") -> Html:
    """A table in a frame that scrolls sideways, or (kind "cards") becomes cards on a phone."""
    body = el("tbody", join(list(rows)), role="rowgroup")
    inner = el("table", el("caption", caption), _head(names), body, class_=kind, role="table")
    return el("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def artifact_table(rows: Sequence[ArtifactView]) -> Html:
    """One row an artifact: what it is, how large, and how near to the source."""
    labelled = any(row.parity.accuracy for row in rows)
    names = ["Artifact", "Result", "Size"]
    names += ["Accuracy", "Against source"] if labelled else []
    names += list(ERROR_COLUMNS)
    note = (
        "Accuracy has its 95 % Wilson interval. "
        if labelled
        else "No labelled samples were given, so accuracy is not known. "
    )
    note += "p is McNemar's test on the samples that only one of the two gets right. " if labelled else ""
    note += "Errors are in the output's own unit, against the source model on the same inputs."
    return table(note, names, [_artifact_row(row, labelled=labelled) for row in rows])


def _artifact_row(row: ArtifactView, *, labelled: bool) -> Html:
    item = row.artifact
    how = el("small", f"{row.parity.how}" if row.status != "not_run" else row.parity.reason, class_="wrap")
    cells = [
        el("th", row.name, how, scope="row", role="rowheader"),
        cell("Result", tag(row.status)),
        cell("Size", byte_size(item.size), row.relative_size),
    ]
    cells += _accuracy_cells(row.parity.accuracy) if labelled else []
    return el("tr", join([*cells, *_error_cells(row)]), role="row")


def _accuracy_cells(measured: Accuracy | None) -> list[Html]:
    if measured is None:
        return [cell("Accuracy", DASH), cell("Against source", DASH)]
    low, high = measured.interval
    change = (measured.gained - measured.lost) / measured.count
    return [
        cell("Accuracy", percent(measured.accuracy, 2), f"{100 * low:.1f} to {percent(high)}"),
        cell("Against source", f"{points(change)} points", mcnemar_words(measured)),
    ]


def mcnemar_words(measured: Accuracy) -> str:
    """McNemar's test in words: could the difference be chance?"""
    if not measured.lost and not measured.gained:
        return "the same samples are right"
    pairs = f"{quantity(measured.lost)} lost, {quantity(measured.gained)} gained"
    if measured.mcnemar_p < SIGNIFICANT:
        return f"real (p{THIN}={THIN}{number(measured.mcnemar_p)}): {pairs}"
    return f"maybe chance (p{THIN}={THIN}{number(measured.mcnemar_p)}): {pairs}"


def _error_cells(row: ArtifactView) -> list[Html]:
    measured = row.comparison
    if measured is None:
        return [cell(name, DASH) for name in ERROR_COLUMNS]
    agreement = DASH if measured.agreement is None else percent(measured.agreement, 2)
    return [
        cell("Same answer", agreement, f"of {quantity(measured.count)} ({row.on})"),
        cell("Signal to noise", snr_words(measured), f"cosine {measured.cosine:.6f}"),
        cell(
            "Largest error",
            error_words(measured.max_abs_error),
            f"mean {error_words(measured.mean_abs_error)}",
        ),
    ]


def snr_words(measured: Comparison) -> str:
    """Signal-to-noise ratio with its unit, "equal" where nothing differs."""
    if measured.non_finite:
        return "not finite"
    return "equal" if measured.snr_db is None else f"{measured.snr_db:.1f} dB"


def error_words(value: float) -> str:
    """An error in the output's unit, "not finite" where an output was NaN or infinite."""
    return number(value)


def gate_table(rows: Sequence[ArtifactView]) -> Html | None:
    """One row an artifact with its gates, the failed ones first; None where there is no gate."""
    gated = sorted((row for row in rows if row.parity.gates), key=lambda row: not row.failed_gates)
    gates = [gate for row in gated for gate in row.parity.gates]
    if not gates:
        return None
    used = [name for name in GATE_WORDS if any(gate.name == name for gate in gates)]
    lines = [_gate_row(row, used) for row in gated]
    caption = f"{sum(gate.passed for gate in gates)} of {len(gates)} gates passed; failed artifacts first."
    return table(caption, ["Artifact", "Data", *(GATE_WORDS[name].capitalize() for name in used)], lines)


def _gate_row(row: ArtifactView, names: Sequence[str]) -> Html:
    known: dict[str, Gate] = {}
    for gate in row.parity.gates:
        known[gate.name] = worse(known[gate.name], gate) if gate.name in known else gate
    sets = ", ".join(dict.fromkeys(gate.on for gate in row.parity.gates))
    head = el("th", row.name, scope="row", role="rowheader")
    cells = [_gate_cell(GATE_WORDS[name], known.get(name)) for name in names]
    return el("tr", head, cell("Data", sets), join(cells), role="row")


def worse(one: Gate, other: Gate) -> Gate:
    """Choose the worse of two gates of one name: the one that is not passed, else the one nearer to its limit."""
    if one.passed != other.passed:
        return other if one.passed else one
    sign = 1 if one.name in AT_LEAST else -1
    values = [math.inf if gate.value is None else sign * gate.value for gate in (one, other)]
    return one if values[0] <= values[1] else other


def _gate_cell(name: str, gate: Gate | None) -> Html:
    if gate is None:
        return cell(name.capitalize(), DASH)
    sign = STATUS_SIGNS["passed" if gate.passed else "failed"]
    bound = "at least" if gate.name in AT_LEAST else "at most"
    kind = "good" if gate.passed else "bad"
    value = el("span", f"{sign} {gate_value(gate, gate.value)}", class_=kind)
    on = "" if gate.subject is None else f"{gate.subject}, "
    return cell(name.capitalize(), value, f"{on}{bound} {gate_value(gate, gate.limit)}")


def part_table(rows: Sequence[ArtifactView]) -> Html | None:
    """Every head and every output (or group of its columns) by itself; None where no artifact has several."""
    lines = []
    for row in rows:
        measured = row.comparison
        if measured is None or len(measured.heads) + len(measured.parts) <= len(measured.heads[:1]) + 1:
            continue
        found = [(head.head, percent(head.agreement, 2), DASH) for head in measured.heads]
        found += [(part.part, DASH, decibels(part.snr_db)) for part in measured.parts]
        for name, agreement, noise in found:
            cells = (cell("Head or output", name, kind="words"), cell("Same answer", agreement))
            head = el("th", row.name, scope="row", role="rowheader")
            lines.append(el("tr", head, *cells, cell("Signal to noise", noise), role="row"))
    names = ["Artifact", "Head or output", "Same answer", "Signal to noise"]
    return table("Every head by its own answers, every output by itself.", names, lines) if lines else None


def set_table(rows: Sequence[ArtifactView]) -> Html | None:
    """Each artifact on each data set, with the first samples that changed their answer; None without any."""
    lines = [
        el(
            "tr",
            el("th", row.name, scope="row", role="rowheader"),
            cell("Samples", f"{quantity(item.count)} {name}", kind="words"),
            cell("Same answer", DASH if item.agreement is None else percent(item.agreement, 2)),
            cell("Signal to noise", snr_words(item)),
            cell("Largest error", error_words(item.max_abs_error)),
            cell("Changed answers", _flips(item), kind="words wrap"),
            role="row",
        )
        for row in rows
        for name, item in row.parity.comparisons.items()
    ]
    names = ["Artifact", "Samples", "Same answer", "Signal to noise", "Largest error", "Changed answers"]
    return table("Every data set, and the first samples whose answer changed.", names, lines) if lines else None


def _flips(item: Comparison) -> str:
    if not item.flips:
        return "none"
    shown = ", ".join(item.flips[:SHOWN_FLIPS])
    return f"{shown}, …" if len(item.flips) > SHOWN_FLIPS else shown
