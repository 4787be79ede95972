"""The page of a run: pictures with their maps over them, curves, and what it all comes to, in one HTML file."""

from __future__ import annotations

from typing import Final

from edgecv_converters.explain.compare import MOVED, NEAR
from edgecv_converters.explain.departing import DepartingLayer
from edgecv_converters.explain.settings import METHODS
from edgecv_runtime.text import percent

from edgecv.explain.charts import STYLE as CURVE_STYLE
from edgecv.explain.charts import curve_chart
from edgecv.explain.result import TELLING, ExplainReport, MapRecord, ModelSummary
from edgecv.explain.run import ExplainedModel, ExplainRun
from edgecv.report.artifacts import cell, table
from edgecv.report.html import Html, el, join
from edgecv.report.page import document
from edgecv.terminal.words import DASH, decibels, duration, number

OPACITY: Final = 55  # percent, at first
MANY: Final = 0.5  # of the pictures
MOST_SHOWN: Final = 60  # pictures on a page; the rest is in the folder
Addresses = dict[tuple[int, int | None], str]
SCRIPT: Final = (
    'document.getElementById("opacity").addEventListener("input",function(e){'
    'document.documentElement.style.setProperty("--opacity",e.target.value/100)})'
)
STYLE: Final = (
    """
:root{--opacity:.55}
.slider{position:sticky;top:0;z-index:2;display:flex;gap:12px;align-items:center;background:var(--paper);
border:1px solid var(--line);border-radius:10px;padding:10px 16px;margin-top:14px}
.slider input{flex:1;max-width:340px}
.maps{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:16px;margin-top:12px}
.maps figure{margin:0;min-width:0}
.maps figcaption{font-size:13px;margin-top:6px;overflow-wrap:anywhere}
.maps figcaption small{display:block;color:var(--soft)}
.stack{position:relative;display:block}
.stack img{display:block;width:100%;height:auto;border-radius:6px}
.stack img+img{position:absolute;inset:0;opacity:var(--opacity)}
.scale{height:10px;width:160px;border-radius:5px;background:linear-gradient(90deg,#440154,#3b528b,#21918c,#5ec962,
#fde725)}
@media(max-width:520px){.maps{grid-template-columns:1fr}.scale{width:80px}}
"""
    + CURVE_STYLE
)


def render(run: ExplainRun, report: ExplainReport, addresses: Addresses, inside: list[Html]) -> str:
    """Return the page.

    Args:
        run: The maps.
        report: The same in numbers.
        addresses: For each picture, and each map of it, the address that the page shows it by.
        inside: What there is to show of the inside of the model.
    """
    shown = order_of(report)
    body = [
        _header(run, report),
        _summary_table(report),
        *_moved(report),
        _slider(),
        *(_picture(run, report, number, addresses) for number in shown),
        _more(report, len(shown)),
        *inside,
        _background(report),
    ]
    title = f"{report.name}: what it looks at, edgecv explain"
    return document(title, [part for part in body if part is not None], STYLE, script=SCRIPT)


def order_of(report: ExplainReport) -> list[int]:
    """Return which pictures are shown: those whose maps moved most first, where maps were compared."""

    def overlap(number: int) -> float:
        return min((one.top_overlap for one in report.pictures[number].maps if one.top_overlap is not None), default=1)

    return sorted(range(len(report.pictures)), key=overlap)[:MOST_SHOWN]


def _header(run: ExplainRun, report: ExplainReport) -> Html:
    count = len(report.pictures)
    words = (
        f"{count} picture{'' if count == 1 else 's'}, the head {report.head}. A map says how much each pixel counts "
    )
    words += "for the number under it; its colours go from least to most."
    names = ", ".join(METHODS[one].title for one in dict.fromkeys(model.method for model in run.models))
    return el(
        "header", el("p", "edgecv explain", class_="eyebrow"), el("h1", report.name), el("p", f"{names}. {words}")
    )


def _summary_table(report: ExplainReport) -> Html:
    compared = any(one.rank_correlation is not None for one in report.summaries)
    sane = any(one.shuffled is not None for one in report.summaries)
    names = ["Model", "Method", "Better than random", "Gain"]
    names += ["Rank correlation", "Top regions overlap", "Moved"] if compared else []
    names += ["Shuffled weights"] if sane else []
    note = "Better than random: the share of maps whose insertion and deletion curves beat those of random maps. "
    if compared:
        note += "The first model is the reference. Its top region, a fifth of the pixels, counts as moved where it and "
        note += f"the other model's share less than {percent(MOVED, 0)} of their union. "
    if sane:
        note += "Shuffled weights: the rank correlation with the map of a network that has learnt nothing; near 1, the "
        note += "map shows the picture, not the model."
    rows = [_summary_row(one, names, compared=compared, sane=sane) for one in report.summaries]
    return el("section", el("h2", "All pictures"), table(note, names, rows))


