"""Runs one artifact of a bundle on the golden cases, and holds its answers against the recorded ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecv_runtime.backends import Backend, run_float, to_raw
from edgecv_runtime.errors import EdgecvError
from edgecv_runtime.heads.base import Head
from edgecv_runtime.schema import Artifact, GoldenInfo, Parity

from edgecv_converters.golden import GoldenSample, read_golden, read_sketches
from edgecv_converters.isolate.child import progress
from edgecv_converters.parity.fall import recorded_falls
from edgecv_converters.parity.gates import GOLDEN, GateConfig
from edgecv_converters.parity.methods import activated
from edgecv_converters.parity.metrics import ComparisonAccumulator
from edgecv_converters.parity.suspect import ReferenceEvaluator, Suspect
from edgecv_converters.parity.verdict import judge, without_run
from edgecv_converters.targets import ProofMethod, find


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenCheck:
    """One artifact of the bundle at `root` (an absolute path), and how it is to be checked.

    `recorded` are the proofs from when the bundle was made: how near the artifact was on the same cases then.
    """

    root: Path
    artifact: Artifact
    golden: GoldenInfo
    recorded: tuple[Parity, ...]
    heads: tuple[Head, ...]
    method: ProofMethod
    gates: GateConfig
    threads: int


def check_golden(check: GoldenCheck) -> Parity:
    """Run the artifact and judge it by the recorded answers; what cannot run says why.

    Raises:
        BundleError: The golden cases are damaged.
    """
    cases = list(read_golden(check.root, check.golden))
    try:
        return _compare(check, cases)
    except EdgecvError as error:
        return without_run(check.artifact, error)


def _compare(check: GoldenCheck, cases: list[GoldenSample]) -> Parity:
    artifact, total = check.artifact, ComparisonAccumulator(check.heads)
    target = find(artifact.target)
    backend = target.open(artifact, check.root / artifact.file, check.method, threads=check.threads)
    try:
        for number, case in enumerate(cases):
            total.add([case.id], activated(artifact, case.outputs), run_float(backend, artifact, case.inputs))
            progress(number + 1, len(cases))
        overflow = backend.overflow if isinstance(backend, ReferenceEvaluator) else None
        suspect = _suspect(check, backend, cases[0])
    finally:
        backend.close()
    measured = total.result()
    falls = recorded_falls(check.gates, check.recorded, artifact, measured)
    return judge(
        artifact,
        check.gates,
        {GOLDEN: measured},
        how=target.execution(backend),
        more_gates=dict.fromkeys(falls, ""),
        overflow=overflow,
        suspect=suspect,
    )


def _suspect(check: GoldenCheck, backend: Backend, case: GoldenSample) -> Suspect | None:
    if not isinstance(backend, ReferenceEvaluator):
        return None
    raw = {io.name: to_raw(case.inputs[io.name], io) for io in check.artifact.inputs}
    return backend.suspect(raw, read_sketches(check.root, check.golden))
