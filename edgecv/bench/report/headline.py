"""The report's first sentence, made from the numbers: what is fastest, and at which cost of agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgecv_runtime.text import percent

from edgecv.bench.report.figures import threads_words, three_digits, time_words
from edgecv.bench.report.view import Bench, RowView
from edgecv.terminal.words import DASH, TIMES, decibels, points, quantity

FEW: Final = 100  # samples; agreement on fewer says little


def fastest(views: Sequence[RowView]) -> RowView | None:
    """The row with the lowest median of one inference; None where nothing ran."""
    timed = [view for view in views if view.p50_us is not None]
    return min(timed, key=lambda view: view.p50_us or 0.0, default=None)


def sentences(bench: Bench) -> tuple[str, ...]:
    """Name the fastest row of one place and, where it changes answers, the fastest of those that do not."""
    first = fastest(bench.measured)
    if first is None:
        return ("Nothing was run",)
    told = (f"{_who(first)} is fastest: {time_words(first.p50_us)} an inference{_gain(first, bench)}, {_cost(first)}",)
    if _unchanged(first) is not False:
        return told
    exact = fastest([view for view in bench.measured if _unchanged(view)])
    if exact is None:
        return (*told, "Nothing that was run gives the reference's answer on every sample")
    return (*told, f"The fastest that changes no answer is {_who(exact)}: {time_words(exact.p50_us)}")


def _who(view: RowView) -> str:
    return f"{view.name} on {view.row.backend} with {threads_words(view.row.threads)}"


def _gain(view: RowView, bench: Bench) -> str:
    """Compare a row with the same in float32, on the same backend."""
    row = view.row
    key = (row.target, row.backend, row.threads)
    for other in bench.measured:
        mate = other.row
        if (mate.target, mate.backend, mate.threads) == key and mate.precision == "float32" and other is not view:
            ratio = (other.p50_us or 0.0) / max(view.p50_us or 0.0, 1e-9)
            return f" ({three_digits(ratio)}{TIMES} as fast as its float32)"
    return ""


def _unchanged(view: RowView) -> bool | None:
    """Tell whether every answer is the reference's; None where that is not known."""
    _, compared = view.compared
    return None if compared is None or compared.agreement is None else compared.agreement == 1


def _cost(view: RowView) -> str:
    on, compared = view.compared
    parts: list[str] = []
    if compared is None:
        parts.append("agreement with the reference was not measured")
    elif compared.non_finite:
        parts.append(f"but its outputs are not finite on {quantity(compared.non_finite)} {on} samples")
    elif compared.agreement is not None:
        few = ", which are few" if compared.count < FEW else ""
        share = f"all {quantity(compared.count)}"
        if compared.agreement < 1:
            share = f"{percent(compared.agreement)} of {quantity(compared.count)}"
        parts.append(f"with the reference's answer on {share} {on} samples{few}")
    elif compared.snr_db is None:
        parts.append("with the reference's very outputs")
    else:
        parts.append(f"at a signal-to-noise ratio of {decibels(compared.snr_db)}")
    if view.row.correct:
        parts.append(accuracy_words(view))
    return ", ".join(parts)


def accuracy_words(view: RowView) -> str:
    """Accuracy and its change from the reference, as "accuracy 85.5 % (+0.2 points)"."""
    measured = view.row.correct
    if measured is None:
        return DASH
    text = f"accuracy {percent(measured.accuracy)}"
    if measured.reference_accuracy is None:
        return text
    return f"{text} ({points(measured.accuracy - measured.reference_accuracy)} points)"


def reasons(benches: Sequence[Bench]) -> tuple[str, ...]:
    """Say why the numbers should not be relied on, with the place where there are several."""
    return tuple(
        f"{bench.place}: {reason}" if len(benches) > 1 else reason
        for bench in benches
        if not bench.result.stable
        for reason in bench.result.unstable or ("no reason given",)
    )
