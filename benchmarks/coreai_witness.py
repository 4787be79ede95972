"""Core ML's reference evaluator against Apple's own code: every model of the zoo in both, on the same samples.

Usage: python -m benchmarks.coreai_witness [NAME ...]     (named models only: their rows are replaced, the others kept)
`make zoo` does the same for the models that it measures.

Each model is converted by `edgecv.convert.pipeline.convert` to Core ML and Core AI in float32, float16 and int8, with
the proof of each. Then both answer the same samples: a Core AI model is made of the Core ML program of its precision,
so what differs is Apple's CPU runtime for Linux against NumPy. Writes `benchmarks/results/coreai.json`, prints a table.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from edgecv_converters.golden import read_golden
from edgecv_converters.parity.parts import worst_head, worst_part
from edgecv_converters.targets import find
from edgecv_runtime.backends import open_backend, run_float
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import EdgecvError
from edgecv_runtime.formats import COREAI, COREAI_CORE
from edgecv_runtime.npz import LABEL_KEYS
from edgecv_runtime.records import Record

import edgecv
from benchmarks import zoo_shared
from benchmarks.coreai_rounding import partings
from benchmarks.shared import ROOT, names_given
from benchmarks.zoo_table import WORK, prepare, request_for
from edgecv.convert.pipeline import Outcome, convert
from edgecv.machine import machine_line
from edgecv.machine import versions as tool_versions

RESULTS: Final = ROOT / "benchmarks" / "results" / "coreai.json"
PRECISIONS: Final = ("float32", "float16", "int8")
STEPS: Final = tuple(f"{target}:{precision}" for target in ("coreml", "coreai") for precision in PRECISIONS)
COMPARED: Final = 16  # samples
NEAR: Final = 1e-3  # steps from a half that a float32 sum in another order may move a value by


class Witness(Record, frozen=True):
    """One precision of one model.

    Attributes:
        status: Of Apple's runtime against the source; `agreement` and `snr_db` likewise, of the worst head and part.
        reason: Why there is no model, or why it failed.
        values: The output values that both gave, over all compared samples.
        equal: As many of them are the same in both to the bit.
        largest: The largest difference, as a share of the largest magnitude of its output.
        samples: The compared samples, and `apart` those of int8 in which a quantized tensor differs.
        steps: The largest difference in the first of these tensors, in steps of its scale.
        from_half: How far from a half the value before rounding is there, at most, in steps.
    """

    status: str
    reason: str | None = None
    agreement: float | None = None
    snr_db: float | None = None
    values: int = 0
    equal: int = 0
    largest: float = 0.0
    samples: int = 0
    apart: int = 0
    steps: float = 0.0
    from_half: float = 0.0


class WitnessRow(Record, frozen=True):
    """One model, by precision, on one machine; `samples` are those that both answered."""

    name: str
    machine: str
    samples: int
    seconds: float
    precisions: dict[str, Witness]


class WitnessResults(Record, frozen=True):
    """All of `coreai.json`."""

    versions: dict[str, str]
    rows: tuple[WitnessRow, ...]


def main(arguments: Sequence[str]) -> int:
    """Compare the named models, or all; returns 1 if a precision failed, or int8 differs by more than its roundings."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from benchmarks.zoo import ZOO
    from benchmarks.zoo_kinds import KINDS
    from benchmarks.zoo_places import PLACES

    known = (*ZOO, *KINDS, *zoo_shared.MODELS, *PLACES)
    names = names_given(arguments, known, "hold Core ML's evaluator against Core AI's runtime")
    if not COREAI.backends[0].may_run:
        print(f"coreai_witness: skipped: {COREAI_CORE.name} is not here: {COREAI_CORE.install}")
        return 0
    failed = False
    for name in names:
        row = compare(name)
        rows = {kept.name: kept for kept in _kept()} | {name: row}  # another run may have written its own meanwhile
        failed |= any(one.status == "failed" or not _is_rounding(one) for one in row.precisions.values())
        ordered = tuple(rows[other] for other in known if other in rows)
        results = WitnessResults(versions=tool_versions(), rows=ordered)
        RESULTS.write_text(json.dumps(msgspec.to_builtins(results), indent=1) + "\n")
        print(_line(row), flush=True)
    return int(failed)


def _is_rounding(one: Witness) -> bool:
    """Tell whether int8 differs only where a sum in another order falls on the other side of a half."""
    return one.steps <= 1 and one.from_half < NEAR


def compare(name: str) -> WitnessRow:
    """Build the model and its samples if they are not there, convert it, and hold both formats together."""
    from benchmarks.zoo_places import PLACES

    began = time.monotonic()
    try:
        outcome, samples = _place(name) if name in PLACES else _plain(name)
        found = dict(_witnesses(outcome, samples))
    except EdgecvError as error:
        found = dict.fromkeys(PRECISIONS, Witness("failed", error.message))
    count = max(one.samples for one in found.values())
    return WitnessRow(
        name=name,
        machine=machine_line(),
        samples=count,
        seconds=round(time.monotonic() - began, 1),
        precisions=found,
    )


