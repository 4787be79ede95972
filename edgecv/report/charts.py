"""The four plots: accuracy, agreement, size and errors, each in a card with a line on how to read it."""

from __future__ import annotations

from collections.abc import Sequence

from edgecv_runtime.heads.metrics import wilson
from edgecv_runtime.text import percent

from edgecv.report.artifacts import error_words, snr_words
from edgecv.report.html import Html, el, join
from edgecv.report.plots import Mark, bar_plot, error_plot, interval_plot
from edgecv.report.view import STATUS_WORDS, ArtifactView
from edgecv.terminal.words import byte_size


def charts(rows: Sequence[ArtifactView]) -> Html:
    """All plots that there is data for."""
    made = [_accuracy(rows), _agreement(rows), _size(rows), _errors(rows)]
    return el("div", join([card for card in made if card is not None]), class_="plots")


def _card(title: str, plot: Html, note: str) -> Html:
    return el("section", el("h3", title), plot, el("p", note, class_="note"), class_="card")


def _tick(value: float) -> str:
    return f"{100 * value:.4g} %"


def _unmeasured(row: ArtifactView) -> str:
    return STATUS_WORDS[row.status] if row.status == "not_run" else "not measured"


def _accuracy(rows: Sequence[ArtifactView]) -> Html | None:
    measured = [row.parity.accuracy for row in rows if row.parity.accuracy]
    if not measured:
        return None
    marks = [_accuracy_mark(row) for row in rows]
    source = measured[0].reference_accuracy
    plot = interval_plot("Accuracy", marks, _tick, reference=(f"source {percent(source, 2)}", source))
    note = "Dot: share of labelled samples that are right. Whiskers: 95 % interval. Dashed: the source model. "
    return _card("Accuracy", plot, note + "A diamond missed a limit. The axis does not begin at zero.")


def _accuracy_mark(row: ArtifactView) -> Mark:
    measured = row.parity.accuracy
    if measured is None:
        return Mark(label=row.name, text=_unmeasured(row), status=row.status)
    low, high = measured.interval
    text = percent(measured.accuracy, 2)
    return Mark(label=row.name, text=text, status=row.status, value=measured.accuracy, low=low, high=high)


def _agreement(rows: Sequence[ArtifactView]) -> Html | None:
    marks = [_agreement_mark(row) for row in rows]
    if all(mark.value is None for mark in marks):
        return None
    plot = interval_plot("Same answer as the source", marks, _tick)
    note = "Share of samples where artifact and source say the same, right or wrong, with 95 % intervals. "
    return _card("Same answer as the source", plot, note + "Equal accuracy can hide changed answers; this does not.")


def _agreement_mark(row: ArtifactView) -> Mark:
    measured = row.comparison
    if measured is None or measured.agreement is None:
        return Mark(label=row.name, text=_unmeasured(row), status=row.status)
    share = measured.agreement
    low, high = wilson(round(share * measured.count), measured.count)
    return Mark(label=row.name, text=percent(share, 2), status=row.status, value=share, low=low, high=high)


def _size(rows: Sequence[ArtifactView]) -> Html | None:
    if not rows:
        return None
    marks = [
        Mark(
            label=row.name,
            text=byte_size(row.artifact.size),
            status=row.status,
            value=float(row.artifact.size),
        )
        for row in rows
    ]
    return _card("Size", bar_plot("Size of each artifact", marks), "Bytes on disk, in decimal units.")


def _errors(rows: Sequence[ArtifactView]) -> Html | None:
    drawn = [(row, row.histogram) for row in rows if row.histogram and sum(row.histogram.counts)]
    if not drawn:
        return None
    marks = [(Mark(label=row.name, text=_error_text(row), status=row.status), histogram) for row, histogram in drawn]
    plot = error_plot("Distribution of output errors", marks)
    note = "How far single output values are from the source's; farther left is nearer, each decade ten times. "
    return _card("Output errors", plot, note + "Equal values stand at the far left; heights compare within a row.")


def _error_text(row: ArtifactView) -> str:
    if row.comparison is None:
        return ""
    if row.comparison.non_finite:
        return "not finite"
    return f"{snr_words(row.comparison)}, mean {error_words(row.comparison.mean_abs_error)}"
