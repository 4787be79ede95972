"""The inside of an inference: its time by operator and by layer, and what an integer artifact computes in floats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from edgecv_runtime.artifact_choice import INTEGER
from edgecv_runtime.bench.result import Profile, ProfiledOperation
from edgecv_runtime.text import percent
from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from edgecv.bench.report.figures import time_words
from edgecv.bench.report.tables import cell
from edgecv.bench.report.view import Bench, RowView
from edgecv.report.artifacts import table
from edgecv.report.html import Html, el, join
from edgecv.terminal.words import quantity

PROFILE_LEAD: Final = (
    "The runtime's own profiler timed each operation, in a process of its own. It slows the inference, so the shares "
    "count, not the sums."
)
_PRINTED: Final = 8  # operators, and layers, on a console
_NAMED: Final = 6  # layers in a sentence
_COLUMNS: Final = ("Operations", "Time", "Share")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeShare:
    """Some operations together: `name` is their operator or their layer, `operator` the operators of a layer."""

    name: str
    operator: str
    count: int
    us: float
    share: float


def by_operator(profile: Profile) -> tuple[TimeShare, ...]:
    """The operations by their operator, the longest first."""
    return _grouped(profile, lambda operation: operation.operator)


def by_layer(profile: Profile) -> tuple[TimeShare, ...]:
    """The operations by the layer that they compute, the longest first."""
    return _grouped(profile, lambda operation: operation.layer or operation.operator)


def _grouped(profile: Profile, key: Callable[[ProfiledOperation], str]) -> tuple[TimeShare, ...]:
    groups: dict[str, list[ProfiledOperation]] = {}
    for operation in profile.operations:
        groups.setdefault(key(operation), []).append(operation)
    whole = sum(operation.us for operation in profile.operations) or 1.0
    made = [
        TimeShare(
            name=name,
            operator=", ".join(dict.fromkeys(operation.operator for operation in members)),
            count=len(members),
            us=sum(operation.us for operation in members),
            share=sum(operation.us for operation in members) / whole,
        )
        for name, members in groups.items()
    ]
    return tuple(sorted(made, key=lambda group: -group.us))


def float_words(view: RowView) -> str | None:
    """Name what an artifact in integers computes in floats all the same; None where its operations are not known."""
    profile = view.row.profile
    if profile is None or not profile.operations or view.row.precision not in INTEGER:
        return None
    found = [operation for operation in profile.operations if operation.numbers == "float"]
    turned = _share(profile, "conversion")
    conversions = f"turning floats to integers and back takes {turned}"
    unknown = any(operation.numbers is None for operation in profile.operations)
    if unknown:
        conversions += f"; of what takes {_share(profile, None)} of the time it is not known"
    if not found:
        known = "known to be " if unknown else ""
        return f"No operation is {known}computed in floats; {conversions}"
    names = list(dict.fromkeys(operation.layer or operation.operator for operation in found))
    more = f" and {quantity(len(names) - _NAMED)} more" if len(names) > _NAMED else ""
    told = f"{', '.join(names[:_NAMED])}{more}"
    return f"Computed in floats, {_share(profile, 'float')} of the time: {told}; {conversions}"


def _share(profile: Profile, numbers: str | None) -> str:
    whole = sum(operation.us for operation in profile.operations) or 1.0
    return percent(sum(operation.us for operation in profile.operations if operation.numbers == numbers) / whole)


def _how(profile: Profile) -> str:
    return (
        f"{profile.profiler}, {quantity(profile.runs)} inferences of {time_words(profile.total_us)} "
        f"with the profiler, {quantity(len(profile.operations))} operations"
    )


def printed(bench: Bench) -> Iterator[RenderableType]:
    """The longest operators and layers of every profile, for a console."""
    for view in bench.measured:
        profile = view.row.profile
        if profile is None:
            continue
        if profile.not_profiled is not None:
            yield Text(f"not profiled: {view.title}: {profile.not_profiled}", style="yellow")
            continue
        yield Text(f"{view.title}: {_how(profile)}", style="italic")
        yield _console_table("operator", by_operator(profile))
        yield _console_table("layer", by_layer(profile))
        if told := float_words(view):
            yield Text(f"{told}.")


def _console_table(name: str, groups: Sequence[TimeShare]) -> Table:
    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    made.add_column(name, overflow="fold")
    for column in _COLUMNS:
        made.add_column(column.lower(), justify="right")
    for group in groups[:_PRINTED]:
        made.add_row(Text(group.name), *_cells(group))
    if rest := groups[_PRINTED:]:
        us, share = sum(group.us for group in rest), sum(group.share for group in rest)
        left = TimeShare(name="", operator="", count=sum(group.count for group in rest), us=us, share=share)
        made.add_row(Text(f"{quantity(len(rest))} more", style="dim"), *_cells(left))
    return made


def _cells(group: TimeShare) -> tuple[str, str, str]:
    return quantity(group.count), time_words(group.us), percent(group.share)


def profile_tables(bench: Bench) -> Iterator[Html]:
    """A table by operator and one by layer for every profile, for the page."""
    for view in bench.measured:
        profile = view.row.profile
        if profile is None:
            continue
        head = el("h3", f"{view.number} {view.title}")
        if profile.not_profiled is not None:
            yield join((head, el("p", f"Not profiled: {profile.not_profiled}", class_="note")))
            continue
        told = float_words(view)
        operators = _html_table(f"By operator. {_how(profile)}.", "Operator", by_operator(profile))
        layers = _html_table("By layer, with the operators that compute it.", "Layer", by_layer(profile))
        folded = el("details", el("summary", "By layer"), layers)
        yield join((head, operators, None if told is None else el("p", f"{told}.", class_="note"), folded))


def _html_table(caption: str, name: str, groups: Sequence[TimeShare]) -> Html:
    lines = [
        el(
            "tr",
            el(
                "th",
                group.name,
                el("small", group.operator, class_="wrap") if group.operator != group.name else None,
                scope="row",
                role="rowheader",
            ),
            join([cell(label, value) for label, value in zip(_COLUMNS, _cells(group), strict=True)]),
            role="row",
        )
        for group in groups
    ]
    return table(caption, [name, *_COLUMNS], lines, "cards")
