"""What the benchmark of growing cost says of runs that fail, and how steeply it says that cost grows."""

import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.scaling import __main__ as command
from benchmarks.scaling import plot, records
from benchmarks.scaling.records import MEMORY, Point, Scaling, Sweep, growth
from benchmarks.scaling.watch import watched

POINTS = [
    Point(label=str(size), size=size, seconds=(0.1 * size, 0.2 * size), peak_bytes=(size**2, size**2))
    for size in (10, 100, 1000)
]
SWEEP = Sweep(title="layers", axis="layers", measured="convert", points=(*POINTS,), machine="", commit="")


@pytest.mark.parametrize(
    ("does", "failed"),
    [
        ("print('made')", None),
        ("raise SystemExit(3)", None),
        ("raise SystemExit('error: no such model')", "error: no such model"),
        ("raise SystemExit(1)", "exit status 1"),
        ("import os; os.kill(os.getpid(), 9)", "stopped by SIGKILL"),
        ("import os; print('half way', flush=True); os.kill(os.getpid(), 9)", "stopped by SIGKILL"),
    ],
)
def test_a_run_that_does_not_end_says_why(does, failed):
    seconds, _, said = watched([sys.executable, "-c", does])
    assert said == failed
    assert seconds > 0


def test_the_memory_of_what_a_command_starts_counts_as_its_own():
    child = "import time; held = bytes(range(256)) * 400_000; time.sleep(1.5)"  # 102 MB
    _, peak, failed = watched(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"]
    )
    assert failed is None
    assert 102e6 < peak < 250e6


def test_growth_is_a_slope_of_logarithms_with_the_spread_of_its_rounds():
    time, memory = growth(POINTS), growth(POINTS, MEMORY)
    assert time is not None
    assert memory is not None
    assert time.whole == pytest.approx(1)
    assert time.end == pytest.approx(1)
    assert (time.low, time.high) == pytest.approx((0.699, 1.301), abs=1e-3)  # log10 of 5 and of 20
    assert (memory.whole, memory.end, memory.low, memory.high) == pytest.approx((2, 2, 2, 2))
    assert str(time) == "1.00, at the end 1.00 (0.70 to 1.30)"
    assert str(memory) == "2.00, at the end 2.00"


def test_the_end_of_a_curve_says_what_the_whole_hides_behind_a_fixed_cost():
    fixed = [Point(label=str(size), size=size, seconds=(10 + size,)) for size in (1, 10, 1000, 2000)]
    found = growth(fixed)
    assert found is not None
    assert found.whole < 0.75
    assert found.end == pytest.approx(0.993, abs=1e-3)


def test_a_failed_run_bends_no_exponent():
    failed = Point(label="x", size=10000, seconds=(0.1,), peak_bytes=(1,), failed="stopped by SIGKILL")
    assert growth([*POINTS, failed]) == growth(POINTS)
    assert growth([*POINTS[:2], failed]) is None
    assert growth([msgspec.structs.replace(point, peak_bytes=()) for point in POINTS], MEMORY) is None


def test_what_was_measured_is_drawn_with_every_exponent_and_is_the_same_picture_again(tmp_path: Path):
    pytest.importorskip("matplotlib")
    plot.draw_converting([[SWEEP], [SWEEP, SWEEP]], tmp_path / "one.svg")
    plot.draw_converting([[SWEEP], [SWEEP, SWEEP]], tmp_path / "two.svg")
    drawn = (tmp_path / "one.svg").read_text()
    assert drawn == (tmp_path / "two.svg").read_text()
    assert "time ^ 1.00, memory ^ 2.00" in drawn
    assert "time ^ 1.00 and 1.00" in drawn
    plot.draw_running({"threads": [SWEEP]}, tmp_path / "three.svg")
    assert "seconds of one call" in (tmp_path / "three.svg").read_text()


def test_every_line_of_the_table_has_where_it_begins_and_ends():
    lines = [*command.table(Scaling(versions={}, sweeps={"layers": SWEEP}))]
    assert len(lines) == 3
    assert lines[2].startswith("| layers | 10: 1.5 s, 0.00 GB | 1000: 150 s, 0.00 GB | 1.00, at the end 1.00 (0.70")


def test_the_recorded_sweeps_are_those_that_can_be_measured():
    recorded = {name.partition(",")[0] for name in records.read().sweeps}
    assert recorded == set(command.SWEEPS)


def test_an_unknown_sweep_is_a_usage_error(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        command.main(["colours"])
    assert stopped.value.code == 2
    assert "unknown sweep 'colours'; the sweeps are networks" in capsys.readouterr().err
