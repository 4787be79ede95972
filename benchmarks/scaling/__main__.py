"""How the cost of `edgecv convert` and of running its artifacts grows: `benchmarks/results/scaling.json`, two plots.

    python -m benchmarks.scaling [SWEEP ...] [--rounds N] [--plot]

Each sweep changes one thing alone: of a conversion to all targets with all the proof the parameters, multiply-adds,
layers, pixels, calibration samples or artifacts, beside four known networks; of inference the batch and the threads; of
`edgecv run` the pictures of a folder. A conversion is a process of its own; its memory is the highest sum of the
proportional set sizes (PSS) of all its processes. A sweep replaces the one that was measured before it. With --plot
nothing is measured: the plots of docs/measured.md are drawn, and its table is printed, from what is recorded.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from benchmarks.origin import commit
from benchmarks.scaling import converting, plot, running
from benchmarks.scaling.records import MEMORY, Point, Scaling, Sweep, growth, read, write
from edgecv.machine import machine_line, versions

Measured = Iterator[tuple[str, Point]]
LINES: Final[dict[str, tuple[str, str, Callable[[int], Measured]]]] = {
    "batch": ("pictures a call, one thread", "one call of an ONNX artifact", running.batches),
    "threads": ("threads", "one inference", running.by_threads),
    "pictures": ("pictures of 96 x 96", "edgecv run over a folder", running.pictures),
}
SWEEPS: Final = (*converting.AXES, *LINES)


def measure(name: str, rounds: int) -> Iterator[tuple[str, str, str, Point]]:
    """Of each point of a sweep the title of its line, its axis, what is measured, and the point."""
    if name in LINES:
        axis, measured, work = LINES[name]
        for title, point in work(rounds):
            yield title, axis, measured, point
        return
    asked = converting.AXES[name]
    for point in converting.measure(asked.cases, rounds):
        yield asked.title, asked.name, "edgecv convert", point


def record(name: str, rounds: int) -> None:
    """Measure a sweep, print each point as it comes, and write the lines of the sweep once all are there."""
    lines: dict[str, Sweep] = {}
    for title, axis, measured, point in measure(name, rounds):
        print(f"{name}, {title}, {point.label}: {cost(point)}", flush=True)
        key = f"{name}, {title}" if name in LINES else name
        before = lines[key].points if key in lines else ()
        lines[key] = Sweep(
            title=title,
            axis=axis,
            measured=measured,
            points=(*before, point),
            machine=machine_line(),
            commit=commit(),
        )
    kept = {key: sweep for key, sweep in read().sweeps.items() if key.partition(",")[0] != name}
    write(Scaling(versions=versions(), sweeps={**kept, **lines}))


def cost(point: Point) -> str:
    """What one point cost in the middle of its rounds, in words."""
    seconds = statistics.median(point.seconds)
    time = f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"
    peak = f"{statistics.median(point.peak_bytes) / 1e9:.2f} GB" if point.peak_bytes else ""
    return ", ".join(part for part in (time, peak, point.failed) if part)


def table(found: Scaling) -> Iterator[str]:
    """Every line's exponents, in Markdown."""
    yield "| | from | to | time: exponent, at the end (rounds) | memory: exponent, at the end (rounds) |"
    yield "|---|---|---|---|---|"
    for name, sweep in found.sweeps.items():
        first, last = sweep.points[0], sweep.points[-1]
        grown = [growth(sweep.points, unit) or "" for unit in ("s", MEMORY)]
        yield f"| {name} | {first.label}: {cost(first)} | {last.label}: {cost(last)} | {grown[0]} | {grown[1]} |"


def draw(found: Scaling) -> None:
    """Draw what is there."""
    groups = [("networks", "networks-int8"), *((name,) for name in converting.AXES if not name.startswith("networks"))]
    panels = [[found.sweeps[name] for name in names if name in found.sweeps] for names in groups]
    pictures = [sweep for name, sweep in found.sweeps.items() if name.startswith("pictures")]
    plot.draw_converting([panel for panel in (*panels, pictures) if panel])
    titles = {"batch": "MobileNetV2 at 96 x 96, one thread", "threads": "MobileNetV2 at 96 x 96, one picture"}
    chosen = {
        title: [sweep for key, sweep in found.sweeps.items() if key.startswith(name)] for name, title in titles.items()
    }
    if drawn := {title: sweeps for title, sweeps in chosen.items() if sweeps}:
        plot.draw_running(drawn)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the named sweeps, by default all, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="*", metavar="SWEEP", help=", ".join(SWEEPS))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--plot", action="store_true", help="draw and print the recorded results")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.sweeps if name not in SWEEPS]
    if unknown:
        parser.error(f"unknown sweep {unknown[0]!r}; the sweeps are {', '.join(SWEEPS)}")
    for name in () if given.plot else given.sweeps or SWEEPS:
        record(name, given.rounds)
    found = read()
    draw(found)
    print("\n".join(table(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
