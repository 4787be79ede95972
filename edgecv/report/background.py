"""The background of a report: preparation of inputs, provenance, versions, time, failures and notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edgecv_converters.measured import Failure, Report
from edgecv_runtime.formats import title_of
from edgecv_runtime.schema import Quantization

from edgecv.report.html import Html, el, join
from edgecv.terminal.words import duration, preprocess_words, quantity


def pairs(items: Iterable[tuple[str, str | Html]]) -> Html:
    """Names and values as a description list."""
    return el("dl", join([join([el("dt", name), el("dd", value)]) for name, value in items]), class_="pairs")


def _card(title: str, body: Html, name: str | None = None) -> Html:
    return el("section", el("h3", title), body, class_="card", id=name)


def inputs_card(report: Report) -> Html | None:
    """The card on what happens to a picture before it enters the model."""
    if not report.preprocess:
        return None
    return _card("How inputs are prepared", pairs((name, preprocess_words(p)) for name, p in report.preprocess.items()))


def quantization_card(quantization: Quantization | None) -> Html | None:
    """The one quantization and the samples that set its ranges."""
    if quantization is None:
        return None
    rows = [
        ("Quantizer", quantization.quantizer),
        ("Weights", quantization.weights),
        ("Activations", quantization.activations),
        ("Inputs, outputs", quantization.io),
    ]
    if quantization.float_layers:
        rows.append(("In float", ", ".join(quantization.float_layers)))
    used = quantization.calibration
    if used is not None:
        skipped = f", {used.skipped} unreadable ones skipped" if used.skipped else ""
        rows.append(("Calibration", f"{quantity(used.count)} samples ({used.kind}), seed {used.seed}{skipped}"))
        rows.append(("Their SHA-256", used.sha256))
    return _card("Quantization", pairs(rows))


def provenance_card(report: Report) -> Html:
    """The source model, what it was compared with, and the machine."""
    source = report.source
    rows: list[tuple[str, str | Html]] = [
        ("Source", f"{source.format}, loaded by {source.loader}"),
        ("SHA-256", el("code", source.sha256)),
        ("Compared with", report.reference),
        ("Machine", report.machine),
        ("Made", report.created),
    ]
    return _card("Provenance", pairs(rows))


def versions_card(report: Report) -> Html | None:
    """Every tool and its version."""
    return _card("Versions", pairs(sorted(report.versions.items()))) if report.versions else None


def time_card(report: Report) -> Html | None:
    """The card on where the time went, longest first."""
    ordered = sorted(report.seconds.items(), key=lambda item: -item[1])
    return _card("Time spent", pairs((name, duration(spent)) for name, spent in ordered)) if ordered else None


def failures_card(failures: Sequence[Failure]) -> Html | None:
    """Targets that did not convert, each with its hint and the end of its log."""
    if not failures:
        return None
    return _card("What did not convert", join([_failure(item) for item in failures]), "failures")


def _failure(item: Failure) -> Html:
    hint = el("p", f"Hint: {item.hint}") if item.hint else None
    log = el("details", el("summary", "End of the log"), el("pre", item.log_tail), open="") if item.log_tail else None
    name = f"{title_of(item.target)} {item.precision}"
    return el("div", el("p", el("b", name), f": {item.message}", class_="bad-line"), hint, log)


def notes_card(notes: Sequence[str]) -> Html | None:
    """The card with all notes."""
    return _card("Notes", el("ul", join([el("li", note) for note in notes]))) if notes else None
