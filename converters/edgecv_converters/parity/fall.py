"""The gates on a fall: how far an output's ratio lies below the one that it had, or that its twin has.

A precision's own bar is loose, since it is for all models. What an artifact gave when it was made is a bar of its own:
int8 that had 30 dB and has 9 dB on another machine is broken, though int8 that never had more is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from edgecv_runtime.schema import Artifact, Comparison, Gate, Parity

from edgecv_converters.parity.gates import GOLDEN, GateConfig
from edgecv_converters.parity.noise import INFINITE

COUNTED_DB: Final = 40.0  # about one int8 step in every value; a higher ratio is counted as this one
RECORDED: Final = "fall_db"
TWIN: Final = "twin_fall_db"
FALLS: Final = {
    RECORDED: "what was recorded when the artifact was made",
    TWIN: "that of the artifact whose quantization it carries",
}


def recorded_falls(
    config: GateConfig, proofs: Iterable[Parity], artifact: Artifact, measured: Comparison
) -> Iterator[Gate]:
    """Give a gate for each part of an output: its fall on the golden cases since the artifact was made.

    Args:
        config: The limits of every precision.
        proofs: The manifest's.
        artifact: What was run.
        measured: Its outputs on the golden cases here.
    """
    recorded = recorded_comparisons(proof for proof in proofs if proof.artifact == artifact.file)
    return fall_gates(RECORDED, GOLDEN, config.limits[artifact.precision].fall_db, recorded, measured)


def recorded_comparisons(proofs: Iterable[Parity]) -> list[Comparison]:
    """Return what an artifact gave when it was made: on the golden cases and the largest set, by each way of running.

    Eight cases are few: by luck they may have had a higher ratio than the artifact has otherwise.
    """
    sets = (proof.comparisons for proof in proofs if GOLDEN in proof.comparisons)
    return [one for found in sets for one in (found[GOLDEN], max(found.values(), key=lambda item: item.count))]


def fall_gates(
    name: str, on: str, limit: float | None, before: Sequence[Comparison], now: Comparison
) -> Iterator[Gate]:
    """Give a gate for each part of an output: by how many dB its ratio lies below the lowest one before.

    There is none where nothing was measured before; a part that was not among what was measured fails.
    """
    known = [{part.part: _counted(part.snr_db) for part in one.parts} for one in before if one.parts]
    if limit is None or not known:
        return
    for part in now.parts:
        ratios = [found[part.part] for found in known if part.part in found]
        fall = max(0.0, min(ratios) - _counted(part.snr_db)) if ratios and now.non_finite == 0 else INFINITE
        value = fall if fall < INFINITE else None
        passed = fall <= limit
        yield Gate(name=name, on=on, limit=limit, value=value, passed=passed, subject=part.part)


def fall_words(gate: Gate) -> str:
    """Say why a fall fails an artifact."""
    ratio, other = f"the signal-to-noise ratio of {gate.subject}", f"{FALLS[gate.name]} (on {gate.on})"
    if gate.value is None:
        return f"{ratio} cannot be held against {other}: one of them is not finite or not measured"
    return f"{ratio} is {gate.value:.4g} dB below {other}, the gate is {gate.limit:g} dB"


def _counted(ratio: float | None) -> float:
    """A ratio as far as it counts; equal outputs have the highest."""
    return COUNTED_DB if ratio is None else min(ratio, COUNTED_DB)
