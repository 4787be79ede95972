"""`edgecv bench` over the bundles of the zoo, in one run: `benchmarks/results/suite.json`, and a table on the way.

    python -m benchmarks.suite [NAME ...] [--all] [--seconds S]

By default the networks that people start with, as `benchmarks.starters` trains and prunes them, the zoo's three like
them, MLPerf Tiny's trained ResNet8, and five deeper ones; with --all the whole zoo. A bundle that is not there is made
first, as `make zoo` or `benchmarks.starters` makes it. Each is measured by `edgecv.benchmark` on one thread, with the
labelled samples that it was not calibrated on. A bundle that fails is a row with its error; the others go on, and the
exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from edgecv_runtime.bench import result
from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.errors import EdgecvError
from edgecv_runtime.records import Record

import edgecv
from benchmarks import starters, zoo_shared
from benchmarks.origin import commit
from edgecv.machine import machine_line, versions

WORK = Path("build/zoo")
RESULTS = Path(__file__).resolve().parent / "results" / "suite.json"
STARTING = ("mnist_cnn", "cifar_cnn", "shapes_cnn")
TRAINED = tuple(f"{name}{kind}" for name in starters.STARTERS for kind in (".trained", ".pruned"))
DEEPER = ("MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "DenseNet121", "ResNet50V2")


class Measured(Record, frozen=True, kw_only=True):
    """One artifact on one backend; times of the model alone in microseconds, shares of the labelled samples."""

    artifact: str
    backend: str
    not_run: str | None = None
    bytes: int
    p50_us: float | None = None
    p90_us: float | None = None
    p99_us: float | None = None
    memory_bytes: int | None = None
    accuracy: float | None = None
    agreement: float | None = None


class Bundle(Record, frozen=True, kw_only=True):
    """One bundle: its artifacts, or why there are none.

    `unstable` has the reasons why its times should not be relied on; `machine` and `commit` are what measured it.
    """

    name: str
    machine: str
    commit: str
    error: str | None = None
    multiply_adds: int | None = None
    unstable: tuple[str, ...] = ()
    artifacts: tuple[Measured, ...] = ()


class Results(Record, frozen=True, kw_only=True):
    """All of suite.json."""

    versions: dict[str, str]
    bundles: tuple[Bundle, ...]


def measure(name: str, options: Options) -> Bundle:
    """Measure one bundle; made first if it is not there."""
    path, data = _place(name)
    try:
        if not path.exists():
            _make(name)
        found = edgecv.benchmark(path, data=data, options=options)
    except (EdgecvError, OSError) as error:
        return Bundle(name=name, machine=machine_line(), commit=commit(), error=str(error))
    return Bundle(
        name=name,
        machine=machine_line(),
        commit=commit(),
        multiply_adds=found.multiply_adds,
        unstable=found.unstable,
        artifacts=tuple(_measured(row) for row in found.rows),
    )


def _place(name: str) -> tuple[Path, Path]:
    """The bundle, and the labelled samples that it is judged on."""
    if name not in TRAINED:
        return WORK / f"{name}.edgecv", WORK / f"{name}.evaluation.npz"
    starter = name.removesuffix(".trained").removesuffix(".pruned")
    bundle = starters.WORK / f"{name.removesuffix('.trained')}.edgecv"
    return bundle, starters.test_images(starter)


def _make(name: str) -> None:
    if name in TRAINED:
        starters.run(name.removesuffix(".trained").removesuffix(".pruned"))
        return
    from benchmarks.zoo_table import convert_one

    convert_one(name)


def _measured(row: result.BenchRow) -> Measured:
    compared = row.comparisons.get("evaluation")
    times = row.inference
    return Measured(
        artifact=row.artifact,
        backend=row.backend,
        not_run=row.not_run,
        bytes=row.bytes,
        p50_us=times.p50_us if times else None,
        p90_us=times.p90_us if times else None,
        p99_us=times.p99_us if times else None,
        memory_bytes=row.memory_bytes,
        accuracy=row.correct.accuracy if row.correct else None,
        agreement=compared.agreement if compared else None,
    )


def show(bundle: Bundle) -> None:
    """Print one bundle's lines."""
    if bundle.error is not None:
        print(f"{bundle.name}: {bundle.error}", flush=True)
    for row in bundle.artifacts:
        if row.p50_us is None or row.p90_us is None:
            continue
        shares = [f"{value:7.1%}" for value in (row.accuracy, row.agreement) if value is not None]
        times = f"p50 {row.p50_us:9,.0f} us  p90 {row.p90_us:9,.0f} us"
        print(f"{bundle.name:<18} {row.artifact:<30} {times} {' '.join(shares)}", flush=True)
    for reason in bundle.unstable[:1]:
        print(f"{bundle.name:<18} unstable: {reason}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Measure what was asked for, and keep what is known of the others; 1 if a bundle failed."""
    known = _known()
    names, options = _read(arguments)
    for name in names:
        known[name] = measure(name, options)
        show(known[name])
        _write(known)
    return int(any(known[name].error for name in names))


def _everything() -> tuple[str, ...]:
    from benchmarks.zoo import ZOO
    from benchmarks.zoo_kinds import KINDS

    return (*TRAINED, *ZOO, *KINDS, *zoo_shared.MODELS)


def _read(arguments: Sequence[str]) -> tuple[tuple[str, ...], Options]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="bundles of the zoo")
    parser.add_argument("--all", action="store_true", help="the whole zoo")
    parser.add_argument("--seconds", type=float, default=2.0, help="of measuring each artifact")
    given = parser.parse_args(arguments)
    everything = _everything() if given.all or given.names else ()
    unknown = [name for name in given.names if name not in everything]
    if unknown:
        parser.error(f"unknown bundle {unknown[0]!r}; the bundles are {', '.join(everything)}")
    trained = tuple(name for name in ("resnet8",) if name in zoo_shared.MODELS)
    chosen = everything if given.all else tuple(given.names) or (*TRAINED, *STARTING, *trained, *DEEPER)
    return chosen, Options(threads=(1,), seconds=given.seconds, peaks=False)


def _known() -> dict[str, Bundle]:
    if not RESULTS.exists():
        return {}
    found = msgspec.json.decode(RESULTS.read_bytes(), type=Results)
    return {bundle.name: bundle for bundle in found.bundles}


def _write(bundles: dict[str, Bundle]) -> None:
    results = Results(versions=versions(), bundles=tuple(bundles.values()))
    RESULTS.write_text(json.dumps(msgspec.to_builtins(results), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