def _summary_row(one: ModelSummary, names: list[str], *, compared: bool, sane: bool) -> Html:
    layer = f", layer {one.layer}" if one.layer else ""
    how = el("small", f"{one.how}{layer}, {duration(one.seconds)}")
    words = [METHODS[one.method].title, _share(one.better_than_random), _number(one.gain)]
    if compared:
        words += [_number(one.rank_correlation), _number(one.top_overlap), _share(one.moved)]
    if sane:
        doubtful = one.shuffled is not None and one.shuffled > TELLING
        words.append(f"{_number(one.shuffled)}{': says little' if doubtful else ''}")
    cells = [cell(name, text) for name, text in zip(names[1:], words, strict=True)]
    return el("tr", el("th", one.model, how, scope="row", role="rowheader"), join(cells), role="row")


def _share(value: float | None) -> str:
    return DASH if value is None else percent(value, 0)


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}"


def _moved(report: ExplainReport) -> list[Html]:
    """Say of each model that is compared which pictures it looks at otherwise."""
    found = []
    for one in report.summaries:
        if one.moved is None:
            continue
        named = f"Most on {', '.join(one.moved_most)}. "
        if one.moved:
            title = f"{one.model} looks elsewhere on {percent(one.moved, 0)} of the pictures"
        elif one.top_overlap is not None and one.top_overlap < NEAR:
            title = f"{one.model} looks at nearly the same places: top regions overlap by {_number(one.top_overlap)}"
        else:
            title, named = f"{one.model} looks at the same places", ""
        said = f"{named}By {METHODS[one.method].title}: mean rank correlation {_number(one.rank_correlation)}."
        said += "" if one.departing is None else departing_words(one.departing)
        kind = "failed" if one.moved > MANY else "weak" if named else "passed"
        found.append(el("section", el("h2", title), el("p", said), class_=f"verdict {kind}"))
    return found


def departing_words(found: DepartingLayer) -> str:
    """Name the layer at which a file departs from the float file of the same format."""
    words = f" Inside, it departs from {found.files[1]} first in layer {found.layer} ({found.op}): "
    words += f"signal to noise {decibels(found.snr_db)}"
    words += "" if found.before_db is None else f", {decibels(found.before_db)} before it"
    weights = found.weight_snr_db
    return f"{words}{'' if weights is None else f', {decibels(weights)} of its weights'}."


def _slider() -> Html:
    slider = el("input", type="range", id="opacity", min=0, max=100, value=OPACITY)
    label = el("label", "Opacity of the maps", for_="opacity")
    return el(
        "div", label, slider, el("span", "least"), el("span", class_="scale"), el("span", "most"), class_="slider"
    )


def _picture(run: ExplainRun, report: ExplainReport, number: int, addresses: Addresses) -> Html:
    record = report.pictures[number]
    plain = el("img", src=addresses[number, None], alt="the picture", loading="lazy")
    figures = [el("figure", el("span", plain, class_="stack"), el("figcaption", "The picture"))]
    for place, model in enumerate(run.models):
        figures.append(_figure(model, record.maps[place], number, addresses[number, None], addresses[number, place]))
    return el("section", el("h3", record.picture), el("div", join(figures), class_="maps"), class_="card")


def _figure(model: ExplainedModel, record: MapRecord, number: int, picture: str, shown: str) -> Html:
    words = f"{METHODS[record.method].title}: where {record.explained} comes from"
    stack = el("span", el("img", src=picture, alt=""), el("img", src=shown, alt=words, loading="lazy"), class_="stack")
    lines = [f"{record.model}, {METHODS[record.method].title}"]
    facts = [f"{record.explained}: {_score(record.score)}"]
    if record.rank_correlation is not None:
        facts.append(f"rank correlation {_number(record.rank_correlation)}, overlap {_number(record.top_overlap)}")
    if record.areas is not None:
        facts.append(f"insertion {_score(record.areas.insertion)}, deletion {_score(record.areas.deletion)}")
    if record.shuffled is not None:
        facts.append(f"with shuffled weights {_number(record.shuffled)}")
    caption = el("figcaption", *lines, *(el("small", fact) for fact in facts))
    curves = model.map(number).curves
    return el("figure", stack, caption, None if curves is None else curve_chart(curves))


def _score(value: float) -> str:
    return number(value)


def _more(report: ExplainReport, shown: int) -> Html | None:
    left = len(report.pictures) - shown
    return el("p", f"{left} more pictures are in this folder, and all are in explain.json.") if left else None


def _background(report: ExplainReport) -> Html:
    papers = {f"{one.title}: {one.paper}" for name, one in METHODS.items() if name in _used(report)}
    words = f"{'; '.join(sorted(papers))}. {report.machine}. Made by edgecv {report.versions.get('edgecv', '')}."
    return el("footer", words)


def _used(report: ExplainReport) -> set[str]:
    return {one.method for one in report.summaries}
