"""The tables: every row with its numbers, what was not run and why, the places side by side, and the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgecv_runtime.bench.result import BenchRow, ClassCount, Correct, Latency, Reference
from edgecv_runtime.text import percent

from edgecv.bench.report.figures import (
    rate_words,
    three_digits,
    time_words,
    work_words,
)
from edgecv.bench.report.headline import fastest
from edgecv.bench.report.view import Bench, RowView
from edgecv.report.artifacts import SIGNIFICANT, snr_words, table
from edgecv.report.html import Html, el, join
from edgecv.terminal.words import DASH, TIMES, byte_size, points, quantity

SHOWN_CLASSES: Final = 30
NOTABLE: Final = 0.05
NAMES: Final = ("p50", "p90", "p99", "Samples/s", "Load", "Memory", "Size", "Accuracy", "Agreement", "Of peak")
_EXPLAINED: Final = (
    "p50, p90, p99: one inference. Samples/s: whole predictions, from the encoded picture or tensor to the answer. "
    "Load: opening the file in a fresh process, and its first inference. Memory: peak of the process, and what of it "
    f"runtime and model added. Accuracy with its change from the reference in points, its {percent(0.95, 0)} interval, "
    f"and whether McNemar's test ({percent(SIGNIFICANT, 0)}) takes the change for real. Of peak: multiply-adds a "
    "second (G: thousand millions) against the most that was measured here. "
    "◆ front: on the Pareto front of answers against latency."
)
_BLANK: Final = el("td", DASH, role="cell", class_="blank")


def cell(label: str, value: str | Html, note: str | None = None, kind: str | None = None) -> Html:
    """One cell with its column's name, for a phone, and a small second line."""
    small = None if note is None else el("small", note, class_=kind)
    return el("td", el("span", value, small), data_label=label, role="cell")


def _header(*parts: str | Html | None) -> Html:
    return el("th", join(parts), scope="row", role="rowheader")


def bench_table(bench: Bench, best: frozenset[int], *, explained: bool) -> Html | None:
    """One row an artifact, backend and number of threads; `best` are the numbers on the front; None if nothing ran."""
    if not bench.measured:
        return None
    caption = _EXPLAINED if explained else "The columns are those of the first table."
    first = fastest(bench.measured)
    rows = [
        (_title(view, fast=view is first, best=view.number in best), _cells(view), "row") for view in bench.measured
    ]
    rows += [(_reference_title(item), _reference_cells(item), "reference") for item in _measured(bench)]
    used = [name for name in NAMES if any(name in cells for _, cells, _ in rows)]
    lines = [
        el("tr", title, join([cells.get(name) or _unknown(name, kind) for name in used]), role="row", class_=kind)
        for title, cells, kind in rows
    ]
    answers = {"Agreement": agreement_name(bench.measured)}
    return table(caption, ["Artifact", *(answers.get(name, name) for name in used)], lines, "cards bench")


def _measured(bench: Bench) -> list[Reference]:
    return [item for item in bench.result.references if item.inference or item.correct]


def _unknown(name: str, kind: str) -> Html:
    return _BLANK if kind == "reference" else cell(name, DASH)


def _title(view: RowView, *, fast: bool, best: bool) -> Html:
    signs = ", ".join(word for word, true in (("◆ front", best), ("fastest", fast)) if true)
    tag = el("span", signs, class_="tag passed") if signs else None
    return _header(
        el("span", f"{view.number} ", class_="number"), view.name, " ", tag, el("small", _how(view), class_="wrap")
    )


def _cells(view: RowView) -> dict[str, Html]:
    """The cells of a row by the name of the column."""
    row = view.row
    batch = None if row.batch == 1 else f"batches of {row.batch}"
    first = None if row.cold_us is None else f"first {time_words(row.cold_us)}"
    made = {
        **_latency_cells(row.inference),
        "Samples/s": None if row.per_second is None else cell("Samples/s", rate_words(row.per_second), batch),
        "Load": None if row.load_us is None else cell("Load", time_words(row.load_us), first),
        "Memory": _memory(row),
        "Size": cell("Size", byte_size(row.bytes)),
        "Accuracy": _accuracy(row.correct),
        "Agreement": _agreement(view),
        "Of peak": _peak(row),
    }
    return {name: value for name, value in made.items() if value is not None}


