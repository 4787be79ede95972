"""The Pareto front, numbers in words, axes, and the reports for a pull request and the console."""

import io
import math
import re
from itertools import pairwise

import msgspec
import pytest
from edgecv_runtime.text import THIN
from hypothesis import given
from hypothesis import strategies as st

from edgecv.bench.report import render_markdown, table
from edgecv.bench.report.figures import change_words, log_ticks, rate_words, spans, time_words
from edgecv.bench.report.pareto import front
from edgecv.bench.report.rows import LogAxis
from edgecv.terminal.console import PlainConsole
from edgecv.terminal.words import DASH, MINUS
from tests.unit import bench_results as made

VALUES = st.one_of(st.integers(0, 6).map(float), st.floats(0, 1e6, allow_nan=False))
POINTS = st.lists(st.tuples(VALUES, VALUES), max_size=24)


def dominates(one, other):
    return one[0] <= other[0] and one[1] >= other[1] and one != other


@given(POINTS)
def test_the_front_is_what_no_point_dominates(points):
    expected = {place for place, point in enumerate(points) if not any(dominates(other, point) for other in points)}
    kept = front(points)
    assert set(kept) == expected
    assert len(kept) == len(expected)


@given(POINTS)
def test_the_front_goes_from_cheap_to_dear_and_gains_all_the_way(points):
    kept = [points[place] for place in front(points)]
    for (cost, worth), (next_cost, next_worth) in pairwise(kept):
        assert (cost, worth) == (next_cost, next_worth) or (cost < next_cost and worth < next_worth)
    assert bool(kept) == bool(points)


def test_ties_on_the_front():
    assert front([(1, 5), (1, 5)]) == (0, 1)
    assert front([(1, 5), (1, 6)]) == (1,)
    assert front([(1, 5), (2, 5)]) == (0,)
    assert front([(2, 9), (1, 5), (3, 9), (1, 5)]) == (1, 3, 0)
    assert front([]) == ()


@pytest.mark.parametrize(
    ("microseconds", "words"),
    [
        (0.0, "0 µs"),
        (0.42, "0.42 µs"),
        (6.54, "6.54 µs"),
        (999.4, "999 µs"),
        (999.6, "1 ms"),
        (12_345.0, "12.3 ms"),
        (999_400.0, "999 ms"),
        (1_234_567.0, "1.23 s"),
        (123_456_789.0, "123 s"),
        (None, DASH),
    ],
)
def test_times_in_words(microseconds, words):
    assert time_words(microseconds) == words.replace(" ", THIN)


def test_rates_changes_and_spans_in_words():
    assert rate_words(12_345.6) == f"12{THIN}346"
    assert rate_words(3.456) == "3.46"
    assert change_words(1.21) == f"+21.0{THIN}%"
    assert change_words(0.9) == f"{MINUS}10.0{THIN}%"
    assert change_words(1.0001) == "unchanged"
    assert spans([4, 1, 2, 6, 2]) == f"1{DASH}2, 4, 6"
    assert spans([3]) == "3"


@given(st.floats(0.01, 1e7), st.floats(1.05, 1e6))
def test_a_logarithmic_axis_has_a_few_ticks_inside(low, ratio):
    ticks = log_ticks(low, low * ratio)
    assert 2 <= len(ticks) <= 5
    assert list(ticks) == sorted(set(ticks))
    assert low <= ticks[0]
    assert ticks[-1] <= low * ratio


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=9))
def test_positions_on_a_logarithmic_axis_keep_the_order(values):
    axis = LogAxis.over(values, 0.05)
    placed = [axis.percent(value) for value in sorted(values)]
    assert placed == sorted(placed)
    assert placed[0] >= 0
    assert placed[-1] <= 100
    assert math.isclose(axis.percent(axis.low, 10.0), 10.0)


def test_markdown_is_a_table_with_the_machine_below():
    text = render_markdown([made.many()])
    lines = text.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 2 + 14
    assert len({line.count("|") for line in rows}) == 1
    assert "| TFLite int8 | litert | 2 |" in text
    assert "98.10" in rows[-1]
    assert lines.index(rows[-1]) < next(place for place, line in enumerate(lines) if "AMD EPYC" in line)
    assert "- Not run: Core ML float16 on coreml: Core ML runs on macOS only" in lines
    assert "nstable" not in text


def test_markdown_says_when_times_are_not_to_be_relied_on():
    text = render_markdown([made.unstable(), made.phone()])
    assert text.index("**Unstable: do not rely on these times.**") < text.index("is fastest")
    assert "#### Pixel 8" in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_markdown_keeps_text_from_becoming_markup():
    evil = "a|b\n# <b>*x*</b> [l](u) `c` @someone"
    row = msgspec.structs.replace(made.not_run(), not_run=evil, backend="x|y")
    text = render_markdown([made.result([made.row(backend="p|q"), row], name=evil, notes=(evil,))])
    assert not re.search(r"(?<!\\)<(?!/?sub>)", text)
    assert "@" not in text
    assert not re.search(r"(?<!\\)[*\[`]", text.replace("**", ""))
    data = next(line for line in text.splitlines() if line.startswith("|") and "p\\|q" in line)
    assert len(re.findall(r"(?<!\\)\|", data)) == 12
    assert all(not line.startswith("# ") for line in text.splitlines())


def printed(width, *results):
    console = PlainConsole(file=io.StringIO(), width=width)
    console.print(table(results))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [72, 80, 100, 120, 160])
def test_the_console_shows_as_many_columns_as_fit(width):
    text = printed(width, made.many())
    head = next(line for line in text.splitlines() if "artifact" in line)
    assert "p50" in head
    assert ("of peak" in head) == (width >= 160)
    assert ("memory" in head) == (width >= 100)
    assert "…" not in text
    assert all(len(line) <= width for line in text.splitlines())
    assert (
        len([line for line in text.splitlines() if line.lstrip().startswith(("TFLite", "ONNX")) and " litert " in line])
        >= 10
    )


def test_the_console_says_what_was_not_run_and_what_is_unstable():
    assert "not run: Core ML float16 on coreml: Core ML runs on macOS only" in printed(120, made.many())
    text = printed(120, made.unstable())
    assert "unstable: tflite int8 on litert, 1 thread: two halves differ by 9 %" in text
    assert "unstable" not in printed(120, made.one())


def test_the_console_takes_names_as_they_are():
    text = printed(120, made.result([made.row(backend="[red]x[/red]")], name="[bold]n"))
    assert "[red]x[/red]" in text
    assert "[bold]n on" in text
