"""The same trained networks through edgecv and through what a person would use instead, in one run, one table.

    python -m benchmarks.peers [NETWORK ...] [--ways WAY ...] [--only convert|judge|latency|page] [--amx] [--core N]

Every way converts in a process of its own with the same 500 calibration samples; one that fails is a row with the
reason. The files lie in build/peers: `--only judge` asks and `--only latency` times them once more, and `--only page`
writes the page again. Needs `pip install "edgecv[bench-peers]"`; `make bench-peers` makes an environment for it. Writes
benchmarks/results/peers.json and the tables in docs/peers.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.origin import commit
from benchmarks.peers.child import child
from benchmarks.peers.page import PAGE, write_page
from benchmarks.peers.records import Network, Results, Row, Timing
from benchmarks.peers.subjects import CALIBRATION, SUBJECTS, Subject, prepare
from benchmarks.peers.ways import WAYS, File
from edgecv.machine import machine_line, tools, versions

RESULTS = Path(__file__).resolve().parents[1] / "results" / "peers.json"
PEERS = ("litert-quantizer", "nncf", "olive-ai", "torch")
BASE = ("edgecv", "int8")


def convert(subject: Subject, names: Iterable[str], known: Network | None) -> Network:
    """Go the named ways, ask what came of them, and keep what is known of the others."""
    prepare(subject)
    with np.load(subject.samples) as found:
        right = int((found["answers"].argmax(-1) == found["labels"]).sum())
        count = len(found["test"])
    rows = {_place(row): row for row in known.rows} if known else {}
    seconds: dict[str, float] = {}
    failed: dict[str, str] = {}
    for name in names:
        way = WAYS[name]
        reason = next((failed[step] for step in way.after if step in failed), None)
        reason = reason or _go(subject, name, seconds)
        if reason:
            failed[name] = reason
        taken = None if reason else sum(seconds[step] for step in (*way.after, name))
        for file in way.files:
            rows[_place(file)] = _row(subject, name, file, taken, reason)
            print(subject.name, rows[_place(file)], flush=True)
    return Network(
        name=subject.name,
        title=subject.title,
        model=subject.model().name,
        samples=count,
        calibration=CALIBRATION,
        correct=right,
        rows=tuple(rows[place] for place in _paths() if place in rows),
        machine=machine_line(),
        commit=commit(),
    )


def _go(subject: Subject, name: str, seconds: dict[str, float]) -> str | None:
    """Go one way in a process of its own; the reason if it came to nothing."""
    for file in WAYS[name].files:
        (subject.folder / file.path).unlink(missing_ok=True)
    began = time.monotonic()
    _, reason = child(["benchmarks.peers.ways", subject.name, name], subject.folder / f"{name}.log")
    seconds[name] = round(time.monotonic() - began, 1)
    return reason


def _row(subject: Subject, name: str, file: File, seconds: float | None, reason: str | None) -> Row:
    row = Row(
        way=name,
        title=file.title,
        runtime=file.runtime,
        precision=file.precision,
        ours=WAYS[name].ours,
        not_run=reason,
        seconds=None if seconds is None else round(seconds, 1),
    )
    return row if reason else judge(subject, row)


def judge(subject: Subject, row: Row) -> Row:
    """Ask a row's file."""
    path = subject.folder / _paths()[_place(row)]
    judged, reason = child(_measuring("judge", row.runtime, subject, [path]), subject.folder / "judge.log")
    return msgspec.structs.replace(row, bytes=path.stat().st_size, not_run=reason, **(judged or {}))


def _place(row: Row | File) -> tuple[str, str, str]:
    return row.title, row.runtime, row.precision


def _paths() -> dict[tuple[str, str, str], str]:
    """Where each file lies, in the order of the table."""
    return {_place(file): file.path for way in WAYS.values() for file in way.files}


def _measuring(what: str, runtime: str, subject: Subject, paths: Sequence[Path]) -> list[str]:
    return ["benchmarks.peers.measure", what, runtime, str(subject.samples), *map(str, paths)]