def _how(view: RowView) -> str:
    library, warm_up = view.row.library, view.row.warm_up
    told = view.runs
    if library is not None:
        told += f"; {library.name} {library.version} {'+'.join(library.providers)}".rstrip()
    return told if warm_up is None or warm_up.stable else f"{told}; warm-up did not settle"


def _latency_cells(latency: Latency | None) -> dict[str, Html]:
    if latency is None:
        return {}
    return {
        "p50": cell("p50", el("b", time_words(latency.p50_us)), f"min {time_words(latency.min_us)}"),
        "p90": cell("p90", time_words(latency.p90_us)),
        "p99": cell("p99", time_words(latency.p99_us)),
    }


def _memory(row: BenchRow) -> Html | None:
    if row.memory_bytes is None:
        return None
    before = row.memory_before_bytes
    added = None if before is None else f"added {byte_size(max(0, row.memory_bytes - before))}"
    return cell("Memory", byte_size(row.memory_bytes), added)


def _accuracy(measured: Correct | None) -> Html | None:
    if measured is None:
        return None
    low, high = measured.interval
    value = percent(measured.accuracy, 2)
    if measured.reference_accuracy is not None:
        value += f" ({points(measured.accuracy - measured.reference_accuracy)})"
    note = f"{100 * low:.1f} to {percent(high)}"
    if measured.mcnemar_p is not None and measured.lost != measured.gained:
        note += ", real" if measured.mcnemar_p < SIGNIFICANT else ", chance?"
    return cell("Accuracy", value, note, "wrap")


def agreement_name(views: Sequence[RowView]) -> str:
    """The heading of what `agreement_words` gives: signal to noise where no row has answers to compare."""
    compared = [item for _, item in (view.compared for view in views) if item is not None]
    return "Signal to noise" if compared and all(item.agreement is None for item in compared) else "Agreement"


def agreement_words(view: RowView) -> str:
    """The share of answers that are the reference's; without answers the signal-to-noise ratio; a dash if not known."""
    _, compared = view.compared
    if compared is None:
        return DASH
    return snr_words(compared) if compared.agreement is None else percent(compared.agreement, 2)


def _agreement(view: RowView) -> Html | None:
    on, compared = view.compared
    if compared is None:
        return None
    label = "Signal to noise" if compared.agreement is None else "Agreement"
    return cell(label, agreement_words(view), f"of {quantity(compared.count)} ({on})", "wrap")


def _peak(row: BenchRow) -> Html | None:
    work = row.multiply_adds_per_second
    if work is None and row.peak_share is None:
        return None
    share = DASH if row.peak_share is None else percent(row.peak_share)
    return cell("Of peak", share, None if work is None else f"{work_words(work)}/s")


def _reference_title(item: Reference) -> Html:
    return _header("Reference", el("small", f"{item.description} ({item.on})", class_="wrap"))


def _reference_cells(item: Reference) -> dict[str, Html]:
    accuracy = _accuracy(item.correct)
    return {**_latency_cells(item.inference), **({} if accuracy is None else {"Accuracy": accuracy})}


def idle_table(bench: Bench) -> Html | None:
    """A table of what was not run, and why."""
    if not bench.idle:
        return None
    lines = [
        el(
            "tr",
            _header(view.name, el("small", view.runs)),
            cell("Size", byte_size(view.row.bytes)),
            el("td", el("span", view.row.not_run), data_label="Why", class_="words wrap", role="cell"),
            role="row",
        )
        for view in bench.idle
    ]
    return table("Not run: no number of these is known here.", ["Artifact", "Size", "Why"], lines, "cards why")


