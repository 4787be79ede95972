"""A report as one HTML file that needs nothing else: no network, no script, no font."""

from __future__ import annotations

import base64
import hashlib

from edgecv_converters.measured import Report

from edgecv.report.artifacts import artifact_table, gate_table, part_table, set_table
from edgecv.report.background import (
    failures_card,
    inputs_card,
    notes_card,
    provenance_card,
    quantization_card,
    time_card,
    versions_card,
)
from edgecv.report.charts import charts
from edgecv.report.classes import class_table
from edgecv.report.explanation import STYLE as MAP_STYLE
from edgecv.report.explanation import map_table
from edgecv.report.heads import head_table
from edgecv.report.html import Html, el, join
from edgecv.report.layers import layer_cards
from edgecv.report.mixed import lead, mixed_cards
from edgecv.report.places import curve_cards, head_details, picture_cards
from edgecv.report.style import CSS
from edgecv.report.verdict import facts, overall, verdict
from edgecv.report.view import STATUS_WORDS, ArtifactView, views

MAPS = "Which pixels the answers come from, in the source and in each artifact; the largest changes come first."
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render(report: Report, maps: list[Html] | None = None) -> str:
    """The whole report: one self-contained HTML document, everything that came from outside escaped.

    Args:
        report: What was measured.
        maps: Pictures with the maps of importance over them, where they were made.
    """
    rows = views(report)
    body = join(
        [
            _header(report),
            verdict(rows, report.failures),
            facts(report, rows),
            *_measured(report, rows),
            *_section("Where it looks", MAPS, map_table(report.maps), *(maps or ())),
            *_background(report),
            el("footer", f"Made by edgecv {report.versions.get('edgecv', '')}. {_FOOTER}"),
        ]
    )
    title = f"{report.name}: {STATUS_WORDS[overall(rows, report.failures)]}, edgecv report"
    return document(title, [body], MAP_STYLE if maps else "")


def document(title: str, body: list[Html], more: str = "", *, script: str = "") -> str:
    """A whole page that loads nothing, in the report's style.

    Args:
        title: Its title.
        body: What it shows.
        more: Rules of style after the report's.
        script: The only script that may run.
    """
    policy = POLICY
    if script:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy += f"; script-src 'sha256-{digest}'"
    last = el("script", Html(script)) if script else None
    shown = el("body", el("main", join(body)), last)
    return f'<!doctype html>\n<html lang="en">{_head(title, more, policy)}{shown}</html>\n'


_FOOTER = "Parity is measured by running each artifact; what could not be run is never called passed."


def _head(title: str, more: str, policy: str) -> Html:
    metas = [
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width,initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
    ]
    return el("head", *metas, el("title", title), el("style", Html(CSS + more)))


def _header(report: Report) -> Html:
    return el(
        "header",
        el("p", "edgecv report", class_="eyebrow"),
        el("h1", report.name),
        el("p", f"{report.task.capitalize()} model, {report.created}"),
    )


def _side_by_side(*cards: Html | None) -> Html | None:
    there = [card for card in cards if card is not None]
    return el("div", join(there), class_="plots") if there else None


def _section(title: str, lead: str, *children: Html | None) -> list[Html]:
    inside = [child for child in children if child is not None]
    return [el("section", el("h2", title), el("p", lead), join(inside))] if inside else []


def _measured(report: Report, rows: tuple[ArtifactView, ...]) -> list[Html]:
    if not rows:
        return []
    sets, by_part = set_table(rows), part_table(rows)
    more = el("details", el("summary", "Each data set, and the samples that changed"), sets) if sets else None
    return [
        *_section("Artifacts", "What was made, and how near each is to the source model.", artifact_table(rows)),
        *_section("At a glance", "The same numbers to look at.", charts(rows)),
        *_section("Gates", "The limits that decide between passed and failed.", gate_table(rows), by_part, more),
        *_section("Layers in float", lead(report.mixed), *mixed_cards(report.mixed)),
        *_section("Layers", "What int8 does to each result inside the network.", *layer_cards(report.layers)),
        *_section(
            "Heads",
            "How good the answers of other heads are on labelled samples.",
            head_table(report.heads),
            head_details(report.heads),
            curve_cards(report.heads),
        ),
        *_section(
            "Worst pictures",
            "Where an artifact's answer is farthest from the source's.",
            picture_cards(report.pictures),
        ),
        *_section("Classes", "Accuracy for each class on the labelled samples.", class_table(report.classes, rows)),
    ]


def _background(report: Report) -> list[Html]:
    return [
        *_section("Problems", "Targets that are missing from this bundle.", failures_card(report.failures)),
        *_section(
            "Background",
            "All that is needed to make this again.",
            inputs_card(report),
            quantization_card(report.quantization),
            provenance_card(report),
            _side_by_side(versions_card(report), time_card(report)),
            notes_card(report.notes),
        ),
    ]
