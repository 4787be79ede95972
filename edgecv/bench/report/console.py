"""A benchmark for the console: as many columns as fit, the least important ones left out first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from edgecv_runtime.bench.result import BenchRow, Latency, Result
from edgecv_runtime.text import percent
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from edgecv.bench.report.background import machine_words
from edgecv.bench.report.figures import rate_words, time_words
from edgecv.bench.report.headline import reasons, sentences
from edgecv.bench.report.profile import printed
from edgecv.bench.report.tables import agreement_name, agreement_words
from edgecv.bench.report.view import Bench, RowView, benches
from edgecv.terminal.words import DASH, byte_size


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    value: Callable[[RowView], str]
    rank: int  # the higher, the sooner it is left out; 0 always stays


def _time(pick: Callable[[Latency], float]) -> Callable[[RowView], str]:
    return lambda view: time_words(pick(view.row.inference) if view.row.inference else None)


def _row(write: Callable[[BenchRow], str]) -> Callable[[RowView], str]:
    return lambda view: write(view.row)


_COLUMNS: Final = (
    _Column("artifact", lambda view: view.name, 0),
    _Column("backend", _row(lambda row: row.backend), 0),
    _Column("threads", _row(lambda row: str(row.threads)), 1),
    _Column("size", _row(lambda row: byte_size(row.bytes)), 5),
    _Column("load", _row(lambda row: time_words(row.load_us)), 8),
    _Column("first", _row(lambda row: time_words(row.cold_us)), 9),
    _Column("p50", _time(lambda latency: latency.p50_us), 0),
    _Column("p90", _time(lambda latency: latency.p90_us), 4),
    _Column("p99", _time(lambda latency: latency.p99_us), 7),
    _Column("samples/s", _row(lambda row: rate_words(row.per_second)), 6),
    _Column("memory", _row(lambda row: DASH if row.memory_bytes is None else byte_size(row.memory_bytes)), 5),
    _Column("accuracy", _row(lambda row: DASH if row.correct is None else percent(row.correct.accuracy, 2)), 2),
    _Column("agreement", agreement_words, 3),
    _Column("of peak", _row(lambda row: DASH if row.peak_share is None else percent(row.peak_share)), 10),
)


def table(results: Sequence[Result]) -> RenderableType:
    """The results for a console of any width: headline, table, what was not run, and the machine."""
    return _Fitting(benches(results))


@dataclass(frozen=True, slots=True)
class _Fitting:
    """Chooses the columns when it knows how wide the console is."""

    benches: tuple[Bench, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for bench in self.benches:
            yield Text(f"{bench.result.name} on {bench.place}", style="italic")
            if bench.measured:
                yield _widest(bench.measured, console, options)
            for view in bench.idle:
                yield Text(f"not run: {view.name} on {view.row.backend}: {view.row.not_run}", style="yellow")
            yield from printed(bench)
            yield Text(f"{'. '.join(sentences(bench))}.")
            yield Text(machine_words(bench.result.machine), style="dim")
        for reason in reasons(self.benches):
            yield Text(f"unstable: {reason}", style="bold red")


def _widest(views: Sequence[RowView], console: Console, options: ConsoleOptions) -> Table:
    columns = [column for column in _COLUMNS if column.rank == 0 or any(column.value(view) != DASH for view in views)]
    while True:
        made = _table(columns, views)
        spare = max(columns, key=lambda column: column.rank)
        if (
            not spare.rank
            or Measurement.get(console, options.update(max_width=10_000), made).maximum <= options.max_width
        ):
            return made
        columns.remove(spare)


def _table(columns: Sequence[_Column], views: Sequence[RowView]) -> Table:
    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    names = {"agreement": agreement_name(views).lower()}
    for column in columns:
        made.add_column(
            names.get(column.name, column.name), justify="left" if column.name in {"artifact", "backend"} else "right"
        )
    for view in views:
        made.add_row(*(Text(column.value(view)) for column in columns))
    return made
