"""A conversion's proof of one artifact: its gates, the artifact whose quantization it carries, and the budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from edgecv_converters.measured import Mixed
from edgecv_converters.parity.fall import TWIN, fall_gates
from edgecv_converters.parity.gates import GOLDEN, LABELLED, GateConfig
from edgecv_converters.parity.verdict import judge, without_run
from edgecv_converters.workers import Proof
from edgecv_converters.workers.prove import MeasuredHead
from edgecv_runtime.errors import EdgecvError
from edgecv_runtime.heads.arithmetic import same_rows
from edgecv_runtime.schema import Artifact, Gate, Parity, Twin

from edgecv.prove.budget import best_reached, budget_gate

TWIN_AGREEMENT: Final = 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinProof:
    """The artifact whose quantization another one carries, and what was measured of it."""

    artifact: Artifact
    proof: Proof


def judge_proof(
    artifact: Artifact,
    proof: Proof | EdgecvError | None,
    config: GateConfig,
    *,
    twin: TwinProof | None,
    twin_is_exact: bool,
    mixed: Mixed | None,
    maps: Gate | None = None,
    weaknesses: Sequence[str] = (),
) -> Parity:
    """Hold one artifact's proof against its gates; what did not run is said to be not run.

    Args:
        artifact: What was to be proven.
        proof: What was measured, the error that kept it from running, or None where it was not run.
        config: The limits of every precision.
        twin: The artifact whose quantization it carries, or None.
        twin_is_exact: Whether that one is a gate; what computes the same integers in another precision is told only.
        mixed: The layers that stay float, where an accuracy budget is judged on this artifact.
        maps: The gate on where the artifact looks, if there is one.
        weaknesses: Why the samples cannot prove much, a sentence each.
    """
    if proof is None:
        return Parity(artifact=artifact.file, status="not_run", how="not run", reason="it was not run")
    if isinstance(proof, EdgecvError):
        return without_run(artifact, proof)
    gates: dict[Gate, str] = {}
    if mixed is not None:
        gates[budget_gate(mixed)] = best_reached(mixed)
    agreed = None if twin is None else twin_of(proof, twin)
    if twin is not None and twin_is_exact:
        gates |= dict.fromkeys(_twin_gates(artifact, proof, twin, agreed, config), "")
    if maps is not None:
        gates[maps] = "" if maps.value is not None else "where it looks was not measured"
    gates |= dict.fromkeys(loss_gates(proof.measured, config.limits[artifact.precision].max_drop), "")
    return judge(
        artifact,
        config,
        proof.comparisons,
        how=proof.how,
        accuracy=proof.accuracy,
        twin=agreed,
        more_gates=gates,
        overflow=proof.overflow,
        suspect=proof.suspect,
        weaknesses=weaknesses,
    )


def loss_gates(measured: Sequence[MeasuredHead], limit: float | None) -> Iterator[Gate]:
    """Give a gate for each head of which more is known than one class: by how many points it is worse than the source.

    The points are those of the head's own measure, such as mAP or mIoU, times 100.
    """
    if limit is None:
        return
    for one in measured:
        own, source = one.metrics.headline(), one.reference.headline()
        if own is not None and source is not None:
            value = 100 * (source[1] - own[1])
            passed = value <= limit
            yield Gate(
                name="max_drop", on=LABELLED, limit=limit, value=value, passed=passed, subject=f"{own[0]} of {one.head}"
            )


def _twin_gates(
    artifact: Artifact, proof: Proof, twin: TwinProof, agreed: Twin | None, config: GateConfig
) -> Iterator[Gate]:
    """The gates of two artifacts that carry one quantization: on their answers, and on how near their numbers are."""
    if agreed is not None:
        yield twin_gate(agreed)
    if [io.activation for io in artifact.outputs] == [io.activation for io in twin.artifact.outputs]:
        on = _whole_set(proof, twin.proof)
        before, now = twin.proof.comparisons[on], proof.comparisons[on]
        yield from fall_gates(TWIN, on, config.limits[artifact.precision].twin_fall_db, [before], now)


def _whole_set(proof: Proof, other: Proof) -> str:
    """The largest set of which both ran the same samples; a reference evaluation may take some of a set alone."""
    ran = proof.comparisons
    same = [name for name, found in ran.items() if found.count == other.comparisons[name].count]
    return max(same, key=lambda name: (name != GOLDEN, ran[name].count))


def twin_gate(twin: Twin) -> Gate:
    """The gate of two artifacts that carry one quantization: one sample may differ, whatever the limit."""
    passed = twin.count - twin.equal <= max(1, (1 - TWIN_AGREEMENT) * twin.count)
    return Gate(name="twin", on=twin.on, limit=TWIN_AGREEMENT, value=twin.agreement, passed=passed)


def twin_of(proof: Proof, twin: TwinProof) -> Twin | None:
    """Count how often an artifact gives the answer of its twin, on the largest set that it decided."""
    if not proof.decisions:
        return None
    on = max(proof.decisions, key=lambda name: len(proof.decisions[name]))
    equal = same_rows(twin.proof.decisions[on][proof.rows[on]], proof.decisions[on])
    return Twin(
        other=twin.artifact.file, on=on, count=len(equal), equal=int(equal.sum()), agreement=float(equal.mean())
    )
