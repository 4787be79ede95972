"""The rows that the report's parts share, each with its number, its names and what it is compared on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edgecv_converters.parity.gates import deciding_set
from edgecv_runtime.bench.result import BenchRow, Result
from edgecv_runtime.formats import title_of
from edgecv_runtime.schema import Comparison

from edgecv.bench.report.figures import threads_words


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """One row: `number` is its own on the page, `place` is empty where there is one result only."""

    number: int
    place: str
    name: str
    row: BenchRow

    @property
    def runs(self) -> str:
        """The runtime in words, such as "litert, 2 threads"."""
        return f"{self.row.backend}, {threads_words(self.row.threads)}"

    @property
    def title(self) -> str:
        """All that tells it from the others on the page."""
        return ", ".join(part for part in (self.name, self.runs, self.place) if part)

    @property
    def p50_us(self) -> float | None:
        """The median of one inference; None where nothing was measured."""
        return self.row.inference.p50_us if self.row.inference else None

    @property
    def compared(self) -> tuple[str, Comparison | None]:
        """The data set that counts, and the comparison with the reference on it."""
        return deciding_set({str(name): item for name, item in self.row.comparisons.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One result with its place's name and its views: the measured ones first, in the order of measuring."""

    place: str
    result: Result
    views: tuple[RowView, ...]

    @property
    def measured(self) -> tuple[RowView, ...]:
        """The rows that ran."""
        return tuple(view for view in self.views if view.row.not_run is None)

    @property
    def idle(self) -> tuple[RowView, ...]:
        """The rows that did not run."""
        return tuple(view for view in self.views if view.row.not_run is not None)


def benches(results: Sequence[Result]) -> tuple[Bench, ...]:
    """One a result, in the given order; rows are numbered through."""
    made: list[Bench] = []
    number = 0
    for result, place in zip(results, place_names(results), strict=True):
        rows = sorted(result.rows, key=lambda row: row.not_run is not None)
        names = _names(result)
        shown = place if len(results) > 1 else ""
        views = tuple(
            RowView(number=number + at, place=shown, name=names[row.artifact], row=row)
            for at, row in enumerate(rows, 1)
        )
        number += len(views)
        made.append(Bench(place=place, result=result, views=views))
    return tuple(made)


def _names(result: Result) -> dict[str, str]:
    """Target and precision by artifact; its file's name too where that is not enough."""
    short = {row.artifact: f"{title_of(row.target)} {row.precision}" for row in result.rows}
    counts = Counter(short.values())
    return {file: name if counts[name] == 1 else f"{name} ({file.rpartition('/')[2]})" for file, name in short.items()}


def place_names(results: Sequence[Result]) -> tuple[str, ...]:
    """A device's model or its processor; with the host, serial or time where two have the same."""
    short = [result.machine.model or result.machine.cpu for result in results]
    counts = Counter(short)
    longer = [
        name if counts[name] == 1 else f"{name} ({result.place.name or result.created})"
        for name, result in zip(short, results, strict=True)
    ]
    again = Counter(longer)
    return tuple(name if again[name] == 1 else f"{name}, result {number}" for number, name in enumerate(longer, 1))
