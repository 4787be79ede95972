"""Runs one artifact of a bundle on the golden cases, and holds its answers against the recorded ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecv_runtime.backends import Backend, run_float, to_raw
from edgecv_runtime.errors import EdgecvError, MissingDependencyError
from edgecv_runtime.postprocess import Head
from edgecv_runtime.schema import Artifact, Comparison, Gate, GoldenInfo, Parity

from edgecv_converters.coreml.reference import ReferenceCoreML, Suspect, faults
from edgecv_converters.golden import GoldenSample, read_golden, read_sketches
from edgecv_converters.isolate.child import progress
from edgecv_converters.parity.gates import GateConfig, evaluate_gates
from edgecv_converters.parity.methods import Way, activated, how, open_way
from edgecv_converters.parity.metrics import ComparisonAccumulator

DID_NOT_RUN = "did not run"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenCheck:
    """One artifact of the bundle at `root` (an absolute path), and how it is to be checked."""

    root: Path
    artifact: Artifact
    golden: GoldenInfo
    head: Head
    way: Way
    gates: GateConfig
    threads: int


def check_golden(check: GoldenCheck) -> Parity:
    """Whether the artifact gives the recorded answers here; what cannot run says why.

    Raises:
        BundleError: The golden cases are damaged.
    """
    cases = list(read_golden(check.root, check.golden))
    file = check.artifact.file
    try:
        return _compare(check, cases)
    except MissingDependencyError as error:
        return Parity(artifact=file, status="not_run", how="not run", reason=f"{error.message}. {error.hint}")
    except EdgecvError as error:
        return did_not_run(file, error)


def did_not_run(file: str, error: EdgecvError) -> Parity:
    """The record of an artifact that no gate could be held against."""
    return Parity(artifact=file, status="failed", how=DID_NOT_RUN, reason=error.message)


def _compare(check: GoldenCheck, cases: list[GoldenSample]) -> Parity:
    artifact, total = check.artifact, ComparisonAccumulator(check.head)
    backend = open_way(artifact, check.root / artifact.file, check.way, threads=check.threads)
    try:
        for number, case in enumerate(cases):
            total.add([case.id], activated(artifact, case.outputs), run_float(backend, artifact, case.inputs))
            progress(number + 1, len(cases))
        overflow = backend.overflow if isinstance(backend, ReferenceCoreML) else None
        suspect = _suspect(check, backend, cases[0])
    finally:
        backend.close()
    return _judged(check, how(backend), total.result(), overflow, suspect)


def _suspect(check: GoldenCheck, backend: Backend, case: GoldenSample) -> Suspect | None:
    if not isinstance(backend, ReferenceCoreML):
        return None
    raw = {io.name: to_raw(case.inputs[io.name], io) for io in check.artifact.inputs}
    return backend.suspect(raw, read_sketches(check.root, check.golden))


def _judged(check: GoldenCheck, ran: str, found: Comparison, overflow: str | None, suspect: Suspect | None) -> Parity:
    comparisons = {"golden": found}
    results = evaluate_gates(check.gates, check.artifact.precision, comparisons, None)
    failed = [f"{gate.name} is {_value(gate)}, the gate is {gate.limit:g}" for gate in results if not gate.passed]
    failed += faults(failed, overflow, suspect)
    return Parity(
        artifact=check.artifact.file,
        status="failed" if failed else "passed",
        how=ran,
        reason="; ".join(failed) or None,
        comparisons=comparisons,
        gates=results,
    )


def _value(gate: Gate) -> str:
    return "not measured" if gate.value is None else f"{gate.value:.4g}"