def _plain(name: str) -> tuple[Outcome, Path | None]:
    """Convert a model of the zoo; gives its evaluation samples as well."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        model, calibration, evaluation, _ = pool.submit(prepare, name).result()
    return convert(request_for(model, calibration, evaluation, f"{name}.coreai.edgecv", STEPS)), evaluation


def _place(name: str) -> tuple[Outcome, Path | None]:
    """Convert a detector or the like; it is compared on the bundle's golden cases."""
    from benchmarks.zoo_places import PLACES, files_of

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        files = pool.submit(files_of, name, WORK).result()
    outcome = edgecv.convert(
        files.model,
        WORK / f"{name}.coreai.edgecv",
        quantize=list(STEPS),
        preprocess=PLACES[name].preprocess,
        calibrate=files.calibration,
        evaluate=files.evaluation,
        heads=[files.head],
        force=True,
        keep_failing=True,
        keep_going=True,
    )
    return outcome, None


def _witnesses(outcome: Outcome, samples: Path | None) -> Iterator[tuple[str, Witness]]:
    for failure in outcome.failures:
        if failure.target == "coreai":
            yield failure.precision, Witness("failed", failure.message)
    assert outcome.path is not None
    proofs = {parity.artifact: parity for parity in outcome.report.parity}
    with Bundle.load(outcome.path) as bundle:
        inputs = _inputs(bundle, samples)
        for artifact in bundle.manifest.artifacts:
            if artifact.target != "coreai":
                continue
            parity = proofs[artifact.file]
            compared = parity.comparisons["evaluation"]
            head = worst_head(compared.heads)
            part = worst_part(compared.parts)
            proven = Witness(
                status=parity.status,
                reason=parity.reason,
                agreement=head.agreement if head else None,
                snr_db=part.snr_db if part else None,
            )
            yield artifact.precision, _held(bundle, artifact.precision, inputs, proven)


def _inputs(bundle: Bundle, samples: Path | None) -> dict[str, np.ndarray]:
    names = [spec.name for spec in bundle.manifest.inputs]
    if samples is not None:
        with np.load(samples) as arrays:
            if len(names) == 1:  # whose array may have another name
                return {names[0]: next(arrays[key] for key in arrays.files if key not in LABEL_KEYS)[:COMPARED]}
            return {name: arrays[name][:COMPARED] for name in names}
    cases = list(read_golden(bundle.root, bundle.manifest.golden))
    return {name: np.concatenate([case.inputs[name] for case in cases]) for name in names}


def _held(bundle: Bundle, precision: str, inputs: dict[str, np.ndarray], proven: Witness) -> Witness:
    """Answer the same samples in both, and count."""
    ours, theirs = (bundle.artifact(target, precision) for target in ("coreai", "coreml"))
    with (
        closing(open_backend(ours, bundle.path(ours))) as runtime,
        closing(find("coreml").open(theirs, bundle.path(theirs), "reference")) as evaluator,
    ):
        found, wanted = run_float(runtime, ours, inputs), run_float(evaluator, theirs, inputs)
    values, equal, largest = 0, 0, 0.0
    for name, expected in wanted.items():
        values += expected.size
        equal += int(np.count_nonzero(found[name] == expected))
        off = float(np.abs(found[name].astype(np.float64) - expected).max())
        largest = max(largest, off / max(float(np.abs(expected).max()), 1e-30))
    samples = len(next(iter(inputs.values())))
    held = msgspec.structs.replace(proven, values=values, equal=equal, largest=largest, samples=samples)
    if precision != "int8":
        return held
    apart = [one for one in partings(ours, bundle.path(theirs), inputs) if one is not None]
    return msgspec.structs.replace(
        held,
        apart=len(apart),
        steps=max((one.steps for one in apart), default=0.0),
        from_half=max((one.from_half for one in apart), default=0.0),
    )


def _kept() -> tuple[WitnessRow, ...]:
    if not RESULTS.exists():
        return ()
    return msgspec.json.decode(RESULTS.read_bytes(), type=WitnessResults).rows


def _line(row: WitnessRow) -> str:
    cells = [_text(row.precisions[precision]) for precision in PRECISIONS if precision in row.precisions]
    return f"| {' | '.join([row.name, *cells])} |"


def _text(one: Witness) -> str:
    if not one.values:
        return f"failed: {one.reason}"
    parts = [] if one.agreement is None else [f"{one.agreement:.1%}"]
    parts += [] if one.snr_db is None else [f"{one.snr_db:.0f} dB"]
    witness = "the same bits" if one.equal == one.values else f"{one.largest:.1e} ({one.equal / one.values:.1%} equal)"
    if one.apart:
        witness += f"; {one.apart} of {one.samples} apart by {one.steps:g}, {one.from_half:.0e} from a half"
    return ", ".join([*parts, witness, *([] if one.status == "passed" else [one.status])])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
