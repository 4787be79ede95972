"""The report's head: what came of it, in plain words, before any number."""

from __future__ import annotations

from collections.abc import Sequence

from edgecv_converters.measured import Failure, Report
from edgecv_runtime.formats import title_of
from edgecv_runtime.schema import Gate, Status
from edgecv_runtime.text import THIN, percent

from edgecv.report.html import Html, el, join
from edgecv.report.view import STATUS_SIGNS, STATUS_WORDS, ArtifactView
from edgecv.terminal.words import byte_size, number, quantity

GATE_WORDS = {
    "snr_db": "signal-to-noise ratio",
    "agreement": "agreement",
    "max_drop": "loss of accuracy",
    "budget": "budgeted loss",
    "twin": "agreement with the int8 twin",
    "constant": "columns that are constant",
    "lost": "columns that follow the source no better than a constant, or by another factor",
    "never": "answers that are never given",
    "mean_iou": "mean overlap of the classes",
    "psnr_db": "peak signal-to-noise ratio",
    "explanation": "rank correlation of maps of importance",
    "fall_db": "decibels below its record",
    "twin_fall_db": "decibels below the int8 twin",
}
_SHARES = frozenset({"agreement", "twin", "mean_iou"})
_NOISE = frozenset({"snr_db", "psnr_db"})
_CORRELATIONS = frozenset({"explanation"})
AT_LEAST = _SHARES | _NOISE | _CORRELATIONS  # gates whose value must not be lower
_FALLS = frozenset({"fall_db", "twin_fall_db"})
_COUNTED = frozenset({"constant", "lost", "never"})


def gate_value(gate: Gate, value: float | None) -> str:
    """A gate's limit or value with its unit; a missing value means equal where the gate passed."""
    if value is None:
        return "equal outputs" if gate.passed else "not finite or not measured"
    if gate.name in _SHARES:
        return percent(value, 2)
    if gate.name in _COUNTED:
        return quantity(round(value))
    if gate.name in _CORRELATIONS:
        return number(value)
    unit = "dB" if gate.name in _NOISE | _FALLS else "points"
    return f"{number(value)}{THIN}{unit}"


def gate_sentence(gate: Gate) -> str:
    """Say why a gate failed, as the end of a sentence."""
    if gate.name in _COUNTED:
        unlike = "" if gate.name == "lost" else ", though the source's are not"
        return f"{GATE_WORDS[gate.name]}{unlike}: {gate.subject}"
    side = "above" if gate.name in _FALLS | {"max_drop", "budget"} else "below"
    value, limit = gate_value(gate, gate.value), gate_value(gate, gate.limit)
    if gate.value is None:
        return f"{gate_title(gate)} is {value} (limit {limit})"
    return f"{gate_title(gate)} {value} is {side} the limit of {limit}"


def gate_title(gate: Gate) -> str:
    """A gate's name in words, with the head or the part of an output that it is read on."""
    words = GATE_WORDS.get(gate.name, gate.name)
    return words if gate.subject is None else f"{words} of {gate.subject}"


def overall(rows: Sequence[ArtifactView], failures: Sequence[Failure]) -> Status:
    """Failed where anything failed; weak where a proof is; not run where nothing was proven; else passed.

    What a target refuses is told, and is no failure of the others.
    """
    if not all(failure.refused for failure in failures) or any(row.status == "failed" for row in rows):
        return "failed"
    if any(row.status == "weak" for row in rows):
        return "weak"
    return "passed" if any(row.status == "passed" for row in rows) else "not_run"


def _headline(rows: Sequence[ArtifactView], failures: Sequence[Failure]) -> str:
    status = overall(rows, failures)
    passed = sum(row.status == "passed" for row in rows)
    if status == "passed":
        refused = f", {len(failures)} refused" if failures else ""
        if len(rows) == 1:
            return f"Passed: the artifact gives the source model's answers within the limits{refused}"
        whole = f"all {passed}" if passed == len(rows) else f"{passed} of {len(rows)}"
        rest = "" if passed == len(rows) else f", {len(rows) - passed} could not be run here"
        return f"Passed: {whole} artifacts give the source model's answers within the limits{rest}{refused}"
    if status == "weak":
        return "Weak: the limits hold, on samples that cannot prove much"
    if status == "not_run":
        return "Not run: nothing here has been proven yet"
    over = sum(row.status == "failed" for row in rows)
    parts = [f"{over} of {len(rows)} artifacts missed a limit"] if over else []
    parts += [f"{len(failures)} {'target' if len(failures) == 1 else 'targets'} did not convert"] if failures else []
    return f"Failed: {' and '.join(parts)}"


def verdict(rows: Sequence[ArtifactView], failures: Sequence[Failure]) -> Html:
    """The coloured box: one sentence, then a line for each thing that is not well."""
    status = overall(rows, failures)
    lines = [_problem(row) for row in rows if row.status in {"failed", "weak"}]
    lines += [
        el(
            "li",
            el("b", f"{title_of(item.target)} {item.precision}"),
            f": {item.message} ",
            _link("#failures"),
        )
        for item in failures
    ]
    lines += [
        el("li", el("b", row.name), f" was not run: {row.parity.reason or 'no reason given'}") for row in _idle(rows)
    ]
    sign = el("span", f"{STATUS_SIGNS[status]} ", aria_hidden="true")
    body = el("ul", join(lines)) if lines else None
    return el("section", el("h2", sign, _headline(rows, failures)), body, class_=f"verdict {status}")


def _link(target: str) -> Html:
    return el("a", "(log)", href=target)


def _idle(rows: Sequence[ArtifactView]) -> list[ArtifactView]:
    return [row for row in rows if row.status == "not_run"]


def _problem(row: ArtifactView) -> Html:
    why = "; ".join(gate_sentence(gate) for gate in row.failed_gates) or row.parity.reason or "no reason given"
    return el("li", el("b", row.name), f": {why}")


def facts(report: Report, rows: Sequence[ArtifactView]) -> Html:
    """Four or five numbers to remember."""
    source = report.source
    cells = [_fact("Source model", quantity(source.parameters), f"parameters, {source.format}, {report.task}")]
    if source.multiply_adds:
        cells.append(_fact("Work", f"{number(source.multiply_adds / 1e6)} M", "multiply-adds for one sample"))
    measured = next((row.parity.accuracy for row in rows if row.parity.accuracy), None)
    if measured:
        note = f"on {quantity(measured.count)} labelled samples"
        cells.append(_fact("Source accuracy", percent(measured.reference_accuracy, 2), note))
    if rows:
        smallest = min(rows, key=lambda row: row.artifact.size)
        cells.append(_fact("Smallest artifact", byte_size(smallest.artifact.size), smallest.name))
        cells.append(_fact("Artifacts", str(len(rows)), _tally(rows)))
    return el("dl", join(cells), class_="facts")


def _tally(rows: Sequence[ArtifactView]) -> str:
    counted = {status: sum(row.status == status for row in rows) for status in STATUS_WORDS}
    return ", ".join(f"{count} {STATUS_WORDS[status]}" for status, count in counted.items() if count)


def _fact(name: str, value: str, note: str) -> Html:
    return el("div", el("dt", name), el("dd", value, el("small", note)))
