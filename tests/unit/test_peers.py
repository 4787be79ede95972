"""What the benchmark of peers says of its numbers."""

import re

import numpy as np
import pytest

from benchmarks import interleave
from benchmarks.peers import page
from benchmarks.peers.child import child
from benchmarks.peers.measure import divergence
from benchmarks.peers.records import Network, Ratio, Results, Row, Timing, beaten_by


def row(title, p50, same, *, ratio=None, runtime="tflite", ours=False, way="peer"):
    low, high = ratio or (p50 / 100, p50 / 100)
    timing = Timing(p50_us=p50, p10_us=p50 - 1, p90_us=p50 + 1, ratio=Ratio(p50=p50 / 100, p10=low, p90=high))
    return Row(
        way=way,
        title=title,
        runtime=runtime,
        precision="int8",
        ours=ours,
        seconds=1.0,
        bytes=1000,
        correct=same,
        same=same,
        timing=timing,
    )


BASE = row("edgecv", 100, 90, ours=True, way="edgecv")


@pytest.mark.parametrize(
    ("other", "beyond_noise", "strictly"),
    [
        (row("worse, slower", 110, 80), False, False),
        (row("worse, faster", 50, 89), False, False),
        (row("better, slower", 150, 95), False, False),
        (row("better, faster", 50, 95), True, True),
        (row("equal, faster", 50, 90), True, True),
        (row("better, as fast", 100, 91), True, True),
        (row("the same", 100, 90), False, False),
        (row("equal, faster within the noise", 99, 90, ratio=(0.9, 1.1)), False, True),
        (row("better, slower within the noise", 101, 91, ratio=(0.9, 1.1)), True, False),
        (row("another runtime", 50, 95, runtime="onnx"), False, False),
    ],
    ids=lambda value: value.title if isinstance(value, Row) else "",
)
def test_a_row_is_beaten_by_one_that_is_better_in_one_way_and_worse_in_none(other, beyond_noise, strictly):
    assert list(beaten_by(BASE, [BASE, other], strict=False)) == ([other] if beyond_noise else [])
    assert list(beaten_by(BASE, [BASE, other], strict=True)) == ([other] if strictly else [])


def test_what_was_not_run_beats_nothing():
    failed = Row(way="peer", title="failed", runtime="tflite", precision="int8", ours=False, not_run="exit code 1")
    assert not list(beaten_by(BASE, [failed], strict=True))
    assert not list(beaten_by(BASE, [failed], strict=False))


def results(*rows):
    network = Network(
        name="net",
        title="Net",
        model="net.keras",
        samples=100,
        calibration=10,
        correct=80,
        rows=rows,
        machine="a machine",
        commit="abc",
    )
    return Results(versions={"edgecv": "1"}, networks=(network,))


def verdict(*rows):
    return re.findall(r"^\| Net \| (.*?) \| (.*?) \|$", page.tables(results(*rows)), re.MULTILINE)[0][0]


def test_the_page_says_who_is_better():
    assert verdict(BASE, row("slow", 200, 80)) == "on the front"
    assert verdict(BASE, row("fast", 50, 90)) == "**not on the front**: fast (+0); by medians: the same"
    assert verdict(BASE, row("close", 99, 90, ratio=(0.9, 1.1))) == "on the front; by medians not: close (+0)"
    level = row("level", 101, 91, ratio=(0.9, 1.1))
    assert verdict(BASE, level) == "**not on the front**: level (+1); by medians it is"
    assert verdict(BASE, level, row("fast", 50, 90)) == (
        "**not on the front**: level (+1), fast (+0); by medians: fast (+0)"
    )
    assert verdict(row("alone", 100, 90)) == "not measured"


def test_edgecv_is_not_measured_against_itself():
    refined = row("edgecv --refine", 100, 95, ours=True, way="edgecv_refine")
    assert verdict(BASE, refined) == "on the front"


def test_the_page_says_what_failed():
    failed = Row(way="peer", title="failed", runtime="onnx", precision="int8", ours=False, not_run="exit code 1: no")
    assert "| failed | int8 | not run: exit code 1: no |" in page.tables(results(BASE, failed))


def test_only_what_is_between_the_markers_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "PAGE", tmp_path / "peers.md")
    page.PAGE.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    page.write_page(results(BASE))
    text = page.PAGE.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    page.PAGE.write_text("no markers")
    with pytest.raises(ValueError, match="has no line"):
        page.write_page(results(BASE))


def test_the_divergence_is_of_probabilities_no_finer_than_int8():
    wanted = np.array([[0.5, 0.5, 0.0]], np.float32)
    assert divergence(wanted, wanted) == 0
    assert divergence(wanted, np.array([[0.5, 0.499, 0.001]], np.float32)) < 1e-5
    halved = 0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25)
    assert divergence(wanted, np.array([[0.75, 0.25, 0.0]], np.float32)) == pytest.approx(halved, rel=0.02)


def test_files_take_turns():
    asked = []
    ways = [lambda: asked.append("a"), lambda: asked.append("b")]
    times = interleave.in_turn(ways, [2, 1], rounds=2, warm_up=1)
    assert asked == ["a", "a", "b", "b", "a", "a", "a", "a", "b"]
    assert [len(found) for found in times] == [2, 2]


def test_a_way_that_fails_gives_its_reason_and_a_log(tmp_path):
    found, reason = child(["benchmarks.no_such_way"], tmp_path / "log")
    assert found is None
    assert reason.startswith("exit code 1: ")
    assert "No module named" in reason
    assert "No module named" in (tmp_path / "log").read_text()


def test_a_way_that_takes_too_long_gives_its_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.peers.child.LIMIT", 0)
    assert child(["benchmarks.no_such_way"], tmp_path / "log") == (None, "took longer than 0 seconds")
