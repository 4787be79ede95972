"""A benchmark as Markdown, short enough for a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from edgecv_runtime.bench.result import BenchRow, Result
from edgecv_runtime.text import percent

from edgecv.bench.report.background import machine_words
from edgecv.bench.report.figures import rate_words, time_words
from edgecv.bench.report.headline import reasons, sentences
from edgecv.bench.report.tables import agreement_name, agreement_words
from edgecv.bench.report.view import Bench, RowView, benches
from edgecv.terminal.words import DASH, byte_size

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|~&#@])")
_COLUMNS: Final = (
    "Artifact",
    "Backend",
    "Threads",
    "Size",
    "p50",
    "p90",
    "p99",
    "Samples/s",
    "Memory",
    "Accuracy",
)
_WORDS: Final = 2  # columns from the left that are no numbers


def render_markdown(results: Sequence[Result]) -> str:
    """One or several results as tables with their headline above and the machine below, for a pull request."""
    shown = benches(results)
    why = reasons(shown)
    head = [f"### {text(results[0].name)}: benchmark", ""]
    if why:
        head += ["**Unstable: do not rely on these times.**", "", *(f"- {text(reason)}" for reason in why), ""]
    body = [line for bench in shown for line in _bench(bench, several=len(shown) > 1)]
    return "\n".join([*head, *body]).rstrip() + "\n"


def text(words: str) -> str:
    """Text that Markdown leaves as it is: on one line, with nothing that begins markup, a cell or a mention."""
    return _SPECIAL.sub(_escaped, " ".join(words.split()))


def _escaped(found: re.Match[str]) -> str:
    sign = found.group(1)
    return "&#64;" if sign == "@" else f"\\{sign}"


def _bench(bench: Bench, *, several: bool) -> list[str]:
    told = ". ".join(sentences(bench))
    lines = [f"#### {text(bench.place)}", ""] if several else []
    lines += [f"{text(told)}.", ""]
    if bench.measured:
        names = (*_COLUMNS, agreement_name(bench.measured))
        lines += [_line(names), _line([":--" if at < _WORDS else "--:" for at in range(len(names))])]
        lines += [_line([text(cell) for cell in _cells(view)]) for view in bench.measured]
        lines.append("")
    lines += [f"- Not run: {text(f'{view.name} on {view.row.backend}: {view.row.not_run}')}" for view in bench.idle]
    lines += [""] if bench.idle else []
    lines += [f"- {text(note)}" for note in bench.result.notes]
    lines += [""] if bench.result.notes else []
    return [*lines, *_under(bench.result), ""]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(view: RowView) -> tuple[str, ...]:
    row = view.row
    times = (row.inference.p50_us, row.inference.p90_us, row.inference.p99_us) if row.inference else (None,) * 3
    return (
        view.name,
        row.backend,
        str(row.threads),
        byte_size(row.bytes),
        *(time_words(value) for value in times),
        rate_words(row.per_second),
        DASH if row.memory_bytes is None else byte_size(row.memory_bytes),
        _accuracy(row),
        agreement_words(view),
    )


def _accuracy(row: BenchRow) -> str:
    if row.correct is None:
        return DASH
    low, high = row.correct.interval
    return f"{percent(row.correct.accuracy, 2)} ({100 * low:.1f}{DASH}{100 * high:.1f})"


def _under(result: Result) -> list[str]:
    machine = text(f"{machine_words(result.machine)}; {result.created}")
    compared = "; ".join(f"{item.on} samples: {item.description.rstrip('.')}" for item in result.references)
    lines = [f"<sub>{machine}. p50, p90, p99: one inference.</sub>"]
    return [*lines, "", f"<sub>Compared on {text(compared)}.</sub>"] if compared else lines