def side_by_side(benches: Sequence[Bench]) -> Html | None:
    """The best median of each artifact in each place, and how it compares with the first place; None for one place."""
    if len(benches) < 2:
        return None
    names = dict.fromkeys(view.name for bench in benches for view in bench.measured)
    lines = []
    for name in names:
        found = [fastest([view for view in bench.measured if view.name == name]) for bench in benches]
        cells = [_place_cell(bench.place, view, found[0]) for bench, view in zip(benches, found, strict=True)]
        lines.append(el("tr", _header(name), join(cells), role="row"))
    caption = (
        "p50 of one inference with the backend and threads that are fastest there; under it the time relative to "
        f"{benches[0].place}."
    )
    return table(caption, ["Artifact", *(bench.place for bench in benches)], lines, "cards places")


def _place_cell(place: str, view: RowView | None, first: RowView | None) -> Html:
    if view is None:
        return cell(place, DASH)
    note = view.runs
    if first is not None and first.p50_us and first is not view:
        note += f"; {three_digits((view.p50_us or 0.0) / first.p50_us)}{TIMES} the time"
    return cell(place, time_words(view.p50_us), note)


def class_table(bench: Bench) -> Html | None:
    """Accuracy a class and its change from the reference, the largest loss first; equal rows share a column."""
    groups: dict[tuple[str, tuple[ClassCount, ...]], RowView] = {}
    for view in bench.measured:
        if view.row.classes:
            groups.setdefault((view.name, view.row.classes), view)
    if not groups:
        return None
    columns = {view.number: {item.label: item for item in view.row.classes} for view in groups.values()}
    labels = _worst_first(list(columns.values()))
    shown = labels[:SHOWN_CLASSES]
    some = (
        f"The {SHOWN_CLASSES} worst of {quantity(len(labels))} classes" if len(labels) > len(shown) else "Worst first"
    )
    caption = f"{some}: under each accuracy its change from the reference, in points; ▼ where that is 5 or more down."
    lines = [_class_row(label, list(columns.values())) for label in shown]
    repeated = {view.name for view in groups.values() if sum(other.name == view.name for other in groups.values()) > 1}
    names = [f"{view.name}, {view.runs}" if view.name in repeated else view.name for view in groups.values()]
    return table(caption, ["Class", "Samples", "Reference", *names], lines, "pinned")


def _worst_first(columns: Sequence[dict[str, ClassCount]]) -> list[str]:
    worst: dict[str, tuple[float, float]] = {}
    for column in columns:
        for label, item in column.items():
            if item.count:
                key = (_change(item) or 0.0, item.correct / item.count)
                worst[label] = min(worst.get(label, key), key)
    return sorted(worst, key=lambda label: (worst[label], label))


def _change(item: ClassCount) -> float | None:
    return None if item.reference_correct is None else (item.correct - item.reference_correct) / item.count


def _class_row(label: str, columns: Sequence[dict[str, ClassCount]]) -> Html:
    known = next(column[label] for column in columns if label in column)
    reference = DASH if known.reference_correct is None else percent(known.reference_correct / known.count)
    head = [_header(label), el("td", quantity(known.count), role="cell"), el("td", reference, role="cell")]
    return el("tr", join([*head, *(_class_cell(column.get(label)) for column in columns)]), role="row")


def _class_cell(item: ClassCount | None) -> Html:
    if item is None or not item.count:
        return el("td", DASH, role="cell")
    change = _change(item)
    if change is None:
        return el("td", percent(item.correct / item.count), role="cell")
    notable = change <= -NOTABLE
    fall = el("span", f"▼ {points(change)}" if notable else points(change), class_="bad" if notable else None)
    return el("td", percent(item.correct / item.count), el("small", fall), role="cell")


def peak_words(value: float) -> str:
    """A measured peak, as "110 G multiply-adds/s"."""
    return f"{work_words(value)} multiply-adds/s"