def time_files(subject: Subject, network: Network, options: Sequence[str]) -> Network:
    """Time all files of each runtime in turn; the ratios are to edgecv's int8 file."""
    timed: dict[int, Timing] = {}
    busy: dict[str, float] = {}
    for runtime in ("tflite", "onnx"):
        rows = [row for row in network.rows if row.runtime == runtime and row.not_run is None]
        rows.sort(key=lambda row: (row.way, row.precision) != BASE)  # the base first, else in their order
        if not rows or (rows[0].way, rows[0].precision) != BASE:
            raise SystemExit(f"edgecv's int8 file of {subject.name} is not there: run without --only first")
        files = [subject.folder / _paths()[_place(row)] for row in rows]
        arguments = [*_measuring("latency", runtime, subject, files), *options]
        found, reason = child(arguments, subject.folder / f"latency.{runtime}.log")
        if reason:
            raise SystemExit(f"timing {subject.name} on {runtime} failed: {reason}")
        timed |= {id(row): msgspec.convert(timing, Timing) for row, timing in zip(rows, found["rows"], strict=True)}
        if found["busy_elsewhere"] is not None:
            busy[runtime] = found["busy_elsewhere"]
    told = tuple(msgspec.structs.replace(row, timing=timed.get(id(row))) for row in network.rows)
    return msgspec.structs.replace(
        network, rows=told, machine=machine_line(), commit=commit(), amx="--amx" in options, busy_elsewhere=busy
    )


def main() -> int:
    """Do what is asked for, and write the results; 1 if a row has none."""
    given = _arguments()
    options = [*(["--amx"] if given.amx else []), *(["--core", str(given.core)] if given.core is not None else [])]
    for name in given.networks if given.only != "page" else ():
        subject = SUBJECTS[name]
        if not subject.pictures().is_dir():
            raise SystemExit(f"the pictures of {name} are not there: nothing to measure on")
        if given.only in {None, "convert"}:
            _write(convert(subject, given.ways, _known().get(name)))
        network = _known().get(name)
        if network is None:
            raise SystemExit(f"there are no files of {name} yet: run without --only first")
        if given.only == "judge":
            rows = tuple(row if row.not_run else judge(subject, row) for row in network.rows)
            _write(msgspec.structs.replace(network, rows=rows))
        if given.only in {None, "latency"}:
            _write(time_files(subject, network, options))
    write_page(msgspec.json.decode(RESULTS.read_bytes(), type=Results))
    print(f"written: {RESULTS.name}, {PAGE.name}")
    return int(any(row.not_run for name, network in _known().items() if name in given.networks for row in network.rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(SUBJECTS)}; all by default")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="WAY", help=", ".join(WAYS))
    parser.add_argument("--only", choices=("convert", "judge", "latency", "page"))
    parser.add_argument("--amx", action="store_true", help="time with the processor's AMX unit")
    parser.add_argument("--core", type=int, help="the processor core to time on")
    given = parser.parse_args()
    unknown = [name for name in given.networks if name not in SUBJECTS]
    if unknown:
        parser.error(f"unknown network {unknown[0]!r}; the networks are {', '.join(SUBJECTS)}")
    given.networks = given.networks or list(SUBJECTS)
    wanted = {step for name in given.ways for step in (*WAYS[name].after, name)}
    given.ways = [name for name in WAYS if name in wanted]
    return given


def _known() -> dict[str, Network]:
    if not RESULTS.exists():
        return {}
    return {network.name: network for network in msgspec.json.decode(RESULTS.read_bytes(), type=Results).networks}


def _write(network: Network) -> None:
    """Put one network's rows in the place of its old ones."""
    networks = {**_known(), network.name: network}
    results = Results(
        versions=versions((*tools(), *PEERS)), networks=tuple(networks[name] for name in SUBJECTS if name in networks)
    )
    RESULTS.write_text(json.dumps(msgspec.to_builtins(results), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
