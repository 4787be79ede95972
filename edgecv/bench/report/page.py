"""A benchmark's report: one HTML file that needs no network, no script and no font."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgecv_runtime.bench.result import Latency, Reference, Result
from edgecv_runtime.text import THIN

from edgecv.bench.report.background import background
from edgecv.bench.report.figures import change_words, time_words
from edgecv.bench.report.headline import fastest, reasons, sentences
from edgecv.bench.report.profile import PROFILE_LEAD, profile_tables
from edgecv.bench.report.rows import (
    PlotRow,
    axis_words,
    curve,
    distribution,
    row_plot,
    seconds_axis,
    stacked,
    time_axis,
)
from edgecv.bench.report.scatter import scatter
from edgecv.bench.report.style import CSS
from edgecv.bench.report.tables import bench_table, class_table, idle_table, side_by_side
from edgecv.bench.report.view import Bench, RowView, benches
from edgecv.bench.report.worth import EQUAL_DB, Worth, by_latency, by_size, worth
from edgecv.report.html import Html, el, join
from edgecv.report.page import document
from edgecv.terminal.words import byte_size, number

_FOOTER: Final = "Latencies hold for the machine they were measured on, as it was then."


def render_html(results: Sequence[Result]) -> str:
    """One or several results of the same model beside each other, as one self-contained HTML document.

    Everything that comes from the results is escaped. `results` has at least one member.
    """
    shown = benches(results)
    views = [view for bench in shown for view in bench.measured]
    measure = worth(views)
    body = [
        _header(shown),
        _verdict(shown),
        *_section("Side by side", "The same artifacts on each machine.", side_by_side(shown)),
        *_tables(shown, _best(shown, measure)),
        *_plots(shown, views, measure),
        *_profiles(shown),
        *_classes(shown),
        *_backgrounds(shown),
        el("footer", _FOOTER),
    ]
    title = f"{results[0].name}: {'unstable ' if reasons(shown) else ''}benchmark"
    return document(title, body, more=CSS)


def _best(shown: Sequence[Bench], measure: Worth | None) -> frozenset[int]:
    """The rows on the front of their own machine."""
    if measure is None:
        return frozenset()
    points = [point for bench in shown for point in by_latency(bench.measured, measure)]
    return frozenset(point.views[0].number for point in points if point.best)


def _header(shown: Sequence[Bench]) -> Html:
    result = shown[0].result
    places = ", ".join(bench.place for bench in shown)
    names = dict.fromkeys(bench.result.name for bench in shown)
    return el(
        "header",
        el("p", "edgecv bench", class_="eyebrow"),
        el("h1", " and ".join(names)),
        el("p", f"{result.task.capitalize()} model on {places}, {result.created}"),
    )


def _verdict(shown: Sequence[Bench]) -> Html:
    why = reasons(shown)
    told = [el("p", _told(bench, several=len(shown) > 1), class_="told") for bench in shown]
    notes = [el("li", note) for bench in shown for note in bench.result.notes]
    more = el("ul", join(notes)) if notes else None
    if why:
        sign = el("span", "⚠ ", aria_hidden="true")
        head = el("h2", sign, "Unstable: do not rely on these times")
        items = el("ul", join([el("li", reason) for reason in why]))
        return el("section", head, items, join(told), more, class_="verdict failed")
    ran = any(fastest(bench.measured) for bench in shown)
    return el("section", join(told), more, class_=f"verdict {'passed' if ran else 'not_run'}")


def _told(bench: Bench, *, several: bool) -> Html:
    first, *rest = sentences(bench)
    place = el("span", f"{bench.place}: ") if several else None
    return join((place, el("strong", f"{first}."), *(f" {sentence}." for sentence in rest)))


def _section(title: str, lead: str, *children: Html | None) -> list[Html]:
    inside = [child for child in children if child is not None]
    return [el("section", el("h2", title), el("p", lead), join(inside))] if inside else []


def _tables(shown: Sequence[Bench], best: frozenset[int]) -> list[Html]:
    made: list[Html] = []
    for bench in shown:
        title = f"Measured on {bench.place}" if len(shown) > 1 else "Measured"
        lead = _compared(bench.result.references)
        made += _section(title, lead, bench_table(bench, best, explained=bench is shown[0]), idle_table(bench))
    return made


def _compared(references: Sequence[Reference]) -> str:
    told = " ".join(f"On {item.on} samples: {item.description.rstrip('.')}." for item in references)
    return f"What answers are compared with. {told}" if told else "Answers were compared with nothing."


def _card(title: str, plot: Html, note: str) -> Html:
    return el("section", el("h3", title), plot, el("p", note, class_="note"), class_="card")


def _plots(shown: Sequence[Bench], views: Sequence[RowView], measure: Worth | None) -> list[Html]:
    cards = [
        *([] if measure is None else _fronts(views, measure, shown)),
        _distributions(shown, views),
        _split(views),
        _sustained(views),
    ]
    there = [card for card in cards if card is not None]
    grid = el("div", join(there), class_="plots") if there else None
    return _section("At a glance", "The same numbers to look at; the numbers of points are those of the table.", grid)


def _fronts(views: Sequence[RowView], measure: Worth, shown: Sequence[Bench]) -> list[Html | None]:
    missing = [view.number for view in views if view.number not in measure.values]
    equal = (
        f" Equal outputs stand {EQUAL_DB:g} dB above the best of the others."
        if measure.name == "Signal to noise"
        else ""
    )
    out = f" Without this measure, and so not drawn: {', '.join(str(item) for item in missing)}." if missing else ""
    note = (
        f"{measure.name} on {measure.on}; higher is better, farther left is cheaper. The vertical axis need not begin "
    )
    note += f"at zero, and small differences may be chance.{_reference_note(shown, measure)}{equal}{out}"
    made: list[Html | None] = []
    for bench in shown:
        if points := by_latency(bench.measured, measure):
            title = f"{measure.name} against latency{f', {bench.place}' if len(shown) > 1 else ''}"
            plot = scatter(title, points, measure, "p50 of one inference (logarithmic)", time_words, 0.05)
            made.append(_card(title, plot, note))
    if points := by_size(views, measure):
        title = f"{measure.name} against size"
        plot = scatter(title, points, measure, "Size of the file (logarithmic)", _size_words, 1.0)
        made.append(_card(title, plot, f"One point for each size and worth. {note}"))
    return made


def _size_words(value: float) -> str:
    return byte_size(round(value))


def _reference_note(shown: Sequence[Bench], measure: Worth) -> str:
    known = {
        measure.words(item.correct.accuracy)
        for bench in shown
        for item in bench.result.references
        if item.correct and measure.name == "Accuracy"
    }
    return f" The reference has {' and '.join(sorted(known))}." if known else ""


def _distributions(shown: Sequence[Bench], views: Sequence[RowView]) -> Html | None:
    named = [(f"{view.number} {view.title}", view.row.inference) for view in views if view.row.inference]
    if not named:
        return None
    known = {item.description: item.inference for bench in shown for item in bench.result.references}
    named += [(f"Reference: {name}", latency) for name, latency in known.items() if latency]
    axis = time_axis([value for _, latency in named for value in (*latency.samples_us, latency.min_us, latency.p99_us)])
    lines = [PlotRow(name=name, words=_latency_words(item), drawing=distribution(item, axis)) for name, item in named]
    plot = row_plot("Latency distributions", lines, axis_words(axis, "One inference (logarithmic)"))
    note = "How often an inference took how long; heights compare within a row. "
    return _card("Distribution of latency", plot, note + "Full line: p50, dashed: p90, dotted: p99.")


def _latency_words(latency: Latency) -> str:
    told = (time_words(value) for value in (latency.p50_us, latency.p90_us, latency.p99_us))
    return "p50 {}, p90 {}, p99 {}".format(*told)


def _split(views: Sequence[RowView]) -> Html | None:
    parts = {view.number: _parts(view) for view in views}
    drawn = [view for view in views if sum(parts[view.number])]
    if not drawn:
        return None
    most = max(sum(parts[view.number]) for view in drawn)
    lines = [
        PlotRow(
            name=f"{view.number} {view.title}",
            words=_split_words(view),
            drawing=stacked(parts[view.number], most),
        )
        for view in drawn
    ]
    note = "Medians of each part, from zero. Hollow: preprocess (decoding included where pictures were read), full: "
    note += f"inference, half as high: postprocess. The longest bar is {time_words(most)}."
    return _card("Where a prediction's time goes", row_plot("Parts of a prediction", lines, None), note)


def _parts(view: RowView) -> tuple[float, float, float]:
    before, inside, after = (
        item.p50_us if item else 0.0 for item in (view.row.preprocess, view.row.inference, view.row.postprocess)
    )
    return before, inside, after


def _split_words(view: RowView) -> str:
    row = view.row
    named = (("preprocess", row.preprocess), ("inference", row.inference), ("postprocess", row.postprocess))
    told = ", ".join(f"{name} {time_words(item.p50_us)}" for name, item in named if item)
    return told if row.total is None else f"{told}; whole {time_words(row.total.p50_us)}"


def _sustained(views: Sequence[RowView]) -> Html | None:
    drawn = [view for view in views if view.row.sustained]
    if not drawn:
        return None
    seconds = max(point.second for view in drawn for point in view.row.sustained)
    lines = [
        PlotRow(
            name=f"{view.number} {view.title}", words=_sustained_words(view), drawing=curve(view.row.sustained, seconds)
        )
        for view in drawn
    ]
    axis = seconds_axis(seconds, lambda tick: f"{number(tick)}{THIN}s")
    note = (
        "Each row ran alone without a pause. Full line with dots: p90 of each window, dashed: p50; from zero up to the "
    )
    note += "figure at the right. A rise is a processor that slows down as it grows hot."
    return _card("Sustained", row_plot("Sustained latency", lines, axis), note)


def _sustained_words(view: RowView) -> str:
    first, last = view.row.sustained[0].p90_us, view.row.sustained[-1].p90_us
    change = f" ({change_words(last / first)})" if first else ""
    return f"p90 {time_words(first)} at first, {time_words(last)} in the end{change}"


def _classes(shown: Sequence[Bench]) -> list[Html]:
    made: list[Html] = []
    for bench in shown:
        title = f"Classes on {bench.place}" if len(shown) > 1 else "Classes"
        lead = "Where a model that is as good on average answers worse than the reference."
        made += _section(title, lead, class_table(bench))
    return made


def _profiles(shown: Sequence[Bench]) -> list[Html]:
    made: list[Html] = []
    for bench in shown:
        title = f"Inside an inference on {bench.place}" if len(shown) > 1 else "Inside an inference"
        made += _section(title, PROFILE_LEAD, *profile_tables(bench))
    return made


def _backgrounds(shown: Sequence[Bench]) -> list[Html]:
    made: list[Html] = []
    for bench in shown:
        title = f"Background of {bench.place}" if len(shown) > 1 else "Background"
        made += _section(title, "All that is needed to measure this again.", background(bench.result))
    return made
