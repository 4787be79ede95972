"""The one judge of an artifact: what was measured of it, held against its gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from edgecv_runtime.errors import EdgecvError, MissingDependencyError
from edgecv_runtime.schema import Accuracy, Artifact, Comparison, Gate, Parity, Twin

from edgecv_converters.parity.fall import FALLS, fall_words
from edgecv_converters.parity.gates import MEASURED, GateConfig, deciding_set, evaluate_gates
from edgecv_converters.parity.suspect import Suspect, faults

DID_NOT_RUN: Final = "did not run"
READ_OF_VALUES: Final = frozenset({"snr_db", "agreement", *MEASURED})


def judge(
    artifact: Artifact,
    config: GateConfig,
    comparisons: Mapping[str, Comparison],
    *,
    how: str,
    accuracy: Accuracy | None = None,
    twin: Twin | None = None,
    more_gates: Mapping[Gate, str] | None = None,
    overflow: str | None = None,
    suspect: Suspect | None = None,
    weaknesses: Sequence[str] = (),
) -> Parity:
    """Hold an artifact that ran against its gates: one that is not passed fails the artifact.

    Args:
        artifact: What was run.
        config: The limits of every precision.
        comparisons: Its outputs against the source's, by data set.
        how: What executed it.
        accuracy: On labelled samples, or None.
        twin: How often it gives the answer of the artifact whose quantization it carries, or None.
        more_gates: Gates that only a conversion has, each with the reason that is given where it is not passed ("" for
            the usual one).
        overflow: The first operation whose result was not finite, in words; it fails the artifact by itself.
        suspect: The operation that departs most from the source, which is named where something else fails.
        weaknesses: Why the samples cannot prove much, a sentence each; what holds its gates on them is "weak".
    """
    gates = dict.fromkeys(evaluate_gates(config, artifact.precision, comparisons, accuracy), "") | dict(
        more_gates or {}
    )
    on, measured = deciding_set(comparisons)
    missed = {gate: reason for gate, reason in gates.items() if not gate.passed}
    failed = []
    if measured is not None and measured.non_finite and any(gate.name in READ_OF_VALUES for gate in missed):
        failed = [f"{measured.non_finite} of {measured.count} answers are not finite: NaN or infinite (on {on})"]
        missed = {gate: reason for gate, reason in missed.items() if gate.name not in READ_OF_VALUES}
    failed += [reason or _reason(gate) for gate, reason in missed.items()]
    failed += faults(failed, overflow, suspect)
    return Parity(
        artifact=artifact.file,
        status="failed" if failed else "weak" if weaknesses else "passed",
        how=how,
        reason="; ".join(failed or weaknesses) or None,
        comparisons=dict(comparisons),
        accuracy=accuracy,
        twin=twin,
        gates=tuple(gates),
    )


def without_run(artifact: Artifact, error: EdgecvError) -> Parity:
    """Record an artifact that no gate could be held against: not run where a package is missing, else failed."""
    if isinstance(error, MissingDependencyError):
        return Parity(artifact=artifact.file, status="not_run", how="not run", reason=f"{error.message}. {error.hint}")
    return Parity(artifact=artifact.file, status="failed", how=DID_NOT_RUN, reason=error.message)


def worst(found: Sequence[Parity]) -> Parity:
    """Choose what an artifact's status is read from: failed where any method fails, else weak, else passed."""
    order = ("failed", "weak", "passed", "not_run")
    return min(found, key=lambda parity: order.index(parity.status))


def _reason(gate: Gate) -> str:
    if gate.name == "constant":
        return f"{gate.subject} varies in the source and is constant in the artifact (on {gate.on})"
    if gate.name == "lost":
        return f"{gate.subject} follows the source no better than a constant does, or by another factor (on {gate.on})"
    if gate.name == "never":
        return f"the artifact never answers {gate.subject}, which the source does (on {gate.on})"
    if gate.name in FALLS:
        return fall_words(gate)
    value = "not measured" if gate.value is None else f"{gate.value:.4g}"
    subject = "" if gate.subject is None else f" of {gate.subject}"
    return f"{gate.name}{subject} is {value} on {gate.on}, the gate is {gate.limit:g}"
